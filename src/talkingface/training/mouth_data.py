"""From a face track and its sound to a clip that the mouth network and the sync expert can learn from.

Everything is brought to a 25 Hz grid: frame k of a clip shows the mouth at k / 25 s and hears mel columns 4k to 4k + 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import MediaError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean, gap_of, smooth_in_time
from talkingface.media.mel import PHONETIC_BANDS, PHONETIC_MEL, QUIETEST_SPEECH, SAMPLE_RATE, LogMel, speech_level

GRID_RATE = 25
MEL_PER_FRAME = 4
SAMPLES_PER_FRAME = SAMPLE_RATE // GRID_RATE
SMOOTHING_SECONDS = 0.024
MIN_FRAMES = 15
MIN_FACE_WIDTH = 45.0  # pixels; in smaller faces the mesh guesses the lips
MAX_YAW = 40.0  # degrees; beyond it one half of the mouth is hidden
MAX_GAP_SECONDS = 0.25
MOUTH_VALUES = 2 * len(mesh.MOUTH_POINTS)
# what tells people apart: a quarter of the surface points that do not move with the mouth
IDENTITY_POINTS = [i for i in range(mesh.SURFACE_POINTS) if i not in mesh.MOUTH_POINTS][::4]
IDENTITY_MOMENTS = (0.1, 0.5, 0.9)
APPEARANCE_VALUES = 128  # of the appearance network


@dataclass(frozen=True)
class MouthClip:
    """One clip on the 25 Hz grid.

    Attributes:
        name: Where it comes from.
        source: The data set it belongs to (its share of a batch is set by source).
        speaker: Who speaks, when the data says so; else empty.
        digest: SHA-256 of the file it was made from, hexadecimal.
        shape: (T, 80, 2) float32, mouth and jaw points in canonical units, pose removed.
        mel: (4 T, 80) float32 log-mel columns, ``MOUTH_MEL``.
        identity: (3, N) float32, points that tell people apart, at three moments of the clip.
        person: Number of the speaker, or of a group of speakers that look alike; -1 before people were told apart.
        appearance: (128,) float32, the mean appearance embedding of the track; None when unknown.
        phonetic: (4 T, 32) float32 log-mel columns, ``PHONETIC_MEL``, at the same times as ``mel``.
    """

    name: str
    source: str
    speaker: str
    digest: str
    shape: NDArray[np.float32]
    mel: NDArray[np.float32]
    identity: NDArray[np.float32]
    person: int = -1
    appearance: NDArray[np.float32] | None = None
    phonetic: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, PHONETIC_BANDS), np.float32))

    @property
    def minutes(self) -> float:
        """Length."""
        return len(self.shape) / (60 * GRID_RATE)


def on_grid(values: NDArray[np.floating], times: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Linear interpolation of (T, ...) rows at ``times`` (seconds) to ``count`` rows at k / 25 s."""
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    wanted = np.arange(count) / GRID_RATE
    place = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    share = np.clip((wanted - times[place]) / (times[place + 1] - times[place]), 0, 1)[:, None]
    return (flat[place] * (1 - share) + flat[place + 1] * share).reshape(count, *values.shape[1:])


def make_clip(
    name: str,
    landmarks: NDArray[np.floating],
    times: NDArray[np.float64],
    samples: NDArray[np.float32],
    reference: NDArray[np.floating],
    *,
    source: str = "",
    speaker: str = "",
    digest: str = "",
    appearance: NDArray[np.float32] | None = None,
) -> MouthClip:
    """One training clip from a gapless track.

    Args:
        name: Name of the clip.
        landmarks: (T, 478, 3) pixels.
        times: (T,) seconds on the sound's clock.
        samples: Mono 16 kHz sound, -1..1, beginning at second 0.
        reference: Generic canonical face (478, 3).
        source: Name of its data set.
        speaker: Who speaks, if known.
        digest: SHA-256 of its file.
        appearance: (128,) mean appearance embedding of the track; None when unknown.

    Returns:
        The clip.

    Raises:
        MediaError: when the track is of no use; the message is the reason.
    """
    if len(landmarks) < MIN_FRAMES:
        raise MediaError("face seen too shortly")
    if np.median(np.ptp(landmarks[:, :, 0], axis=1)) < MIN_FACE_WIDTH:
        raise MediaError(f"face narrower than {MIN_FACE_WIDTH:g} pixels")
    if np.diff(times).max() > MAX_GAP_SECONDS:
        raise MediaError("frames missing")
    pose, aligned = align_to_own_mean(landmarks, reference)
    if np.abs(np.median(pose.yaw_pitch_roll()[:, 0])) > MAX_YAW:
        raise MediaError(f"head turned by more than {MAX_YAW:g} degrees")
    start = max(0.0, float(times[0]))
    times = times - start
    samples = samples[round(start * SAMPLE_RATE) :]
    count = min(int(times[-1] * GRID_RATE + 1e-6) + 1, len(samples) // SAMPLES_PER_FRAME)
    if count < MIN_FRAMES:
        raise MediaError("face and sound together too shortly")
    samples = samples[: count * SAMPLES_PER_FRAME]
    if speech_level(samples) < QUIETEST_SPEECH:
        raise MediaError("silent")
    smooth = smooth_in_time(aligned, times, SMOOTHING_SECONDS)
    points = on_grid(smooth[:, list(mesh.MOUTH_POINTS), :2], times, count)
    moments = [int(share * (len(aligned) - 1)) for share in IDENTITY_MOMENTS]
    identity = aligned[moments][:, IDENTITY_POINTS].reshape(len(moments), -1)
    mel = LogMel(samples)
    return MouthClip(
        name, source, speaker, digest, points.astype(np.float32), mel.columns(0, count * MEL_PER_FRAME),
        identity.astype(np.float32), appearance=appearance,
        phonetic=mel.heard_as(PHONETIC_MEL).columns(0, count * MEL_PER_FRAME),
    )  # fmt: skip


def closing_direction(clips: Sequence[MouthClip]) -> NDArray[np.float32]:
    """How every mouth point moves per unit of inner-lip gap, on average: (80, 2). By least squares over all clips."""
    numerator = np.zeros((MOUTH_VALUES // 2, 2))
    denominator = 0.0
    for clip in clips:
        gap = gap_of(clip.shape)
        gap = gap - gap.mean()
        numerator += np.einsum("t,tij->ij", gap, clip.shape - clip.shape.mean(0))
        denominator += float((gap**2).sum())
    return np.asarray(numerator / max(denominator, 1e-9), np.float32)


def closed_shape(shape: NDArray[np.floating], direction: NDArray[np.floating]) -> NDArray[np.floating]:
    """The person's mouth with lips just touching, (80, 2).

    The mean of the 15 % most closed frames, moved along ``closing_direction`` by what is left of their gap: a short
    clip need not contain a closure.
    """
    gap = gap_of(shape)
    lowest = np.argsort(gap, kind="stable")[: max(3, int(0.15 * len(gap)))]
    return np.asarray(shape[lowest].mean(0) - direction * gap[lowest].mean())
