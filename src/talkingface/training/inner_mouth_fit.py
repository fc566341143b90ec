"""Train the inner-mouth painter, and choose the one mouth that ships with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.models.video_retalking.landmark.mouth_colours import white_of_teeth
from talkingface.training.face_shape import linked_groups
from talkingface.training.inner_mouth_data import InnerMouths
from talkingface.training.inner_mouth_network import MOMENT_CODE, PERSON_CODE, FieldWithCodes
from talkingface.training.loop import LoopOptions, RunFolder, fit

SAME_PERSON = 0.45  # distance of identity embeddings: a little surer than the 0.5 of everyday use
BATCH = 6144
VALIDATED = 20000  # pixels
PERSON_NOISE, MOMENT_NOISE = 0.1, 0.3
PERSON_PRICE, MOMENT_PRICE = 2e-3, 3e-3
CANDIDATES = 200
LEAST_OPEN = 0.08  # inter-ocular gap of mouths by which a code is judged
GOOD_SHARE = 0.35  # of the candidates: those with the least error on held-out people


@dataclass(frozen=True)
class Split:
    """Rows of pixels to learn from and to validate on, disjoint by person."""

    train: NDArray[np.int64]
    held: NDArray[np.int64]
    held_clips: NDArray[np.bool_]
    people: int


def split_mouths(mouths: InnerMouths, share: float = 0.07, seed: int = 0) -> Split:
    """Divide by person: groups of alike faces are held out until they make ``share`` of the clips.

    Nothing is held out where half of the clips would not be left.
    """
    labels = linked_groups(mouths.identity.astype(np.float64), SAME_PERSON, [""] * len(mouths.names))
    sizes = np.bincount(labels)
    held: list[int] = []
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        if sizes[held].sum() >= share * len(labels):
            break
        if sizes[held].sum() + sizes[group] <= 2 * share * len(labels):
            held.append(int(group))
    chosen = np.isin(labels, held)
    return Split(mouths.of_clips(~chosen), mouths.of_clips(chosen), chosen, len(sizes))


class MouthTables:
    """A data set as tensors."""

    def __init__(self, mouths: InnerMouths) -> None:
        self.places, self.colours = torch.from_numpy(mouths.places), torch.from_numpy(mouths.colours)
        self.view = torch.from_numpy(mouths.view.astype(np.int64))
        self.opening = torch.from_numpy(mouths.opening)
        self.clip = torch.from_numpy(mouths.clip.astype(np.int64))
        white = np.stack([white_of_teeth(skin) for skin in mouths.skin]).astype(np.float32)
        self.white = torch.from_numpy(white)
        self.lips = torch.from_numpy((mouths.lips / white).astype(np.float32))

    def rows(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Places, openings, lips, wanted colours, clips and views of pixels."""
        at = torch.from_numpy(rows)
        view = self.view[at]
        clip = self.clip[view]
        return (
            self.places[at].float(), self.opening[view], self.lips[clip],
            self.colours[at].float() / self.white[clip], clip, view,
        )  # fmt: skip


def train_field(
    mouths: InnerMouths, split: Split, options: LoopOptions, run: RunFolder, width: int = 96, batch: int | None = None
) -> FieldWithCodes:
    """Learn the field and the codes.

    Args:
        mouths: The data.
        split: What of it to learn from.
        options: Length, pace and seed.
        run: Where checkpoints lie.
        width: Of the network; tests take few.
        batch: Pixels a step; ``BATCH`` when None.
    """
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        network = FieldWithCodes(len(mouths.names), len(mouths.opening), width)
    tables = MouthTables(mouths)

    def loss(rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        places, opening, lips, wanted, clip, view = tables.rows(
            split.train[rng.integers(0, len(split.train), batch or BATCH)]
        )
        person, moment = network.person(clip), network.moment(view)
        painted = network.field(
            places, opening, lips,
            person + PERSON_NOISE * torch.randn(person.shape, generator=noise),
            moment + MOMENT_NOISE * torch.randn(moment.shape, generator=noise),
        )  # fmt: skip
        price = PERSON_PRICE * person.square().mean() + MOMENT_PRICE * moment.square().mean()
        return (painted - wanted).abs().mean() + price

    def evaluate() -> dict[str, float]:
        if not len(split.held):
            return {}
        return {"held_error": held_error(network, tables, split.held, torch.zeros(1, PERSON_CODE))}

    fit(network, loss, options, run, evaluate)
    return network


def held_error(
    network: FieldWithCodes, tables: MouthTables, rows: NDArray[np.int64], person: Tensor, seed: int = 0
) -> float:
    """Mean absolute error with one code, shares of white, on some of the pixels."""
    chosen = np.sort(np.random.default_rng(seed).choice(rows, min(VALIDATED, len(rows)), replace=False))
    places, opening, lips, wanted, _, _ = tables.rows(chosen)
    with torch.no_grad():
        painted = network.field(
            places, opening, lips, person.expand(len(places), -1), torch.zeros(len(places), MOMENT_CODE)
        )
    return float((painted - wanted).abs().mean())


def teeth_detail(network: FieldWithCodes, tables: MouthTables, rows: NDArray[np.int64], person: Tensor) -> float:
    """How much the paint varies across a mouth once its slow changes are taken out: teeth told apart."""
    places, opening, lips, _, _, _ = tables.rows(rows)
    step = torch.zeros_like(places)
    step[:, 0], step[:, 5] = 0.03, 0.03 / 0.65
    person, still = person.expand(len(places), -1), torch.zeros(len(places), MOMENT_CODE)
    with torch.no_grad():
        here, left, right = (
            network.field(places + sign * step, opening, lips, person, still).mean(-1) for sign in (0.0, -1.0, 1.0)
        )
    return float((here - (left + right) / 2).abs().mean())


def choose_person(network: FieldWithCodes, mouths: InnerMouths, split: Split, seed: int = 0) -> int:
    """The clip whose code ships: of those that fit strangers best, the one with the clearest teeth.

    Without held-out people the clips learnt from stand in for them.
    """
    tables = MouthTables(mouths)
    rows = split.held if len(split.held) else split.train
    rows = rows[mouths.opening[mouths.view[rows], 0] > LEAST_OPEN] if len(rows) else rows
    rows = rows if len(rows) else split.train
    rng = np.random.default_rng(seed)
    judged = np.sort(rng.choice(rows, min(VALIDATED // 4, len(rows)), replace=False))
    clips = np.flatnonzero(~split.held_clips)
    clips = np.sort(rng.choice(clips, min(CANDIDATES, len(clips)), replace=False))
    people = [network.person(torch.tensor([int(clip)])).detach() for clip in clips]
    errors = np.array([held_error(network, tables, judged, person) for person in people])
    good = np.argsort(errors, kind="stable")[: max(1, round(GOOD_SHARE * len(clips)))]
    clear = [teeth_detail(network, tables, judged, people[int(place)]) for place in good]
    return int(clips[good[int(np.argmax(clear))]])


def figures(network: FieldWithCodes, mouths: InnerMouths, split: Split, person: Tensor) -> dict[str, float]:
    """Mean absolute errors on held-out people, shares of white: a code (1, 12), the mean code, and no painter."""
    if not len(split.held):
        return {}
    tables = MouthTables(mouths)
    _, _, _, wanted, _, _ = tables.rows(split.held)
    flat = torch.full_like(wanted, 0.1)
    return {
        "chosen_mouth": held_error(network, tables, split.held, person),
        "mean_code": held_error(network, tables, split.held, torch.zeros(1, PERSON_CODE)),
        "flat_depth": float((wanted - flat).abs().mean()),
        "best_flat_colour": float((wanted - wanted.median(0).values).abs().mean()),
    }
