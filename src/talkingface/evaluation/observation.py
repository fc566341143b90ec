"""What evaluation sees and hears of each file. A file is decoded once for landmarks and picture measures together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import NoFaceError
from talkingface.evaluation.metrics.picture import MouthPictureMeter
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean, interocular_distance
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.track import FaceTrack
from talkingface.faces.tracker import Embedder
from talkingface.faces.video import ClipTracker
from talkingface.media.audio import SPEECH_RATE, read_audio, to_mono_16k
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader
from talkingface.models.syncnet.landmark_expert import Embeddings, LandmarkSyncExpert, MouthOnGrid, mouth_on_grid
from talkingface.progress import Cancellation, Progress
from talkingface.weights.embedded import asset_path

Kept = TypeVar("Kept")
HELD_STEP = 0.1 / 255  # less than a tenth of a code of luma: the same frame again, coded once more
LONGEST_HELD = 0.1  # seconds; interpolation bridges no more
TRACK_ROWS = ("frames", "times", "landmarks", "presence", "boxes", "confidence")
SOUNDS = ("sound", "silence", "syncnet sound", "syncnet silence")


@dataclass(frozen=True)
class Observation:
    """What a video shows.

    Attributes:
        path: The file.
        still: It is a picture.
        width: Columns of its coded picture.
        height: Rows of its coded picture.
        rotation: Degrees clockwise that a player turns it.
        frame_times: (N,) seconds of every frame on the file's clock.
        face: The most prominent person's face, across cuts; the only one that is scored.
        sharpness: (T,) of the mouth box in each of the track's frames, nan where unknown.
        change: (T,) second difference in time of the mouth box, nan where unknown.
        step: (T,) first difference in time of the mouth box, nan where unknown.
        cuts: Indices of frames that begin a new shot.
    """

    path: Path
    still: bool
    width: int
    height: int
    rotation: int
    frame_times: NDArray[np.float64]
    face: FaceTrack
    sharpness: NDArray[np.float64]
    change: NDArray[np.float64]
    step: NDArray[np.float64]
    cuts: tuple[int, ...] = ()

    @cached_property
    def moving_face(self) -> FaceTrack:
        """The face without frames that only hold the one before.

        A clip brought to a higher frame rate holds frames, and its mouth would then seem to stand still and to jump.
        """
        kept = distinct_frames(self.face.times, self.step)
        return self.face if kept.all() else _some_rows(self.face, np.flatnonzero(kept))

    @property
    def frames_without_face(self) -> int:
        """Frames in which this face was not seen."""
        return len(self.frame_times) - len(self.face)

    @property
    def opening_range(self) -> float:
        """How far the mouth moves: 95th less 10th percentile of the inner-lip gap, inter-ocular distances."""
        points = np.asarray(self.face.landmarks)[..., :2]
        upper = points[:, list(mesh.INNER_UPPER_MIDDLE)].mean(1)
        lower = points[:, list(mesh.INNER_LOWER_MIDDLE)].mean(1)
        gap = np.linalg.norm(lower - upper, axis=1) / interocular_distance(points)
        return float(np.percentile(gap, 95) - np.percentile(gap, 10))

    def per_frame(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Spread (T,) values of the track's frames over all (N,) frames, nan elsewhere."""
        spread = np.full(len(self.frame_times), np.nan)
        spread[self.face.frames] = values
        return spread


def generic_face() -> NDArray[np.float64]:
    """The generic canonical face (478, 3) that poses are measured against.

    Raises:
        WeightsMissingError: when the installation lacks it.
    """
    with np.load(asset_path("mouth_shape.npz"), allow_pickle=False) as packed:
        return np.asarray(packed["reference"], np.float64)


def observe(
    path: Path,
    reference: NDArray[np.floating],
    *,
    width: int | None = None,
    embedder: Embedder | None = None,
    threads: int = 0,
    progress: Progress,
    cancel: Cancellation,
) -> Observation:
    """Decode a video once; follow its faces and measure their mouth boxes.

    Args:
        path: A video or picture.
        reference: (478, 3) generic canonical face.
        width: Measure pictures as if they were so wide; None for their own width.
        embedder: Knows people again after a cut; without it only one shot's face is scored.
        threads: Decoder threads, 0 for all cores.
        progress: Advanced by one a frame.
        cancel: Checked at every frame.

    Raises:
        MediaError: it cannot be read.
        NoFaceError: no face was found in any frame.
    """
    with VideoReader(path, threads=threads) as reader:
        clip = ClipTracker(reader.stream.rotation, embedder=embedder)
        meter = MouthPictureMeter(reference, width)
        for decoded in reader.frames():
            cancel.check()
            clip.feed(decoded)
            meter.feed(decoded.index, decoded.frame, clip.tracker.current())
            progress.advance()
        found = clip.finish(reader.info, reader.damaged)
    if not found.people:
        raise NoFaceError(f"{path}: no face was found in any of its {found.frames} frames")
    tracks = found.people[0].tracks
    face = _one_track(tracks)
    measured = np.concatenate([meter.of_face(track.frames, track.number) for track in tracks], axis=1)
    sharpness, change, step = measured[:, _in_time(tracks)]
    return Observation(
        path,
        found.info.is_still,
        face.width,
        face.height,
        found.info.video[0].rotation,
        found.frame_times,
        face,
        sharpness,
        change,
        step,
        tuple(found.cuts),
    )


def _in_time(tracks: Sequence[FaceTrack]) -> NDArray[np.int64]:
    """The order in which the rows of a person's tracks, one track after another, rise in time."""
    return np.argsort(np.concatenate([track.frames for track in tracks]), kind="stable")


def _one_track(tracks: Sequence[FaceTrack]) -> FaceTrack:
    """A person's tracks as one."""
    if len(tracks) == 1:
        return tracks[0]
    joined: dict[str, Any] = {
        name: np.concatenate([np.asarray(getattr(track, name)) for track in tracks]) for name in TRACK_ROWS
    }
    return _some_rows(replace(tracks[0], **joined), _in_time(tracks))


def _some_rows(track: FaceTrack, rows: NDArray[np.int64]) -> FaceTrack:
    kept: dict[str, Any] = {name: np.asarray(getattr(track, name))[rows] for name in TRACK_ROWS}
    return replace(track, **kept)


def distinct_frames(times: NDArray[np.float64], step: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frames show something new.

    The first and the last always count, and so does one without which there would be a hole of over 0.1 s.

    Args:
        times: (T,) seconds of the frames.
        step: (T,) mean absolute difference from the frame before, 0..1; nan where unknown, which is new.
    """
    held = step < HELD_STEP
    kept = ~held
    if len(kept):
        kept[0] = kept[-1] = True
    latest = 0
    for index in range(1, len(kept) - 1):
        if not kept[index] and times[index + 1] - times[latest] > LONGEST_HELD:
            kept[index] = True
        if kept[index]:
            latest = index
    return np.asarray(kept)


def mouth_motion(observation: Observation, reference: NDArray[np.floating]) -> MouthOnGrid:
    """The mouth of an observed face as the judge sees it."""
    face = observation.moving_face
    _, shape = align_to_own_mean(np.asarray(face.landmarks), reference)
    return mouth_on_grid(shape[:, list(mesh.MOUTH_POINTS), :2], face.times)


@dataclass(frozen=True)
class EvaluationSettings:
    """What a user can ask of the metrics.

    Attributes:
        checkpoint_dir: Where weights that users bring lie.
        lse_mode: How SyncNet is shown the face: ``tracked``, cut out as its authors do, or ``lrs``, the whole picture,
            for files that are cut out already.
        device: Where optional networks run: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: Of everything random.
    """

    checkpoint_dir: Path = Path("checkpoints")
    lse_mode: str = "tracked"
    device: str = "auto"
    seed: int = 0


class Library:
    """Everything seen and heard in one evaluation, each file and each embedding worked out once.

    Nothing outlives the evaluation, so no score can come from a file that has changed since.

    Args:
        threads: Decoder threads, 0 for all cores.
        progress: Advanced by one a frame.
        cancel: Checked at every frame.
        settings: What the user asks of the metrics.
    """

    def __init__(
        self,
        threads: int,
        progress: Progress,
        cancel: Cancellation,
        settings: EvaluationSettings | None = None,
    ) -> None:
        self.reference = generic_face()
        self.settings = settings or EvaluationSettings()
        self.threads = threads
        self.progress = progress
        self.cancel = cancel
        self._kept: dict[tuple[object, ...], object] = {}
        self._judge: LandmarkSyncExpert | None = None
        self._embedder: FaceEmbedder | None = None

    @property
    def judge(self) -> LandmarkSyncExpert:
        """The sync expert that scores, opened when first asked for."""
        if self._judge is None:
            self._judge = LandmarkSyncExpert.judge()
        return self._judge

    @property
    def embedder(self) -> FaceEmbedder:
        """What knows people again after a cut, opened when first asked for."""
        if self._embedder is None:
            self._embedder = FaceEmbedder()
        return self._embedder

    def video(self, path: Path, width: int | None = None) -> Observation:
        """What a video shows; ``width`` as in ``observe``."""
        streams = probe(path).video
        if streams and streams[0].width == width:
            width = None
        return self.once(
            ("video", file_key(path), width),
            lambda: observe(
                path,
                self.reference,
                width=width,
                embedder=self.embedder,
                threads=self.threads,
                progress=self.progress,
                cancel=self.cancel,
            ),
        )

    def mouth(self, seen: Observation) -> Embeddings:
        """Embeddings of a video's mouth."""
        return self.once(
            ("mouth", file_key(seen.path)), lambda: self.judge.embed_mouth(mouth_motion(seen, self.reference))
        )

    def frozen_mouth(self, seen: Observation) -> Embeddings:
        """Embeddings of the first mouth, held for as long as a face is seen."""
        return self.once(
            ("frozen", file_key(seen.path)), lambda: self.judge.embed_mouth(mouth_motion(seen, self.reference).frozen())
        )

    def samples(self, path: Path) -> NDArray[np.float32]:
        """A file's sound, mono 16 kHz, -1..1; the first sample belongs to second 0 of the file's clock.

        Raises:
            MediaError: it has none, or cannot be read.
        """
        return self.once(("samples", file_key(path)), lambda: to_mono_16k(read_audio(path)))

    def sound(self, path: Path) -> Embeddings:
        """Embeddings of a file's sound.

        Raises:
            MediaError: it has none, or cannot be read.
        """
        return self.once(("sound", file_key(path)), lambda: self.judge.embed_sound(self.samples(path)))

    def silence(self, rows: int) -> Embeddings:
        """Embeddings of digital silence, at least ``rows`` of them."""
        rows = -(-rows // 256) * 256  # few lengths, so that clips share them
        samples = rows * SPEECH_RATE // 25
        return self.once(("silence", None, rows), lambda: self.judge.embed_sound(np.zeros(samples, np.float32)))

    def keep_videos(self, paths: Iterable[Path]) -> None:
        """Let go of what was seen in all files but these. Sounds stay: they are small, and any clip may borrow them."""
        wanted = {file_key(path) for path in paths}
        self._kept = {key: value for key, value in self._kept.items() if key[0] in SOUNDS or key[1] in wanted}

    def once(self, key: tuple[object, ...], make: Callable[[], Kept]) -> Kept:
        """What ``make`` gives, made when first asked for and kept for this evaluation.

        Args:
            key: A kind, the resolved path of the file it belongs to (or None), and whatever else tells it apart. It is
                forgotten when the file is no longer needed, but for kinds named in ``SOUNDS``.
            make: Works it out.
        """
        if key not in self._kept:
            self._kept[key] = make()
        return cast("Kept", self._kept[key])


def same_file(a: Path | None, b: Path | None) -> bool:
    """True when both name the same file."""
    return a is not None and b is not None and file_key(a) == file_key(b)


def file_key(path: Path) -> Path:
    """What tells a file apart from others."""
    return path.resolve()
