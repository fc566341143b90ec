"""A second pass over a clip's files: each generated frame beside the true and the original frame of the same moment.

Frames are matched by the files' own timestamps: with a truth that is another file on the clocks of the files, at second
0 of which the sound begins; with the original, be it the truth or not, by the time since the first frame. Videos of
another size are brought to the truth's (to the original's where there is no truth), so that one box can be cut out of
all of them: a mouth in the wrong place must count as wrong.

No more than one frame of each file is held, beside the first generated one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.evaluation.face_picture import FacePicture, face_picture, upright_size
from talkingface.evaluation.observation import Library, Observation, same_file
from talkingface.media.reader import DecodedFrame, VideoReader

SHORT_STEP = 2e-3  # seconds; of videos of one frame


@dataclass(frozen=True)
class FramePair:
    """A generated frame that shows the scored face, and what belongs to it.

    Attributes:
        number: 0, 1, 2 ... among the frames given.
        index: Of the frame in the generated video.
        generated: The picture to score.
        first: The first generated picture that shows the face: what a frozen video would show now.
        truth: The true picture shown at this time, or None.
        original: The picture it was made from, or None.
    """

    number: int
    index: int
    generated: FacePicture
    first: FacePicture
    truth: FacePicture | None
    original: FacePicture | None


class FrameConsumer(Protocol):
    """Something that looks at every pair of a clip."""

    def feed(self, pair: FramePair) -> None:
        """Take the next pair. What it keeps must not grow with the clip's pictures."""


class FramePairs:
    """The frames of a clip, matched. One run over it decodes each file once.

    Attributes:
        size: Columns and lines of the upright pictures all are brought to.
        has_truth: (N,) bool, for each pair: it has a true frame.
        has_original: (N,) bool, for each pair: it has an original frame.
    """

    def __init__(
        self,
        generated: Observation,
        truth: Observation | None,
        original: Observation | None,
        size: tuple[int, int],
        library: Library,
    ) -> None:
        """Match the frames.

        Args:
            generated: The video to score.
            truth: The real video of the same speech, or None when it is not wanted.
            original: The video or picture it was made from, or None when it is not wanted.
            size: Columns and lines all pictures are brought to; ``compared_size``.
            library: Its threads and its cancellation.
        """
        self._generated, self._truth, self._original = generated, truth, original
        self._library = library
        self.size = size
        shown = np.asarray(generated.face.frames)
        times = generated.frame_times
        nothing = np.full(len(shown), -1, np.int64)
        self._true_frames = self._original_frames = nothing
        if original is not None:
            since_first = times - times[0]
            known = original.frame_times - original.frame_times[0]
            self._original_frames = np.zeros_like(nothing) if original.still else frames_at(since_first, known)[shown]
        if truth is not None and original is not None and same_file(truth.path, original.path):
            # made from the truth's own frames: their clocks may begin apart, where one file has no sound, say
            self._true_frames = self._original_frames
        elif truth is not None:
            self._true_frames = frames_at(times, truth.frame_times)[shown]
        self.has_truth = self._true_frames >= 0
        self.has_original = self._original_frames >= 0
        # an original that is the truth is not decoded twice
        self._shared = truth is not None and original is not None and same_file(truth.path, original.path)

    def __len__(self) -> int:
        return len(self.has_truth)

    def spread(self, most: int, among: NDArray[np.bool_] | None = None) -> frozenset[int]:
        """At most so many of the pairs, evenly spread, the first among them.

        Args:
            most: How many.
            among: (N,) which pairs are to be chosen from; None for all.
        """
        numbers = np.arange(len(self)) if among is None else np.flatnonzero(among)
        places = np.linspace(0, len(numbers) - 1, min(most, len(numbers)))
        return frozenset(int(numbers[round(float(place))]) for place in places)

    def feed(self, consumers: Sequence[FrameConsumer]) -> None:
        """Show every pair to every consumer, in one pass."""
        for pair in self.pairs():
            for consumer in consumers:
                consumer.feed(pair)

    def pairs(self) -> Iterator[FramePair]:
        """Decode the files in step.

        Raises:
            MediaError: a file is no longer what it was when it was first read.
        """
        with (
            _Frames(self._generated, self) as generated,
            _Frames(self._truth, self) as truths,
            _Frames(None if self._shared else self._original, self) as originals,
        ):
            first: FacePicture | None = None
            for number, index in enumerate(np.asarray(self._generated.face.frames)):
                self._library.cancel.check()
                shown = generated.at(int(index))
                if shown is None:
                    continue
                first = first or shown
                truth = truths.at(int(self._true_frames[number]))
                original = truth if self._shared else originals.at(int(self._original_frames[number]))
                yield FramePair(number, int(index), shown, first, truth, original)

    def picture(self, decoded: DecodedFrame, seen: Observation) -> FacePicture:
        """A decoded frame of one of the files, brought to ``size``."""
        row = int(np.searchsorted(seen.face.frames, decoded.index))
        known = row < len(seen.face) and int(seen.face.frames[row]) == decoded.index
        landmarks = np.asarray(seen.face.landmarks[row]) if known else None
        return face_picture(decoded.frame, landmarks, self._library.reference, rotation=seen.rotation, size=self.size)

    @property
    def threads(self) -> int:
        """Decoder threads."""
        return self._library.threads


class _Frames:
    """The frames of one file, asked for with rising indices."""

    def __init__(self, seen: Observation | None, pairs: FramePairs) -> None:
        self._seen = seen
        self._pairs = pairs
        self._reader: VideoReader | None = None
        self._frames: Iterator[DecodedFrame] = iter(())
        self._latest: DecodedFrame | None = None
        self._picture: tuple[int, FacePicture] | None = None

    def __enter__(self) -> _Frames:
        if self._seen is not None:
            self._reader = VideoReader(self._seen.path, threads=self._pairs.threads)
            self._frames = self._reader.frames()
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()

    def at(self, index: int) -> FacePicture | None:
        """The picture of this index, None for -1."""
        if self._seen is None or index < 0:
            return None
        while self._latest is None or self._latest.index < index:
            self._latest = next(self._frames, None)
            if self._latest is None:
                raise MediaError(f"{self._seen.path}: changed while it was scored: frame {index} is no longer in it")
        if self._picture is None or self._picture[0] != index:
            self._picture = (index, self._pairs.picture(self._latest, self._seen))
        return self._picture[1]


def compared_size(generated: Observation, truth: Observation | None, original: Observation | None) -> tuple[int, int]:
    """Columns and lines pictures are compared in: the truth's, else the original video's, else their own."""
    base = truth or (original if original is not None and not original.still else generated)
    return upright_size(base.width, base.height, base.rotation)


def frames_at(times: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.int64]:
    """The frame of another video that is shown while a frame is.

    A video that was brought to a higher rate shows every frame several times; each of them belongs to the same frame of
    the other video. So the moment that counts is not a frame's beginning, where rounded times would decide, but half a
    step later, of the shorter of both videos' steps.

    Args:
        times: (N,) seconds of the frames, rising.
        known: (M,) seconds of the other video's frames, rising.

    Returns:
        (N,) index, -1 where the other video shows nothing. A frame of a variable-rate video stands as long as it
        stands; the last one for a usual step.
    """
    if not len(times) or not len(known):
        return np.full(len(times), -1, np.int64)
    usual = [float(np.median(np.diff(values))) for values in (times, known) if len(values) > 1] or [SHORT_STEP]
    moment = times + 0.5 * min(usual)
    found = np.searchsorted(known, moment, side="right") - 1
    return np.where(moment < known[-1] + usual[-1], found, -1).astype(np.int64)
