"""What pass 1 learnt, in a folder: written once, read by the same job or a later one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OutputError
from talkingface.faces.mesh_topology import MESH_POINTS
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks
from talkingface.media.planes import PlaneLayout
from talkingface.media.probe import MediaInfo
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.landmark.donors import Donors
from talkingface.models.video_retalking.landmark.packed_donors import PackedDonors, RecentDonors

INDEX = "analysis.json"
FRAMES = "frames.npz"
_TRACK_ARRAYS = ("frames", "times", "presence", "boxes", "confidence")


@dataclass(frozen=True)
class Analysis:
    """What pass 1 learnt.

    Attributes:
        clip: Frame times and face tracks.
        donors: Mouth crops of each face, by the track's number.
        layout: How the frames' planes are to be read.
        last_duration: Ticks the last frame is shown; None when the file does not say.
        loss: What of the video could not be decoded, None when it is whole.
        marks: (N,) int64 ``DecodedFrame.mark`` of every frame, by which pass 2 makes sure that it sees the same.
    """

    clip: ClipTracks
    donors: dict[int, Donors]
    layout: PlaneLayout
    last_duration: int | None
    loss: str | None
    marks: NDArray[np.int64]


def donors_path(folder: Path, number: int) -> Path:
    """Where the mouths of a track lie."""
    return folder / f"donors-{number}.planes"


def landmarks_path(folder: Path, number: int) -> Path:
    """Where the landmarks of a track lie."""
    return folder / f"landmarks-{number}.rows"


def save_analysis(
    folder: Path, clip: ClipTracks, layout: PlaneLayout, last_duration: int | None, loss: str | None,
    marks: Sequence[int],
) -> None:  # fmt: skip
    """Write what is not in the folder yet: all but landmarks and mouths.

    Args:
        folder: The folder that holds the landmarks and mouths of every track.
        clip: Frame times and face tracks, whose landmarks are ``RowFile`` in the folder.
        layout: How the frames' planes are to be read.
        last_duration: Ticks the last frame is shown.
        loss: What could not be decoded.
        marks: Of every frame.

    Raises:
        OutputError: it cannot be written.
    """
    tracks: Sequence[FaceTrack] = clip.tracks
    index = {
        "layout": asdict(layout),
        "last_duration": last_duration,
        "loss": loss,
        "damaged": clip.damaged,
        "cuts": [int(cut) for cut in clip.cuts],
        "tracks": [{"number": track.number, "width": track.width, "height": track.height} for track in tracks],
    }
    try:
        with (folder / FRAMES).open("wb") as file:
            np.savez(file, times=clip.frame_times, pts=clip.frame_pts, marks=np.array(marks, np.int64))
        for track in tracks:
            arrays = {name: getattr(track, name) for name in _TRACK_ARRAYS}
            if track.identity is not None:
                arrays["identity"] = track.identity
            with _track_path(folder, track.number).open("wb") as file:
                np.savez(file, **arrays)
        (folder / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written in ({error.strerror or error})") from error


def load_analysis(folder: Path, info: MediaInfo, recent: RecentDonors | None = None) -> Analysis:
    """Read an analysis.

    Args:
        folder: What ``save_analysis`` wrote.
        info: Of the video, probed anew.
        recent: Shared memory for mouths.

    Raises:
        OSError: a file is missing or cannot be read.
        ValueError: a file is not whole.
        KeyError: a file is of another version.
    """
    index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    layout = PlaneLayout(**index["layout"])
    recent = recent or RecentDonors()
    tracks, donors = [], {}
    for entry in index["tracks"]:
        number = entry["number"]
        landmarks = RowFile(landmarks_path(folder, number), (MESH_POINTS, 3))
        arrays = _arrays(_track_path(folder, number))
        values = {name: arrays[name] for name in _TRACK_ARRAYS}
        identity = arrays.get("identity")
        tracks.append(FaceTrack(**values, landmarks=landmarks, identity=identity, **entry))
        donors[number] = PackedDonors(donors_path(folder, number), layout, recent)
    frames = _arrays(folder / FRAMES)
    clip = ClipTracks(info, frames["times"], frames["pts"], tracks, index["cuts"], index["damaged"])
    return Analysis(clip, dict(donors), layout, index["last_duration"], index["loss"], frames["marks"])


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as packed:
            return dict(packed)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: is not whole") from error


def _track_path(folder: Path, number: int) -> Path:
    return folder / f"track-{number}.npz"
