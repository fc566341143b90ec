"""From video files to the packed data set: face tracks, sound, and one cache that a later run goes on from."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.progress import Cancellation, Progress
from talkingface.training.clip_list import ListedClip
from talkingface.training.mouth_data import MouthClip, make_clip
from talkingface.training.packing import ClipPack, load_pack, save_pack
from talkingface.weights.embedded import asset_path

if TYPE_CHECKING:
    from talkingface.faces.tracker import Embedder

log = logging.getLogger("talkingface.training")

SAVE_SECONDS = 120.0
PACK_NAME = "clips.npz"


def generic_face() -> NDArray[np.float32]:
    """The canonical face (478, 3) that ships: networks trained on other data speak the same coordinates.

    Raises:
        WeightsMissingError: when the installation lacks it.
    """
    with np.load(asset_path("mouth_shape.npz"), allow_pickle=False) as packed:
        return np.asarray(packed["reference"], np.float32)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content as hexadecimal digits.

    Raises:
        MediaError: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from None


def clips_of_track(
    listed: ListedClip,
    digest: str,
    landmarks: NDArray[np.float32],
    frames: NDArray[np.int64],
    times: NDArray[np.float64],
    samples: NDArray[np.float32],
    reference: NDArray[np.float32],
    appearance: NDArray[np.float32] | None = None,
) -> list[MouthClip]:
    """The usable gapless parts of one track.

    Args:
        listed: Where it comes from.
        digest: SHA-256 of the file.
        landmarks: (T, 478, 3) pixels.
        frames: (T,) index of each frame in the file.
        times: (T,) seconds on the file's clock.
        samples: Mono 16 kHz, -1..1, from second 0 of that clock.
        reference: Generic canonical face (478, 3).
        appearance: (128,) mean appearance embedding of the track; None when unknown.

    Raises:
        MediaError: when no part is usable; the message is the reason of the longest.
    """
    clips: list[MouthClip] = []
    reasons: list[tuple[int, str]] = []
    parts = np.split(np.arange(len(frames)), np.flatnonzero(np.diff(frames) > 1) + 1)
    for number, part in enumerate(parts):
        name = f"{listed.path.stem}-{number}" if len(parts) > 1 else listed.path.stem
        try:
            clip = make_clip(
                name, landmarks[part], times[part], samples, reference,
                source=listed.source, speaker=listed.speaker, digest=digest, appearance=appearance,
            )  # fmt: skip
            clips.append(clip)
        except MediaError as error:
            reasons.append((len(part), str(error)))
    if not clips:
        raise MediaError(max(reasons)[1])
    return clips


def clips_of_file(
    listed: ListedClip,
    digest: str,
    reference: NDArray[np.float32],
    embedder: Embedder,
    cancel: Cancellation | None = None,
) -> list[MouthClip]:
    """Follow the face of a video and make clips of it.

    Args:
        listed: The video.
        digest: SHA-256 of the file.
        reference: Generic canonical face (478, 3).
        embedder: Describes how the face looks, by which people are told apart.
        cancel: Checked at every frame.

    Raises:
        MediaError: when nothing in it is usable.
        Cancelled: when asked to stop.
    """
    # only now: training from a packed file needs no video code
    from talkingface.faces.video import track_video
    from talkingface.media.audio import read_audio, to_mono_16k

    samples = to_mono_16k(read_audio(listed.path))
    found = track_video(listed.path, threads=1, max_faces=1, embedder=embedder, cancel=cancel)
    if not found.tracks:
        raise MediaError("no face")
    clips: list[MouthClip] = []
    reason = ""
    for number, track in enumerate(found.tracks):
        part = (
            listed
            if len(found.tracks) == 1
            else replace(listed, path=listed.path.with_stem(f"{listed.path.stem}-{number}"))
        )
        try:
            clips += clips_of_track(
                part, digest, np.asarray(track.landmarks), track.frames, track.times, samples, reference,
                track.identity,
            )  # fmt: skip
        except MediaError as error:
            reason = reason or str(error)
    if not clips:
        raise MediaError(reason)
    return clips


def prepare_pack(
    listed: Sequence[ListedClip],
    folder: Path,
    threads: int,
    progress: Progress,
    cancel: Cancellation,
) -> ClipPack:
    """The packed data set of these files, made or taken from the cache ``clips.npz`` in a folder.

    Every file is known by its content and the version of the extraction: files that were looked at before, by this
    run or one that was stopped, are not looked at again.

    Args:
        listed: The files.
        folder: Where the cache lies.
        threads: Files at a time.
        progress: Told about every file.
        cancel: Checked at every frame.

    Returns:
        A pack of these files alone, in their order, with sources and speakers as listed now.

    Raises:
        MediaError: when no file gives a usable clip; the message counts the reasons.
        Cancelled: when asked to stop; what was extracted is kept.
    """
    cache = folder / PACK_NAME
    pack = (load_pack(cache) if cache.is_file() else None) or ClipPack(generic_face())
    progress.stage("read files", len(listed))
    reasons: Counter[str] = Counter()
    wanted: dict[str, ListedClip] = {}
    for item in listed:
        cancel.check()
        try:
            digest = file_digest(item.path)
        except MediaError as error:
            reasons["cannot be read"] += 1
            log.warning("%s", error)
        else:
            wanted.setdefault(digest, item)
        progress.advance()
    known = pack.known_files()
    missing = {digest: item for digest, item in wanted.items() if digest not in known}
    if missing:
        log.info("%d of %d files are looked at; the others were before", len(missing), len(wanted))
        _extract(missing, pack, cache, threads, progress, cancel)
    chosen = _chosen(pack, wanted)
    for reason in chosen.unusable.values():
        reasons[reason] += 1
    counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if not chosen.clips:
        raise MediaError(f"none of {len(listed)} files gives a usable clip: {counted}")
    if reasons:
        progress.message(f"{sum(reasons.values())} of {len(listed)} files are not usable: {counted}")
    return chosen


def read_pack(path: Path) -> ClipPack:
    """A packed data set that another machine made.

    Raises:
        MediaError: when it is none, holds no clip, or is of another version.
    """
    pack = load_pack(path) if path.is_file() else None
    if pack is None:
        raise MediaError(f"{path}: is not there, or another version made it; make it again from the videos")
    if not pack.clips:
        raise MediaError(f"{path}: holds no usable clip")
    return pack


def _extract(
    missing: dict[str, ListedClip], pack: ClipPack, cache: Path, threads: int, progress: Progress, cancel: Cancellation
) -> None:
    # only now: what was extracted before needs no network
    from talkingface.faces.identity import FaceEmbedder

    progress.stage("find faces", len(missing))
    embedder = FaceEmbedder()
    saved_at = time.monotonic()
    try:
        with ThreadPoolExecutor(max(1, threads)) as pool:
            try:
                for digest, outcome in _finished(pool, missing, pack.reference, embedder, cancel, 4 * max(1, threads)):
                    try:
                        pack.clips += outcome.result()
                    except MediaError as error:
                        # the path is in the log; as a reason to be counted it would make every file its own
                        pack.unusable[digest] = str(error).removeprefix(f"{missing[digest].path}: ")
                    progress.advance()
                    if time.monotonic() - saved_at > SAVE_SECONDS:
                        save_pack(cache, pack)
                        saved_at = time.monotonic()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        save_pack(cache, pack)


def _finished(
    pool: ThreadPoolExecutor,
    missing: dict[str, ListedClip],
    reference: NDArray[np.float32],
    embedder: Embedder,
    cancel: Cancellation,
    ahead: int,
) -> Iterator[tuple[str, Future[list[MouthClip]]]]:
    """Outcomes in the order of the files, with at most ``ahead`` files begun."""
    waiting: list[tuple[str, Future[list[MouthClip]]]] = []
    for digest, item in missing.items():
        waiting.append((digest, pool.submit(clips_of_file, item, digest, reference, embedder, cancel)))
        if len(waiting) >= ahead:
            yield waiting.pop(0)
    yield from waiting


def _chosen(pack: ClipPack, wanted: dict[str, ListedClip]) -> ClipPack:
    by_file: dict[str, list[MouthClip]] = {}
    for clip in pack.clips:
        by_file.setdefault(clip.digest, []).append(clip)
    clips = [
        replace(clip, source=item.source, speaker=item.speaker)
        for digest, item in wanted.items()
        for clip in by_file.get(digest, [])
    ]
    return ClipPack(pack.reference, clips, {d: pack.unusable[d] for d in wanted if d in pack.unusable})
