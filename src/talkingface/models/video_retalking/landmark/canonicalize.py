"""Stage 1, canonicalise: what a person's face looks like when it says nothing, and how this frame's face is posed.

VideoReTalking's idea in geometry: every frame's mouth is first brought to one and the same template (closed, the
person's own), so that nothing of the old speech is left to leak through; the new speech is added to that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import Pose, align_to_own_mean, inner_lip_gap, smooth_in_time, smoothstep
from talkingface.faces.track import FaceTrack
from talkingface.weights.embedded import asset_path

LANDMARK_SMOOTHING = 0.024  # seconds; one frame of jitter, no lag
CLOSED_SHARE = 0.15
MOUTH = list(mesh.MOUTH_POINTS)


@dataclass(frozen=True)
class MouthShapeModel:
    """What training learnt about mouths in general (``assets/mouth_shape.npz``).

    Attributes:
        reference: (478, 3) generic face, canonical coordinates.
        closing_direction: (80, 2) how each mouth point moves per unit of inner-lip gap.
        gap_levels: (Q,) quantile levels, 0..1, rising.
        true_gap: (Q,) openings of people who speak, at those levels.
        predicted_gap: (Q,) openings the network predicts for them.
    """

    reference: NDArray[np.float32]
    closing_direction: NDArray[np.float32]
    gap_levels: NDArray[np.float32]
    true_gap: NDArray[np.float32]
    predicted_gap: NDArray[np.float32]

    @classmethod
    def load(cls) -> MouthShapeModel:
        """Read the asset.

        Raises:
            WeightsMissingError: when the installation lacks it.
        """
        with np.load(asset_path("mouth_shape.npz"), allow_pickle=False) as packed:
            return cls(*(packed[name] for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class CanonicalFace:
    """A track, taken apart into pose and shape.

    Attributes:
        track: Where it comes from.
        landmarks: (T, 478, 3) float64 pixels, smoothed in time without lag.
        pose: T similarity transforms from pixels to canonical coordinates.
        shape: (T, 478, 3) canonical landmarks: pose removed, expression kept.
        mean: (478, 3) their mean.
        closed_mouth: (80, 2) canonical, the person's mouth with lips just touching: the template.
        gap: (T,) inner-lip gap of each frame, inter-ocular units.
        interocular: (T,) pixels per canonical unit in each frame.
        own_share: (80,) 0..1, how much of the frame's own shape a point keeps (0 at lips and chin, 1 at the nose).
    """

    track: FaceTrack
    landmarks: NDArray[np.float64]
    pose: Pose
    shape: NDArray[np.float64]
    mean: NDArray[np.float64]
    closed_mouth: NDArray[np.float64]
    gap: NDArray[np.float64]
    interocular: NDArray[np.float64]
    own_share: NDArray[np.float64]

    @property
    def opening_range(self) -> tuple[float, float]:
        """10th and 95th percentile of the gap: how far this person opens the mouth in the clip."""
        return float(np.percentile(self.gap, 10)), float(np.percentile(self.gap, 95))

    @property
    def speaks(self) -> bool:
        """True when the mouth moves enough in the clip to have shown its inside."""
        low, high = self.opening_range
        return high - low >= 0.06

    def target(self, row: int, displacement: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where the 80 mouth points of a frame go, in pixels.

        Args:
            row: Row of the track.
            displacement: (80, 2) from the closed mouth, canonical units.

        Returns:
            (80, 2) pixels.
        """
        own = self.shape[row, MOUTH]
        wanted = own.copy()
        wanted[:, :2] = self.closed_mouth + displacement
        mixed = wanted + (own - wanted) * self.own_share[:, None]
        return self.pose.to_picture(row, mixed)[:, :2]


class TemplateCanonicalizer:
    """The landmark backend's canonicaliser: the template is the person's own closed mouth."""

    def __init__(self, model: MouthShapeModel | None = None) -> None:
        self.model = model or MouthShapeModel.load()

    def canonicalise(self, track: FaceTrack) -> CanonicalFace:
        """Take a track apart into pose, shape and template."""
        landmarks = smooth_in_time(track.landmarks, track.times, LANDMARK_SMOOTHING)
        pose, shape = align_to_own_mean(landmarks, self.model.reference)
        mean = shape.mean(0)
        gap = np.asarray(inner_lip_gap(shape), np.float64)
        lowest = np.argsort(gap, kind="stable")[: max(1, int(np.ceil(CLOSED_SHARE * len(gap))))]
        closed = shape[lowest][:, MOUTH, :2].mean(0) - self.model.closing_direction * gap[lowest].mean()
        return CanonicalFace(
            track, landmarks, pose, shape, mean, closed, gap, 1 / pose.scale * self._unit(mean), own_share(mean)
        )

    @staticmethod
    def _unit(mean: NDArray[np.float64]) -> float:
        left = mean[list(mesh.EYE_LEFT_CORNERS)].mean(0)
        right = mean[list(mesh.EYE_RIGHT_CORNERS)].mean(0)
        return float(np.linalg.norm(right - left))


def own_share(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of the frame's own expression each mouth point keeps, (80,) 0..1.

    Nothing below the lips' upper edge; everything at the nose; the outer cheeks stay where they are above the mouth
    and join the jaw below it.
    """
    points = mean[MOUTH]
    nose_tip, nose_base = mean[mesh.NOSE_TIP], mean[mesh.NOSE_BASE]
    lip, chin = mean[mesh.UPPER_LIP_MIDDLE], mean[mesh.CHIN]
    below_nose = smoothstep(nose_tip[1], nose_base[1] + 0.35 * (lip[1] - nose_base[1]), points[:, 1])
    sideways = np.abs(points[:, 0] - nose_tip[0])
    cheek = 1 - smoothstep(0.62, 0.95, sideways) * (1 - smoothstep(lip[1], chin[1], points[:, 1]))
    share = 1 - below_nose * cheek
    share[: len(mesh.LIPS_OUTER) + len(mesh.LIPS_INNER)] = 0
    return np.asarray(share)
