"""Stage 1, canonicalise: what a person's face looks like when it says nothing, and how this frame's face is posed.

VideoReTalking's idea in geometry: every frame's mouth is first brought to one and the same template (closed, the
person's own), so that nothing of the old speech is left to leak through; the new speech is added to that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import Pose, align, gap_of, inner_lip_gap, joined_poses, smoothstep, width_of
from talkingface.faces.track import FaceTrack
from talkingface.models.video_retalking.emotion import Look, expression_of
from talkingface.models.video_retalking.face_measures import closed, displacement
from talkingface.models.video_retalking.landmark.smooth_landmarks import RecentBlocks, SmoothLandmarks
from talkingface.progress import Cancellation
from talkingface.weights.embedded import asset_path

CLOSED_SHARE = 0.15
LEAST_OPENING = 0.06  # inter-ocular distances between the 10th and 95th percentile of a mouth that speaks
USUAL_WEIGHT = 0.125  # as much as 50 frames whose gap varies by 0.05
SURE = 0.9  # confidence from which a frame is trusted
LEAST_SURE_FRAMES, LEAST_SURE_SHARE = 3, 0.05
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
class MouthStyle:
    """How a person holds and opens the mouth while speaking.

    Attributes:
        posture: (80, 2) the mouth with lips touching while there is speech, from the closed mouth of the template.
        direction: (80, 2) how each point moves per unit of inner-lip gap.
        rounding: Standard deviation of the mouth's width that the gap does not explain, inter-ocular units.
        widths: 2nd and 98th percentile of the mouth's width, less the closed mouth's.
    """

    posture: NDArray[np.float64]
    direction: NDArray[np.float64]
    rounding: float
    widths: tuple[float, float]


@dataclass(frozen=True)
class CanonicalFace:
    """A track, taken apart into pose and shape. What would grow fast with its length is read from the track.

    Attributes:
        track: Where it comes from.
        landmarks: T times (478, 3) float64 pixels, smoothed in time without lag.
        pose: T similarity transforms from pixels to canonical coordinates.
        mean: (478, 3) canonical landmarks on average: pose removed.
        closed_mouth: (80, 2) canonical, the person's mouth with lips just touching: the template.
        gap: (T,) inner-lip gap of each frame, inter-ocular units; where the mouth is not surely seen, as between the
            frames around in which it is.
        interocular: (T,) pixels per canonical unit in each frame.
        own_share: (80,) 0..1, how much of the frame's own shape a point keeps (0 at lips and chin, 1 at the nose).
        trusted: (T,) True where the mouth is surely seen.
        style: How the person speaks; None when the clip does not show it.
        field: (478, 2) how every point moves for the expression asked for, canonical; the template has it already.
            None when the person's own is kept.
        change: (7,) the same as a change of the measures of ``face_measures``; None likewise.
    """

    track: FaceTrack
    landmarks: SmoothLandmarks
    pose: Pose
    mean: NDArray[np.float64]
    closed_mouth: NDArray[np.float64]
    gap: NDArray[np.float64]
    interocular: NDArray[np.float64]
    own_share: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    style: MouthStyle | None = None
    field: NDArray[np.float64] | None = None
    change: NDArray[np.float64] | None = None

    @property
    def opening_range(self) -> tuple[float, float]:
        """10th and 95th percentile of the gap: how far this person opens the mouth in the clip."""
        return opening_range(self.gap)

    @property
    def speaks(self) -> bool:
        """True when the mouth moves enough in the clip to have shown its inside."""
        return speaks(self.gap)

    @property
    def own_closed_mouth(self) -> NDArray[np.float64]:
        """(80, 2) canonical, the template before it took on the expression asked for."""
        return self.closed_mouth if self.field is None else self.closed_mouth - self.field[MOUTH]

    def shape(self, row: int) -> NDArray[np.float64]:
        """(478, 3) canonical landmarks of a frame: pose removed, expression kept."""
        return self.pose.one_to_canonical(row, self.landmarks[row])

    def target(self, row: int, displacement: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where the 80 mouth points of a frame go, in pixels.

        Args:
            row: Row of the track.
            displacement: (80, 2) from the closed mouth, canonical units.

        Returns:
            (80, 2) pixels.
        """
        own = self.pose.one_to_canonical(row, self.landmarks[row][MOUTH])
        wanted = own.copy()
        wanted[:, :2] = self.closed_mouth + displacement
        mixed = wanted + (own - wanted) * self.own_share[:, None]
        return self.pose.to_picture(row, mixed)[:, :2]


def opening_range(gap: NDArray[np.floating]) -> tuple[float, float]:
    """10th and 95th percentile of inner-lip gaps (T,)."""
    return float(np.percentile(gap, 10)), float(np.percentile(gap, 95))


def speaks(gap: NDArray[np.floating]) -> bool:
    """True when a mouth with inner-lip gaps (T,) moves enough to have shown its inside."""
    low, high = opening_range(gap)
    return high - low >= LEAST_OPENING


class _StyleSums:
    """What a least-squares line from the gap to the mouth's shape needs, summed over frames."""

    def __init__(self) -> None:
        self._count, self._gap, self._square = 0.0, 0.0, 0.0
        self._shape = np.zeros((len(MOUTH), 2))
        self._product = np.zeros((len(MOUTH), 2))
        self._widths: list[NDArray[np.floating]] = []

    def add(self, shape: NDArray[np.float64], gap: NDArray[np.floating]) -> None:
        """Take in (n, 80, 2) shapes and their (n,) gaps."""
        self._count += len(gap)
        self._gap += float(gap.sum())
        self._square += float((gap**2).sum())
        self._shape += shape.sum(0)
        self._product += np.einsum("t,tij->ij", gap, shape)
        self._widths.append(width_of(shape))

    def style(self, closed_mouth: NDArray[np.float64], usual: NDArray[np.floating]) -> MouthStyle:
        """The line; it is drawn to the usual direction (80, 2) the less the gap varied."""
        mean, gap = self._shape / self._count, self._gap / self._count
        spread = self._square - self._count * gap**2
        together = self._product - self._count * gap * mean
        direction = (together + USUAL_WEIGHT * usual) / (spread + USUAL_WEIGHT)
        direction = direction / gap_of(direction)
        widths = np.concatenate(self._widths)
        varied = float((widths**2).sum()) - self._count * width_of(mean) ** 2
        explained = width_of(together) ** 2 / max(spread, 1e-9)
        rounding = float(np.sqrt(max(float(varied - explained), 0.0) / self._count))
        low, high = (float(width) for width in np.quantile(widths, (0.02, 0.98)) - width_of(closed_mouth))
        return MouthStyle(mean - gap * direction - closed_mouth, direction, rounding, (low, high))


class TemplateCanonicalizer:
    """The landmark backend's canonicaliser: the template is the person's own closed mouth."""

    def __init__(
        self,
        model: MouthShapeModel | None = None,
        recent: RecentBlocks | None = None,
        cancel: Cancellation | None = None,
        look: Look | None = None,
    ) -> None:
        self._cancel = cancel or Cancellation()
        self.look = look
        self.model = model or MouthShapeModel.load()
        self.recent = recent or RecentBlocks()

    def canonicalise(self, track: FaceTrack) -> CanonicalFace:
        """Take a track apart into pose, shape and template, in passes over it that hold some frames at a time.

        Faces are aligned to a generic one, then again to their own mean, so that identity does not disturb the pose.
        Only frames in which the mouth is surely seen shape the mean and the template.
        """
        landmarks = SmoothLandmarks(track, self.recent)
        trusted = surely_seen(track)
        total = np.zeros(self.model.reference.shape)
        for low, block in self._blocks(landmarks):
            sure = trusted[low : low + len(block)]
            total += align(block, self.model.reference).to_canonical(block)[sure].sum(0)
        own_mean = total / trusted.sum()
        poses, gaps = [], []
        total = np.zeros(self.model.reference.shape)
        sums = _StyleSums()
        for low, block in self._blocks(landmarks):
            pose = align(block, own_mean)
            shape = pose.to_canonical(block)
            poses.append(pose)
            gaps.append(inner_lip_gap(shape))
            sure = trusted[low : low + len(block)]
            total += shape[sure].sum(0)
            sums.add(shape[sure][:, MOUTH, :2], gaps[-1][sure])
        mean = total / trusted.sum()
        pose = joined_poses(poses)
        gap = np.concatenate(gaps).astype(np.float64)
        if not trusted.all():
            gap = np.interp(track.times, track.times[trusted], gap[trusted])
        template = self._closed_mouth(landmarks, pose, gap, trusted)
        style = sums.style(template, self.model.closing_direction) if speaks(gap) else None
        field = change = None
        if self.look is not None and not self.look.changes_nothing:
            change = self._change(self.look, mean, template)
            field = displacement(change, closed(self.model.reference, self.model.closing_direction))
            template = template + field[MOUTH]
        return CanonicalFace(
            track,
            landmarks,
            pose,
            mean,
            template,
            gap,
            1 / pose.scale * self._unit(mean),
            own_share(mean),
            trusted,
            style,
            field,
            change,
        )

    def _change(self, look: Look, mean: NDArray[np.float64], closed_mouth: NDArray[np.float64]) -> NDArray[np.float64]:
        """How the measures of the face change, (7,), to look as it was asked to."""
        resting = mean.copy()
        resting[MOUTH, :2] = closed_mouth
        return look.change(expression_of(resting, self.model.reference))

    def _blocks(self, landmarks: SmoothLandmarks) -> Iterator[tuple[int, NDArray[np.float64]]]:
        for low, block in landmarks.blocks():
            self._cancel.check()
            yield low, block

    def _closed_mouth(
        self, landmarks: SmoothLandmarks, pose: Pose, gap: NDArray[np.float64], trusted: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The mean of the most closed mouths, closed the rest of the way."""
        rows = np.flatnonzero(trusted)
        lowest = rows[np.argsort(gap[rows], kind="stable")[: max(1, int(np.ceil(CLOSED_SHARE * len(rows))))]]
        wanted = np.zeros(len(gap), np.bool_)
        wanted[lowest] = True
        total = np.zeros((len(MOUTH), 2))
        for low, block in self._blocks(landmarks):
            for place in np.flatnonzero(wanted[low : low + len(block)]):
                total += pose.one_to_canonical(low + int(place), block[place][MOUTH])[:, :2]
        return np.asarray(total / len(lowest) - self.model.closing_direction * gap[lowest].mean())

    @staticmethod
    def _unit(mean: NDArray[np.float64]) -> float:
        left = mean[list(mesh.EYE_LEFT_CORNERS)].mean(0)
        right = mean[list(mesh.EYE_RIGHT_CORNERS)].mean(0)
        return float(np.linalg.norm(right - left))


def surely_seen(track: FaceTrack) -> NDArray[np.bool_]:
    """(T,) True where the mouth is surely seen; everywhere when that is hardly ever the case."""
    sure = np.asarray(track.confidence >= SURE)
    if sure.sum() < max(LEAST_SURE_FRAMES, LEAST_SURE_SHARE * len(sure)):
        return np.ones(len(sure), np.bool_)
    return sure


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
