"""Face tracks of benchmark clips, kept in a folder between runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from talkingface.errors import NoFaceError
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import track_video

FIELDS = ("frames", "times", "landmarks", "presence", "boxes", "confidence")


def most_prominent(path: Path, cache: Path | None = None) -> FaceTrack:
    """The most prominent track of a video; from the cache when the very same bytes were tracked before."""
    kept = None if cache is None else cache / f"{path.stem}-{digest_of(path)}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as packed:
            width, height = (int(value) for value in packed["size"])
            return FaceTrack(width=width, height=height, **{name: packed[name] for name in FIELDS})
    tracks = track_video(path, threads=1).tracks
    if not tracks:
        raise NoFaceError(f"{path.name}: no face")
    track = tracks[0]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        values = {name: np.asarray(getattr(track, name)) for name in FIELDS}
        np.savez(kept, size=np.array([track.width, track.height]), **values)
    return track


def digest_of(path: Path) -> str:
    """The first 16 digits of a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
