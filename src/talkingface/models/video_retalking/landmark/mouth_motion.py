"""Stage 2a, speak: from sound to the motion of this person's mouth.

The network says how an average mouth moves. Here its motion is brought to the person's own openings, and silence closes
the mouth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of, smooth_in_time, smoothstep
from talkingface.media.mel import HOP, MEL_RATE, log_mel
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, MouthShapeModel
from talkingface.weights.embedded import create_session

GRID_RATE = 25
MEL_PER_FRAME = MEL_RATE // GRID_RATE
CHUNK_FRAMES = 750  # 30 s of sound a call, so that an hour needs no more memory than a minute
CONTEXT_FRAMES = 16  # the network sees 12 frames to either side

SILENCE_DROP_DB = 34.0  # this much quieter than the speech is silence
SILENCE_FLOOR_DB = -56.0  # and so is anything below this
PAUSE_DEPTH_DB = 20.0  # a sound whose quietest parts lie this far below its loudest has pauses
ROOM_SHARE = 0.3  # of the way from the room's level to the speech's, where speech begins
STILL_OPENING = 0.24  # openings approach this limit in a face whose own speech was never seen
OWN_SHARE = 0.5  # of the person's own openings against people's in general
TRUSTED_FRAMES = 75  # 3 s of speech count half
USUAL_SMOOTHING = 0.024  # seconds; brings the speed of the lips to that of real ones on average (measured)
SMOOTHINGS = (0.0, 0.016, 0.020, 0.024, 0.028, 0.032)
SHORTEST_PACE_SECONDS = 2.0
WIDTH_GAIN = 1.25  # squared error shrinks rounding and spreading too


class MouthMotionNetwork:
    """The shipped audio-to-mouth network."""

    def __init__(self) -> None:
        self.session = create_session("mouth_motion.onnx")

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict the motion for a whole sound.

        Args:
            samples: Mono 16 kHz, -1..1.

        Returns:
            (T, 80, 2) float32 displacement from the closed mouth, canonical units, row k at k / 25 s, for all of the
            sound and one frame beyond.
        """
        frames = len(samples) // (HOP * MEL_PER_FRAME) + 1
        mel = log_mel(samples, frames * MEL_PER_FRAME)
        result = np.empty((frames, len(mesh.MOUTH_POINTS), 2), np.float32)
        for start in range(0, frames, CHUNK_FRAMES):
            stop = min(frames, start + CHUNK_FRAMES)
            low, high = max(0, start - CONTEXT_FRAMES), min(frames, stop + CONTEXT_FRAMES)
            piece = mel[None, low * MEL_PER_FRAME : high * MEL_PER_FRAME]
            (motion,) = self.session.run(None, {"mel": np.ascontiguousarray(piece)})
            result[start:stop] = motion[0, start - low : stop - low].reshape(-1, len(mesh.MOUTH_POINTS), 2)
        return result


def loudness_db(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """Level of the 60 ms round each frame of the 25 Hz grid, dB of full scale, (frames,)."""
    padded = np.pad(np.asarray(samples, np.float64) ** 2, (160, 1280))
    total = np.concatenate([[0.0], np.cumsum(padded)])
    starts = np.minimum(np.arange(frames) * 640, len(padded) - 960)
    power = (total[starts + 960] - total[starts]) / 960
    return np.asarray(10 * np.log10(power + 1e-10))


def speech_gate(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """0 in silence, 1 in speech, (frames,), rising 80 ms before a sound and falling 160 ms after it."""
    level = loudness_db(samples, frames)
    loud = float(np.percentile(level, 95)) if len(level) else -100.0
    quiet = float(np.percentile(level, 5)) if len(level) else -100.0
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
    kernel = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    return np.convolve(np.pad(wide, 2, mode="edge"), kernel, mode="valid")


def personalise(
    motion: NDArray[np.floating], face: CanonicalFace, gate: NDArray[np.floating], model: MouthShapeModel
) -> NDArray[np.float64]:
    """Bring an average mouth's motion to one person's.

    A network trained on squared error opens too little and never quite closes. Its openings are therefore mapped,
    quantile by quantile, to the openings this person is seen to make (mixed with those of people in general, as a short
    clip shows only some): so lips close as often, and open as far, as theirs do. The change is made along the direction
    in which mouths close.

    Args:
        motion: (T, 80, 2) from ``MouthMotionNetwork``.
        face: The person.
        gate: (T,) from ``speech_gate``.
        model: Statistics of mouths in general.

    Returns:
        (T, 80, 2) displacement from the person's closed mouth.
    """
    speaking = gate > 0.5
    if int(speaking.sum()) < 3:
        return np.zeros(motion.shape)
    wanted = wanted_quantiles(face, model)
    times = np.arange(len(motion)) / GRID_RATE
    pace = own_pace(face)
    best: NDArray[np.float64] | None = None
    least = np.inf
    # the network's lips are a little quicker than real ones; how much they are calmed is the person's own pace
    for sigma in SMOOTHINGS if pace is not None else (USUAL_SMOOTHING,):
        moved = _opened_like(smooth_in_time(motion, times, sigma), wanted, speaking, model) * gate[:, None, None]
        difference = 0.0 if pace is None else abs(_pace(gap_of(moved), speaking) - pace)
        if difference < least:
            best, least = moved, difference
    assert best is not None
    return best


def _opened_like(
    motion: NDArray[np.floating],
    wanted: NDArray[np.floating],
    speaking: NDArray[np.bool_],
    model: MouthShapeModel,
) -> NDArray[np.float64]:
    """Motion with its openings mapped to those wanted, quantile by quantile."""
    gap = gap_of(motion)
    moved = np.asarray(motion, np.float64).copy()
    centre = moved[speaking].mean(0)
    moved[..., 0] = centre[:, 0] + WIDTH_GAIN * (moved[..., 0] - centre[:, 0])
    # a long sound says itself how open "open" is; a short one is compared with sounds in general
    count = int(speaking.sum())
    trust = count / (count + TRUSTED_FRAMES)
    heard = trust * np.quantile(gap[speaking], model.gap_levels) + (1 - trust) * model.predicted_gap
    opening = np.interp(gap, heard, wanted)
    beyond = gap > heard[-1]
    opening[beyond] = wanted[-1] + 0.3 * (gap[beyond] - heard[-1])
    opening = np.maximum(opening, 0)
    moved += (opening - gap_of(moved))[:, None, None] * model.closing_direction
    return moved


def _pace(gap: NDArray[np.floating], speaking: NDArray[np.bool_]) -> float:
    """Mean speed of the opening on the 25 Hz grid while there is speech, inter-ocular distances per second."""
    both = speaking[1:] & speaking[:-1]
    return float(np.abs(np.diff(gap))[both].mean() * GRID_RATE) if both.any() else 0.0


def own_pace(face: CanonicalFace) -> float | None:
    """Mean speed of the opening while the person speaks, as ``_pace``; None when the clip does not show it.

    Resting stretches (the opening stays below 0.02 for half a second) do not count.
    """
    times = face.track.times
    if not face.speaks or times[-1] - times[0] < SHORTEST_PACE_SECONDS:
        return None
    grid = np.arange(times[0], times[-1], 1 / GRID_RATE)
    gap = np.interp(grid, times, face.gap)
    width = GRID_RATE // 2
    moving = np.convolve(gap > 0.02, np.ones(width), mode="same") > 0
    return _pace(gap, moving) if moving.sum() > GRID_RATE else None


def wanted_quantiles(face: CanonicalFace, model: MouthShapeModel) -> NDArray[np.float64]:
    """The openings a person should make, at the model's quantile levels, inter-ocular units, rising."""
    if not face.speaks:
        # as people in general, wide openings held back: the inside of this mouth was never seen
        held = STILL_OPENING * np.tanh(np.maximum(model.true_gap, 0) / STILL_OPENING)
        return np.asarray(held * smoothstep(0.0, 0.035, held))
    own = np.quantile(face.gap, model.gap_levels)
    high = model.gap_levels.searchsorted(0.9)
    scale = np.clip(own[high] / max(float(model.true_gap[high]), 1e-3), 0.5, 1.5)
    mixed = OWN_SHARE * own + (1 - OWN_SHARE) * model.true_gap * scale
    # what is all but closed is closed
    mixed = mixed * smoothstep(0.0, 0.035, mixed)
    return np.asarray(np.maximum.accumulate(np.minimum(np.maximum(mixed, 0), 1.1 * np.quantile(face.gap, 0.98))))


def at_times(motion: NDArray[np.floating], times: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sample motion on the 25 Hz grid at any times, by Catmull-Rom interpolation.

    Args:
        motion: (T, 80, 2), row k at k / 25 s.
        times: (N,) seconds; beyond the end the last row holds.

    Returns:
        (N, 80, 2).
    """
    data = np.asarray(motion, np.float64)
    place = np.clip(np.asarray(times, np.float64) * GRID_RATE, 0, len(data) - 1)
    base = np.minimum(place.astype(np.int64), max(0, len(data) - 2))
    t = (place - base)[:, None, None]
    p0, p1 = data[np.maximum(base - 1, 0)], data[base]
    p2, p3 = data[np.minimum(base + 1, len(data) - 1)], data[np.minimum(base + 2, len(data) - 1)]
    return np.asarray(p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))))
