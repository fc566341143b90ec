"""Stage 2a, listen: what a sound says to an average mouth, and where it is silent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.media.mel import HOP, MEL_RATE, PHONETIC_MEL, LogMel
from talkingface.media.row_file import RowFile, Rows
from talkingface.progress import Cancellation
from talkingface.weights.embedded import create_session

GRID_RATE = 25
MEL_PER_FRAME = MEL_RATE // GRID_RATE
FRAME_SAMPLES = HOP * MEL_PER_FRAME
CHUNK_FRAMES = 250  # 10 s of sound a call, so that an hour needs no more memory than a minute
CONTEXT_FRAMES = 16  # the network sees 12 frames to either side
EMBEDDING_BEFORE, EMBEDDING_AFTER = 38, 34  # columns the embedding's centred windows reach beyond the frames

LEVEL_BEFORE, LEVEL_SAMPLES = 160, 960  # samples that make a frame's level: 10 ms before it and 50 ms after

SILENCE_DROP_DB = 34.0  # this much quieter than the speech is silence
SILENCE_FLOOR_DB = -56.0  # and so is anything below this
DIGITAL_SILENCE_DB = -80.0  # no microphone is so quiet
PAUSE_DEPTH_DB = 20.0  # a sound whose quietest parts lie this far below its loudest has pauses
SHORT_PAUSE_FRAMES = 8  # 0.32 s, after the gate has opened 80 ms before speech and closed 160 ms after it
ROOM_PERCENTILE = 15.0  # of the frames' levels: what a pause sounds like, not the fade into it
ROOM_SHARE = 0.3  # of the way from the room's level to the speech's, where speech begins


class AverageMotion(NamedTuple):
    """What the network says of a stretch of sound.

    Attributes:
        displacement: (T, 80, 2) float32 from the closed mouth, canonical units, row k at k / 25 s.
        closed: (T,) float32, log odds that the lips are closed.
    """

    displacement: NDArray[np.float32]
    closed: NDArray[np.float32]


class MouthMotionNetwork:
    """The shipped audio-to-mouth network, and the speech embedding that it hears with."""

    def __init__(self) -> None:
        self.session = create_session("mouth_motion.onnx")
        self.embedding = create_session("speech_embedding.onnx")

    def __call__(self, samples: Rows) -> AverageMotion:
        """Predict the motion for a whole sound, mono 16 kHz, -1..1, and one frame beyond it."""
        displacements, closed = zip(*self.pieces(samples), strict=True)
        return AverageMotion(np.concatenate(displacements), np.concatenate(closed))

    def pieces(self, samples: Rows) -> Iterator[AverageMotion]:
        """Predict the motion for a whole sound, some seconds at a time.

        Args:
            samples: Mono 16 kHz, -1..1, in memory or on disk.

        Yields:
            Stretches that, one after another, are what a call gives.
        """
        frames = len(samples) // FRAME_SAMPLES + 1
        mel = LogMel(samples)
        phonetic = mel.heard_as(PHONETIC_MEL)
        for start in range(0, frames, CHUNK_FRAMES):
            stop = min(frames, start + CHUNK_FRAMES)
            low, high = max(0, start - CONTEXT_FRAMES), min(frames, stop + CONTEXT_FRAMES)
            columns = (high - low) * MEL_PER_FRAME
            around = columns + EMBEDDING_BEFORE + EMBEDDING_AFTER
            (speech,) = self.embedding.run(
                None, {"mel": phonetic.columns(low * MEL_PER_FRAME - EMBEDDING_BEFORE, around)[None]}
            )
            feed = {"mel": mel.columns(low * MEL_PER_FRAME, columns)[None], "speech": speech}
            motion, closed = self.session.run(["displacement", "closed"], feed)
            inside = slice(start - low, stop - low)
            yield AverageMotion(motion[0, inside].reshape(-1, len(mesh.MOUTH_POINTS), 2), closed[0, inside])


@dataclass(frozen=True)
class HeardSpeech:
    """What a sound says to an average mouth.

    Attributes:
        motion: (80, 2) float32 each, row k at k / 25 s; see ``AverageMotion``.
        closed: (T,) float32, log odds that the lips are closed.
        gate: (T,) 0 in silence, 1 in speech; see ``speech_gate``.
    """

    motion: Rows
    closed: NDArray[np.float32]
    gate: NDArray[np.float64]


def hear(speech: Rows, folder: Path, cancel: Cancellation | None = None) -> HeardSpeech:
    """Run the network and the gate over a sound, in memory that does not grow with it.

    Args:
        speech: Mono 16 kHz, -1..1, in memory or on disk.
        folder: Where the motion goes, as ``mouth_motion.rows``; what this held before is gone.
        cancel: Checked all the time.

    Raises:
        OutputError: the motion cannot be written.
        Cancelled: when asked to stop.
    """
    file = folder / "mouth_motion.rows"
    file.unlink(missing_ok=True)
    motion = RowFile(file, (len(mesh.MOUTH_POINTS), 2))
    closed: list[NDArray[np.float32]] = []
    for piece in MouthMotionNetwork().pieces(speech):
        if cancel is not None:
            cancel.check()
        motion.extend(piece.displacement)
        closed.append(piece.closed)
    motion.flush()
    return HeardSpeech(motion, np.concatenate(closed), speech_gate(speech, len(motion)))


def loudness_db(samples: Rows, frames: int) -> NDArray[np.float64]:
    """Level of the 60 ms round each frame of the 25 Hz grid, dB of full scale, (frames,)."""
    last = len(samples) + 640 - LEVEL_BEFORE  # later frames hear what this one does
    power = np.empty(frames)
    for first in range(0, frames, CHUNK_FRAMES):
        starts = np.minimum(np.arange(first, min(frames, first + CHUNK_FRAMES)) * FRAME_SAMPLES - LEVEL_BEFORE, last)
        low, high = int(starts[0]), int(starts[-1]) + LEVEL_SAMPLES
        inside = np.asarray(samples[min(len(samples), max(0, low)) : max(0, high)], np.float64) ** 2
        before = max(0, -low)
        padded = np.pad(inside, (before, max(0, high - low - before - len(inside))))
        total = np.concatenate([[0.0], np.cumsum(padded)])
        power[first : first + len(starts)] = (total[starts - low + LEVEL_SAMPLES] - total[starts - low]) / LEVEL_SAMPLES
    return np.asarray(10 * np.log10(power + 1e-10))


def speech_gate(samples: Rows, frames: int) -> NDArray[np.float64]:
    """0 in silence, 1 in speech, (frames,), rising 80 ms before a sound and falling 160 ms after it."""
    level = loudness_db(samples, frames)
    recorded = level[level > DIGITAL_SILENCE_DB]  # what an editor put before a recording says nothing of its room
    loud = float(np.percentile(recorded, 95)) if len(recorded) else -100.0
    quiet = float(np.percentile(recorded, ROOM_PERCENTILE)) if len(recorded) else -100.0
    threshold = max(loud - SILENCE_DROP_DB, SILENCE_FLOOR_DB)
    if loud - quiet > PAUSE_DEPTH_DB:
        # the recording has pauses: what is in them is the room, not speech
        threshold = max(threshold, quiet + ROOM_SHARE * (loud - quiet))
    open_gate = (level > threshold).astype(np.float64)
    wide = open_gate.copy()
    for shift in range(1, 3):
        wide[:-shift] = np.maximum(wide[:-shift], open_gate[shift:])
    for shift in range(1, 5):
        wide[shift:] = np.maximum(wide[shift:], open_gate[:-shift])
    # in a short pause the network knows better what the mouth does: it often stays open, or draws breath
    edges = np.flatnonzero(np.diff(np.concatenate([[1.0], wide, [1.0]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if start > 0 and stop < len(wide) and stop - start <= SHORT_PAUSE_FRAMES:
            wide[start:stop] = 1
    kernel = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    return np.convolve(np.pad(wide, 2, mode="edge"), kernel, mode="valid")
