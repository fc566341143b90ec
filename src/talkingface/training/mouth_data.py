"""From face tracks and sound to the examples the mouth network and the sync expert learn from.

Everything is brought to a 25 Hz grid: example frame k shows the mouth at k / 25 s and hears mel columns 4k to 4k + 3.
One packed ``.safetensors``-free NumPy file holds a whole data set, so that training needs no video code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import align_to_own_mean, canonical_frame, inner_lip_gap, smooth_in_time
from talkingface.media.mel import log_mel

GRID_RATE = 25
MEL_PER_FRAME = 4
SMOOTHING_SECONDS = 0.024
MIN_FRAMES = 15
MIN_FACE_WIDTH = 45.0
UPPER = [mesh.MOUTH_POINTS.index(i) for i in mesh.INNER_UPPER_MIDDLE]
LOWER = [mesh.MOUTH_POINTS.index(i) for i in mesh.INNER_LOWER_MIDDLE]
CORNERS = (mesh.MOUTH_POINTS.index(mesh.MOUTH_LEFT_CORNER), mesh.MOUTH_POINTS.index(mesh.MOUTH_RIGHT_CORNER))


@dataclass(frozen=True)
class MouthClip:
    """One clip on the 25 Hz grid.

    Attributes:
        name: Where it comes from.
        source: The data set it belongs to (a share of a training batch is set by source).
        person: Number of the speaker (or of the group of like-looking speakers).
        shape: (T, 80, 2) float32, mouth and jaw points in canonical units, pose removed.
        mel: (4 T, 80) float32 log-mel columns.
        identity: Features that tell people apart, for grouping.
    """

    name: str
    source: str
    person: int
    shape: NDArray[np.float32]
    mel: NDArray[np.float32]
    identity: NDArray[np.float32]


def gap_of(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Inner-lip gap of (..., 80, 2) mouth points."""
    return np.asarray(points[..., LOWER, 1].mean(-1) - points[..., UPPER, 1].mean(-1))


def width_of(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Width of (..., 80, 2) mouth points."""
    return np.asarray(points[..., CORNERS[1], 0] - points[..., CORNERS[0], 0])


def mean_face(faces: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
    """A generic canonical face (478, 3): the mean of near-frontal faces, made symmetric in depth and height."""
    total = np.mean([canonical_frame(face) for face in faces], axis=0)
    return np.asarray(total, np.float32)


def on_grid(values: NDArray[np.floating], times: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Linear interpolation of (T, ...) rows at ``times`` to ``count`` rows at k / 25 s."""
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    wanted = np.arange(count) / GRID_RATE
    place = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
    share = np.clip((wanted - times[place]) / (times[place + 1] - times[place]), 0, 1)[:, None]
    return (flat[place] * (1 - share) + flat[place + 1] * share).reshape(count, *values.shape[1:])


def make_clip(
    name: str,
    source: str,
    landmarks: NDArray[np.floating],
    times: NDArray[np.float64],
    samples: NDArray[np.float32],
    reference: NDArray[np.floating],
) -> MouthClip | None:
    """One training example from a gapless track.

    Args:
        name: Name of the clip.
        source: Name of its data set.
        landmarks: (T, 478, 3) pixels.
        times: (T,) seconds on the sound's clock.
        samples: Mono 16 kHz sound, -1..1, beginning at second 0.
        reference: Generic canonical face (478, 3).

    Returns:
        None when the clip is too short, too small, or has a hole.
    """
    if len(landmarks) < MIN_FRAMES or np.median(np.ptp(landmarks[:, :, 0], axis=1)) < MIN_FACE_WIDTH:
        return None
    if np.diff(times).max() > 0.25:
        return None
    pose, aligned = align_to_own_mean(landmarks, reference)
    if np.abs(np.median(pose.yaw_pitch_roll()[:, 0])) > 40:
        return None
    start = max(0.0, float(times[0]))
    times = times - start
    samples = samples[int(round(start * 16000)) :]
    count = min(int(times[-1] * GRID_RATE) + 1, len(samples) // 640)
    if count < MIN_FRAMES:
        return None
    smooth = smooth_in_time(aligned, times, SMOOTHING_SECONDS)
    points = on_grid(smooth[:, list(mesh.MOUTH_POINTS), :2], times, count)
    mel = log_mel(samples, None)[: count * MEL_PER_FRAME]
    identity = aligned.mean(0)[[i for i in range(0, 468, 6)]]
    return MouthClip(name, source, -1, points.astype(np.float32), mel, identity.astype(np.float32).ravel())


def closing_direction(clips: Sequence[MouthClip]) -> NDArray[np.float32]:
    """How every mouth point moves per unit of inner-lip gap, on average: (80, 2). By least squares over all clips."""
    numerator = np.zeros((len(mesh.MOUTH_POINTS), 2))
    denominator = 0.0
    for clip in clips:
        gap = gap_of(clip.shape)
        gap = gap - gap.mean()
        numerator += np.einsum("t,tij->ij", gap, clip.shape - clip.shape.mean(0))
        denominator += float((gap**2).sum())
    return np.asarray(numerator / denominator, np.float32)


def closed_shape(shape: NDArray[np.floating], direction: NDArray[np.floating]) -> NDArray[np.floating]:
    """The person's mouth with lips just touching, (80, 2).

    The mean of the 15 % most closed frames, moved along ``closing_direction`` by what is left of their gap: a short
    clip need not contain a closure.
    """
    gap = gap_of(shape)
    lowest = np.argsort(gap, kind="stable")[: max(3, int(0.15 * len(gap)))]
    return np.asarray(shape[lowest].mean(0) - direction * gap[lowest].mean())


def group_people(clips: Sequence[MouthClip], groups: int, seed: int = 0) -> NDArray[np.int64]:
    """Cluster clips by the speaker's face shape (k-means on aligned landmarks): a split by person without names."""
    features = np.stack([clip.identity for clip in clips]).astype(np.float64)
    features = features - features.mean(0)
    u, s, _ = np.linalg.svd(features, full_matrices=False)
    features = u[:, :24] * s[:24]
    rng = np.random.default_rng(seed)
    centres = features[rng.choice(len(features), 1)]
    while len(centres) < groups:
        distance = ((features[:, None] - centres[None]) ** 2).sum(-1).min(1)
        centres = np.vstack([centres, features[rng.choice(len(features), p=distance / distance.sum())]])
    labels = np.zeros(len(features), np.int64)
    for _ in range(60):
        labels = ((features[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
        centres = np.stack(
            [features[labels == k].mean(0) if (labels == k).any() else centres[k] for k in range(groups)]
        )
    return labels


def save_clips(path: Path, clips: Sequence[MouthClip], reference: NDArray[np.floating]) -> None:
    """Write clips into one packed ``.npz`` file."""
    lengths = [len(clip.shape) for clip in clips]
    table = [{"name": c.name, "source": c.source, "person": int(c.person)} for c in clips]
    np.savez(
        path,
        shape=np.concatenate([c.shape for c in clips]).astype(np.float32),
        mel=np.concatenate([c.mel for c in clips]).astype(np.float16),
        identity=np.stack([c.identity for c in clips]),
        lengths=np.array(lengths, np.int64),
        reference=np.asarray(reference, np.float32),
        table=np.frombuffer(json.dumps(table).encode(), np.uint8),
    )


def load_clips(path: Path) -> tuple[list[MouthClip], NDArray[np.float32]]:
    """Read what ``save_clips`` wrote: the clips and the generic canonical face."""
    with np.load(path, allow_pickle=False) as packed:
        table = json.loads(packed["table"].tobytes().decode())
        shape, mel, identity = packed["shape"], packed["mel"].astype(np.float32), packed["identity"]
        lengths, reference = packed["lengths"], packed["reference"]
    clips = []
    start = 0
    for row, length, who in zip(table, lengths, identity, strict=True):
        stop = start + int(length)
        piece = mel[start * MEL_PER_FRAME : stop * MEL_PER_FRAME]
        clips.append(MouthClip(row["name"], row["source"], row["person"], shape[start:stop], piece, who))
        start = stop
    return clips, reference


def opening_range(shape: NDArray[np.floating]) -> tuple[float, float]:
    """10th and 95th percentile of the inner-lip gap of (T, 478, 3) canonical landmarks."""
    gap = inner_lip_gap(shape)
    return float(np.percentile(gap, 10)), float(np.percentile(gap, 95))
