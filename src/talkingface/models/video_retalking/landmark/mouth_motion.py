"""Stage 2b, speak: from what an average mouth would do to the motion of this person's mouth.

The network says how an average mouth moves. Here its motion is brought to the person's own openings, closures and way
of holding the mouth, and silence closes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import gap_of, smooth_in_time, smoothstep, width_of
from talkingface.models.video_retalking.landmark.canonicalize import CanonicalFace, MouthShapeModel
from talkingface.models.video_retalking.landmark.hearing import GRID_RATE, HeardSpeech

PART_FRAMES = 250  # a person's motion is made 10 s at a time
PART_MARGIN = 8  # frames; the widest smoothing reaches 4 to either side
PARTS_KEPT = 2

STILL_OPENING = 0.38  # openings approach this limit in a face whose own speech was never seen: the widest reach 0.25
OWN_SHARE = 0.8  # of the person's own openings against people's in general
TRUSTED_FRAMES = 75  # 3 s of speech count half
USUAL_SMOOTHING = 0.024  # seconds; brings the speed of the lips to that of real ones on average (measured)
SMOOTHINGS = (0.0, 0.016, 0.020, 0.024, 0.028, 0.032)
SHORTEST_PACE_SECONDS = 2.0
RESTING_GAP, RESTING_SECONDS = 0.02, 0.5  # a mouth that stays below this for so long is at rest
FEWEST_SPOKEN = 25  # frames of the grid
NEARLY_CLOSED = 0.035  # openings below this are made smaller: what is all but closed is closed
SHAPE_GAIN = 0.9  # of rounding and spreading, when nothing is known of the person
OWN_ROUNDING = 0.8  # of the person's own deviation of the width
SHAPE_GAINS = (0.7, 1.6)
WIDTH_MARGIN = 0.02  # inter-ocular distances beyond the widths that were seen
CLOSED_GAP = 0.012  # inter-ocular distances; a seen mouth below this is closed
USUAL_CLOSED = 0.06  # share of spoken frames with closed lips, of people in general
CLOSED_MORE = 2.0  # times as many frames are closed as the person is seen to close: the right ones are among them
MOST_CLOSED = 0.3  # of the frames with speech
LEAST_LEVEL, MOST_RESTING = 0.02, 0.05  # quantile of the seen gaps, and the largest gap a mouth rests with
LEAST_ODDS, SURE_ODDS = -3.0, 1.0  # log odds: below the first nothing is closed by them, above the other everything
ODDS_WIDTH = 0.5
CLOSING_SHARE = 0.45  # of an opening that is taken from the frames beside a closure
GAP_ODDS = 0.7  # log odds that one standard deviation of the network's gap is worth


class PersonalMotion:
    """One person's mouth for a sound, made a window at a time.

    A network trained on squared error opens too little and never quite closes. Its openings are therefore mapped,
    quantile by quantile, to the openings this person is seen to make (mixed with those of people in general, as a short
    clip shows only some), and where it holds the lips to be closed they close. An opening moves the mouth along the
    direction in which this person's opens. What is left of the network's motion, rounding and spreading, is added to
    how the person holds the mouth while speaking: a smile stays one, and fades where the lips round.
    """

    def __init__(self, heard: HeardSpeech, face: CanonicalFace, model: MouthShapeModel) -> None:
        """Go through the whole sound for what concerns all of it: how open "open" is, and how quick.

        Args:
            heard: From ``hear``.
            face: The person.
            model: Statistics of mouths in general.
        """
        self._heard = heard
        self._rest = resting_mouth(face)
        self._average_direction = np.asarray(model.closing_direction, np.float64)
        self._parts: dict[int, NDArray[np.float64]] = {}
        self._times = np.arange(len(heard.motion)) / GRID_RATE
        speaking = heard.gate > 0.5
        self._speaks = int(speaking.sum()) >= 3
        if not self._speaks:
            return
        # The gap is linear in the points, and what a mouth is opened to does not depend on its other points: openings
        # are chosen from the one number a frame.
        gap = np.concatenate([gap_of(np.asarray(part, np.float64)) for part in self._raw_parts()])
        wanted = wanted_quantiles(face, model)
        ajar = left_open(heard.closed, gap, speaking, closed_share(face))
        pace = own_pace(face)
        least = np.inf
        # the network's lips are a little quicker than real ones; how much they are calmed is the person's own pace
        for sigma in SMOOTHINGS if pace is not None else (USUAL_SMOOTHING,):
            opening = _openings(smooth_in_time(gap, self._times, sigma), wanted, speaking, model) * ajar
            difference = 0.0 if pace is None else abs(_pace(opening * heard.gate, speaking) - pace)
            if difference < least:
                self._sigma, self._opening, least = sigma, opening, difference
        total = np.zeros((len(mesh.MOUTH_POINTS), 2))
        squared_width = 0.0
        for number in range(self._count()):
            part = slice(number * PART_FRAMES, (number + 1) * PART_FRAMES)
            shapes = self._shape(number)[speaking[part]]
            total += shapes.sum(0)
            squared_width += float((width_of(shapes) ** 2).sum())
        average_posture = total / speaking.sum()
        deviation = np.sqrt(max(squared_width / speaking.sum() - float(width_of(average_posture)) ** 2, 0.0))
        self._gain = shape_gain(face, float(deviation), int(speaking.sum()))
        self._centre = average_posture * self._gain
        self._posture = average_posture if face.style is None else face.style.posture
        self._direction = self._average_direction if face.style is None else face.style.direction
        self._widths = (-np.inf, np.inf) if face.style is None else face.style.widths

    def __len__(self) -> int:
        return len(self._heard.motion)

    def at(self, times: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sample the motion, by Catmull-Rom interpolation.

        Args:
            times: (N,) seconds; beyond the end the last row holds. Windows that rise are read most quickly, and memory
                grows with what lies between the first and the last of these times.

        Returns:
            (N, 80, 2) displacement from the person's closed mouth, canonical units.
        """
        if not self._speaks or not len(times):
            return np.repeat(self._rest[None], len(times), 0)
        wanted = np.clip(np.asarray(times, np.float64), 0, (len(self) - 1) / GRID_RATE)
        low = max(0, int(wanted.min() * GRID_RATE) - 2)
        high = min(len(self), int(wanted.max() * GRID_RATE) + 4)
        return at_times(self.rows(low, high), wanted - low / GRID_RATE)

    def rows(self, low: int, high: int) -> NDArray[np.float64]:
        """Rows low to high, (high - low, 80, 2), of the 25 Hz grid."""
        if not self._speaks or low >= high:
            return np.repeat(self._rest[None], max(0, high - low), 0)
        first, last = low // PART_FRAMES, (high - 1) // PART_FRAMES
        rows = np.concatenate([self._part(number) for number in range(first, last + 1)])
        self._parts = {number: self._parts[number] for number in range(max(first, last + 1 - PARTS_KEPT), last + 1)}
        return rows[low - first * PART_FRAMES : high - first * PART_FRAMES]

    def _part(self, number: int) -> NDArray[np.float64]:
        if number not in self._parts:
            part = slice(number * PART_FRAMES, (number + 1) * PART_FRAMES)
            opened = self._posture + self._opening[part, None, None] * self._direction
            rounded = self._gain * self._shape(number) - self._centre
            moved = opened + kept_within(width_of(opened), width_of(rounded), self._widths)[:, None, None] * rounded
            gate = self._heard.gate[part, None, None]
            self._parts[number] = moved * gate + self._rest * (1 - gate)
        return self._parts[number]

    def _shape(self, number: int) -> NDArray[np.float64]:
        """The network's motion of one part, smoothed with what lies round it, its opening taken out."""
        start, stop = number * PART_FRAMES, min(len(self), (number + 1) * PART_FRAMES)
        low, high = max(0, start - PART_MARGIN), min(len(self), stop + PART_MARGIN)
        smooth = smooth_in_time(self._heard.motion[low:high], self._times[low:high], self._sigma)
        shape = np.array(smooth[start - low : stop - low])
        shape -= gap_of(shape)[:, None, None] * self._average_direction
        return shape

    def _raw_parts(self) -> Iterator[NDArray[np.float32]]:
        for number in range(self._count()):
            yield self._heard.motion[number * PART_FRAMES : (number + 1) * PART_FRAMES]

    def _count(self) -> int:
        return -(-len(self) // PART_FRAMES)


def personalise_stored(heard: HeardSpeech, face: CanonicalFace, model: MouthShapeModel) -> PersonalMotion:
    """Bring an average mouth's motion to one person's; see ``PersonalMotion``."""
    return PersonalMotion(heard, face, model)


def shape_gain(face: CanonicalFace, deviation: float, frames: int) -> float:
    """Factor for rounding and spreading: a squared error shrinks what it cannot foresee, and people differ.

    Args:
        face: The person.
        deviation: Standard deviation of the network's width over the sound's speech.
        frames: Of speech: a short sound need not contain a rounded vowel.
    """
    if face.style is None:
        return SHAPE_GAIN
    wanted = float(np.clip(OWN_ROUNDING * face.style.rounding / max(deviation, 1e-4), *SHAPE_GAINS))
    trust = frames / (frames + TRUSTED_FRAMES)
    return trust * wanted + (1 - trust) * SHAPE_GAIN


def kept_within(
    opened: NDArray[np.floating], rounded: NDArray[np.floating], widths: tuple[float, float]
) -> NDArray[np.float64]:
    """Share (T,), 0..1, of rounding and spreading that keeps the mouth about as wide as the person was seen.

    Wide vowels on a wide opening would pull the corners further than any donor's skin goes.

    Args:
        opened: (T,) width without rounding and spreading, from the closed mouth's.
        rounded: (T,) what these add.
        widths: Narrowest and widest seen, from the closed mouth's.
    """
    low, high = widths[0] - WIDTH_MARGIN, widths[1] + WIDTH_MARGIN
    limit = np.where(rounded > 0, high, low)
    beyond = np.abs(rounded) > np.maximum((limit - opened) * np.sign(rounded), 0)
    share = (limit - opened) / np.where(beyond, rounded, 1.0)
    return np.where(beyond, np.clip(share, 0, 1), 1.0)


def left_open(
    closed: NDArray[np.floating], gap: NDArray[np.floating], speaking: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """What is left of every opening, 0..1: nothing where lips are most likely closed.

    How sure the network is depends on the voice, so it is asked where, and the person's clip how often.

    Args:
        closed: (T,) log odds of closed lips.
        gap: (T,) the network's gaps; a small one speaks for closed lips too.
        speaking: (T,) frames with speech.
        share: Of these, so many are closed in the person's clip.
    """
    among = gap[speaking]
    odds = np.asarray(closed, np.float64) - GAP_ODDS * (gap - np.median(among)) / (among.std() + 1e-6)
    limit = float(np.quantile(odds[speaking], 1 - min(CLOSED_MORE * share, MOST_CLOSED)))
    limit = float(np.clip(limit, LEAST_ODDS, SURE_ODDS))
    kept = 1 - smoothstep(limit - ODDS_WIDTH, limit + ODDS_WIDTH, odds)
    # lips do not snap shut for one frame: they are on their way for another on either side
    padded = np.pad(kept, 1, mode="edge")
    beside = np.minimum(padded[:-2], padded[2:])
    return np.asarray(np.minimum(kept, CLOSING_SHARE * beside + 1 - CLOSING_SHARE))


def _openings(
    gap: NDArray[np.floating],
    wanted: NDArray[np.floating],
    speaking: NDArray[np.bool_],
    model: MouthShapeModel,
) -> NDArray[np.float64]:
    """Openings (T,) mapped to those wanted, quantile by quantile."""
    # a long sound says itself how open "open" is; a short one is compared with sounds in general
    count = int(speaking.sum())
    trust = count / (count + TRUSTED_FRAMES)
    heard = trust * np.quantile(gap[speaking], model.gap_levels) + (1 - trust) * model.predicted_gap
    opening = np.interp(gap, heard, wanted)
    beyond = gap > heard[-1]
    opening[beyond] = wanted[-1] + 0.3 * (gap[beyond] - heard[-1])
    return np.asarray(np.maximum(opening, 0))


def _pace(gap: NDArray[np.floating], speaking: NDArray[np.bool_]) -> float:
    """Mean speed of the opening on the 25 Hz grid while there is speech, inter-ocular distances per second."""
    both = speaking[1:] & speaking[:-1]
    return float(np.abs(np.diff(gap))[both].mean() * GRID_RATE) if both.any() else 0.0


def spoken(face: CanonicalFace) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Gaps (T,) of the clip on the 25 Hz grid, and where the mouth is not at rest."""
    times = face.track.times
    grid = np.arange(times[0], times[-1] + 1e-6, 1 / GRID_RATE)
    gap = np.interp(grid, times, face.gap)
    width = int(RESTING_SECONDS * GRID_RATE)
    return gap, np.convolve(gap > RESTING_GAP, np.ones(width), mode="same")[: len(gap)] > 0.5


def spoken_gaps(face: CanonicalFace) -> NDArray[np.float64]:
    """The clip's gaps while the mouth is not at rest; all of them when it hardly ever moves."""
    gap, moving = spoken(face)
    return gap[moving] if moving.sum() >= FEWEST_SPOKEN else np.asarray(face.gap, np.float64)


def resting_mouth(face: CanonicalFace) -> NDArray[np.float64]:
    """The mouth in silence, (80, 2) from the closed mouth: closed, or as far as a person closes it who never does."""
    if face.style is None:
        return np.zeros((len(mesh.MOUTH_POINTS), 2))
    least = float(np.quantile(face.gap, LEAST_LEVEL))
    return (0.0 if least < CLOSED_GAP else min(least, MOST_RESTING)) * face.style.direction


def closed_share(face: CanonicalFace) -> float:
    """Share of spoken frames in which this person's lips are closed; as people in general, the less is seen."""
    if not face.speaks:
        return USUAL_CLOSED
    gaps = spoken_gaps(face)
    trust = len(gaps) / (len(gaps) + TRUSTED_FRAMES)
    return trust * float((gaps < CLOSED_GAP).mean()) + (1 - trust) * USUAL_CLOSED


def own_pace(face: CanonicalFace) -> float | None:
    """Mean speed of the opening while the person speaks, as ``_pace``; None when the clip does not show it."""
    times = face.track.times
    if not face.speaks or times[-1] - times[0] < SHORTEST_PACE_SECONDS:
        return None
    gap, moving = spoken(face)
    return _pace(gap, moving) if moving.sum() > GRID_RATE else None


def wanted_quantiles(face: CanonicalFace, model: MouthShapeModel) -> NDArray[np.float64]:
    """The openings a person should make, at the model's quantile levels, inter-ocular units, rising."""
    if not face.speaks:
        # as people in general, wide openings held back: the inside of this mouth was never seen
        held = STILL_OPENING * np.tanh(np.maximum(model.true_gap, 0) / STILL_OPENING)
        return np.asarray(held * smoothstep(0.0, NEARLY_CLOSED, held))
    seen = spoken_gaps(face)
    own = np.quantile(seen, model.gap_levels)
    high = model.gap_levels.searchsorted(0.9)
    scale = np.clip(own[high] / max(float(model.true_gap[high]), 1e-3), 0.5, 1.5)
    mixed = OWN_SHARE * own + (1 - OWN_SHARE) * model.true_gap * scale
    mixed = mixed * smoothstep(0.0, NEARLY_CLOSED, mixed)
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
