"""Train audio -> mouth motion, the ear of the landmark backend, and export it to ONNX."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from talkingface.training.augment import augment_mel
from talkingface.training.loop import LoopOptions, fit
from talkingface.training.mouth_data import (
    CORNERS,
    LOWER,
    MEL_PER_FRAME,
    UPPER,
    MouthClip,
    closed_shape,
    closing_direction,
    gap_of,
    width_of,
)
from talkingface.training.mouth_network import COMPONENTS, Ensemble, MouthMotion

log = logging.getLogger("talkingface.training")

BATCH, FRAMES = 24, 64
SOURCE_SHARES = {"anchors": 0.60, "grid_s1": 0.18, "grid_s4": 0.07, "actors": 0.15}
LIP_POINTS, INNER_FROM = 40, 20


@dataclass(frozen=True)
class Example:
    """A clip as the network sees it.

    Attributes:
        clip: The clip.
        displacement: (T, 160) float32, from the closed mouth, at the average person's amplitude.
    """

    clip: MouthClip
    displacement: NDArray[np.float32]


def make_examples(clips: Sequence[MouthClip], direction: NDArray[np.float32]) -> list[Example]:
    """Displacements from each clip's closed mouth, every person's amplitude brought to the average one."""
    moved = [clip.shape - closed_shape(clip.shape, direction) for clip in clips]
    overall = np.sqrt(np.mean(np.concatenate([gap_of(d) for d in moved]) ** 2))
    amplitudes: dict[int, float] = {}
    for person in {clip.person for clip in clips}:
        gaps = np.concatenate([gap_of(d) for d, c in zip(moved, clips, strict=True) if c.person == person])
        amplitudes[person] = float(np.clip(overall / np.sqrt(np.mean(gaps**2) + 1e-9), 0.7, 1.5))
    return [
        Example(clip, (d * amplitudes[clip.person]).reshape(len(d), -1).astype(np.float32))
        for clip, d in zip(clips, moved, strict=True)
    ]


def principal_components(examples: Sequence[Example]) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Basis (16, 160) scaled to one standard deviation a row, mean (160,), and the share of variance it holds."""
    rows = np.concatenate([e.displacement for e in examples]).astype(np.float64)
    mean = rows.mean(0)
    weights = point_weights().repeat(2) ** 0.5
    centred = (rows - mean)[:: max(1, len(rows) // 30_000)] * weights
    _, singular, vt = np.linalg.svd(centred, full_matrices=False)
    basis = vt[:COMPONENTS] / weights * (singular[:COMPONENTS, None] / np.sqrt(len(centred)))
    share = float((singular[:COMPONENTS] ** 2).sum() / (singular**2).sum())
    return basis.astype(np.float32), mean.astype(np.float32), share


def point_weights() -> NDArray[np.float64]:
    """How much each of the 80 points counts: inner lips most, then lips, then jaw and cheeks."""
    weights = np.ones(80)
    weights[:LIP_POINTS] = 1.5
    weights[INNER_FROM:LIP_POINTS] = 2.5
    return weights


class Batches:
    """Draws random windows, each source with its share, each person alike within a source."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.by_person: dict[str, dict[int, list[Example]]] = {}
        for example in examples:
            people = self.by_person.setdefault(example.clip.source, {})
            people.setdefault(example.clip.person, []).append(example)
        self.sources = sorted(self.by_person)
        shares = np.array([SOURCE_SHARES.get(source, 0.5) for source in self.sources])
        self.shares = shares / shares.sum()

    def draw(self, rng: np.random.Generator, batch: int = BATCH, frames: int = FRAMES) -> tuple[Tensor, Tensor, Tensor]:
        """Log-mel (B, 4 T, 80), displacements (B, T, 160) and the mask (B, T) of frames that exist."""
        mel = np.zeros((batch, frames * MEL_PER_FRAME, 80), np.float32)
        target = np.zeros((batch, frames, 160), np.float32)
        mask = np.zeros((batch, frames), np.float32)
        for row in range(batch):
            people = self.by_person[self.sources[rng.choice(len(self.sources), p=self.shares)]]
            numbers = sorted(people)
            sizes = np.sqrt([len(people[n]) for n in numbers])
            clips = people[numbers[rng.choice(len(numbers), p=sizes / sizes.sum())]]
            example = clips[rng.integers(len(clips))]
            length = len(example.displacement)
            start = int(rng.integers(0, max(1, length - frames + 1)))
            stop = min(length, start + frames)
            mel[row, : (stop - start) * MEL_PER_FRAME] = example.clip.mel[start * MEL_PER_FRAME : stop * MEL_PER_FRAME]
            mel[row, (stop - start) * MEL_PER_FRAME :] = example.clip.mel.min(0)
            target[row, : stop - start] = example.displacement[start:stop]
            mask[row, : stop - start] = 1
        return torch.from_numpy(mel), torch.from_numpy(target), torch.from_numpy(mask)


def gap_tensor(points: Tensor) -> Tensor:
    """Inner-lip gap of (B, T, 160) points."""
    shaped = points.unflatten(-1, (80, 2))
    return shaped[..., LOWER, 1].mean(-1) - shaped[..., UPPER, 1].mean(-1)


def width_tensor(points: Tensor) -> Tensor:
    """Mouth width of (B, T, 160) points."""
    shaped = points.unflatten(-1, (80, 2))
    return shaped[..., CORNERS[1], 0] - shaped[..., CORNERS[0], 0]


def mouth_loss(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Weighted squared error of positions, velocities, gap and width; near-closed frames count threefold in the gap."""
    weights = torch.from_numpy(point_weights().repeat(2)).to(predicted)
    total = mask.sum().clamp_min(1)
    position = ((predicted - target).square() * weights * mask[..., None]).sum() / (total * 80)
    both = mask[:, 1:] * mask[:, :-1]
    change = (predicted[:, 1:] - predicted[:, :-1]) - (target[:, 1:] - target[:, :-1])
    velocity = (change.square() * weights * both[..., None]).sum() / (both.sum().clamp_min(1) * 80)
    true_gap = gap_tensor(target)
    closeness = 1 + 2 * torch.exp(-((true_gap / 0.02) ** 2))
    gap = ((gap_tensor(predicted) - true_gap).square() * closeness * mask).sum() / total
    width = ((width_tensor(predicted) - width_tensor(target)).square() * mask).sum() / total
    return 1000 * position + 1500 * velocity + 1000 * gap + 500 * width


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson correlation; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / size) if size > 1e-9 else 0.0


def predict(network: torch.nn.Module, mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Displacements (T, 80, 2) for log-mel (4 T, 80)."""
    network.eval()
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(np.ascontiguousarray(mel))[None])[0].numpy().reshape(-1, 80, 2))


def validate(network: torch.nn.Module, examples: Sequence[Example], min_frames: int = 20) -> dict[str, float]:
    """Mean figures over clips: gap and width correlation, landmark error, its ratio to the mean mouth, closure AUC."""
    mean = np.concatenate([e.displacement for e in examples]).mean(0).reshape(80, 2)
    gap_r, width_r, error, baseline, closed_scores, closed_truth = [], [], [], [], [], []
    for example in examples:
        truth = example.displacement.reshape(-1, 80, 2)
        if len(truth) < min_frames:
            continue
        guess = predict(network, example.clip.mel)
        gap_r.append(correlation(gap_of(guess), gap_of(truth)))
        width_r.append(correlation(width_of(guess), width_of(truth)))
        error.append(float(np.linalg.norm(guess - truth, axis=-1)[:, :LIP_POINTS].mean()))
        baseline.append(float(np.linalg.norm(mean - truth, axis=-1)[:, :LIP_POINTS].mean()))
        closed_scores.append(-gap_of(guess))
        closed_truth.append(gap_of(truth) < 0.01)
    scores, truth_flags = np.concatenate(closed_scores), np.concatenate(closed_truth)
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    positives, negatives = int(truth_flags.sum()), int((~truth_flags).sum())
    auc = (ranks[truth_flags].sum() - positives * (positives + 1) / 2) / max(1, positives * negatives)
    return {
        "gap_correlation": float(np.mean(gap_r)),
        "width_correlation": float(np.mean(width_r)),
        "lip_error": float(np.mean(error)),
        "lip_error_mean_mouth": float(np.mean(baseline)),
        "closure_auc": float(auc),
    }


def split_people(clips: Sequence[MouthClip], share: float = 0.12) -> tuple[list[MouthClip], list[MouthClip]]:
    """Training and validation clips, disjoint by person; people of ``anchors`` only are held out."""
    people = sorted({clip.person for clip in clips if clip.source == "anchors"})
    held = set(people[:: max(1, round(1 / share))])
    train = [clip for clip in clips if clip.source != "anchors" or clip.person not in held]
    return train, [clip for clip in clips if clip.source == "anchors" and clip.person in held]


def train_member(
    train: Sequence[Example], held: Sequence[Example], folder: Path, name: str, options: LoopOptions, channels: int,
    resume: bool = False,
) -> MouthMotion:  # fmt: skip
    """Train one network of the ensemble."""
    basis, mean, share = principal_components(train)
    mel = np.concatenate([example.clip.mel[::4] for example in train])
    log.info("%d training clips, %.1f min, 16 components hold %.4f", len(train), len(mel) / 1500, share)
    network = MouthMotion(
        torch.from_numpy(basis),
        torch.from_numpy(mean),
        torch.from_numpy(mel.mean(0)),
        torch.tensor(float(mel.std(0).mean())),
        channels,
    )
    batches = Batches(train)

    def loss(step: int, rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        sound, target, mask = batches.draw(rng)
        heard = augment_mel(network.normalise(sound), noise)
        return mouth_loss(network.decode(network.encoder(heard)), target, mask)

    fit(network, loss, options, folder, name, resume, lambda: validate(network, held) if held else {})
    return network


def export(members: list[MouthMotion], path: Path) -> None:
    """Write the ensemble as one ONNX file: input ``mel`` (1, 4 T, 80), output ``displacement`` (1, T, 160)."""
    network = Ensemble(members).eval()
    torch.onnx.export(
        network,
        (torch.zeros(1, 100, 80),),
        str(path),
        input_names=["mel"],
        output_names=["displacement"],
        dynamic_axes={"mel": {1: "columns"}, "displacement": {1: "frames"}},
        opset_version=17,
        dynamo=False,
    )


def save_shape_model(path: Path, reference: NDArray[np.float32], direction: NDArray[np.float32]) -> None:
    """Write ``mouth_shape.npz``: the generic face and the closing direction that inference needs."""
    np.savez(path, reference=reference.astype(np.float32), closing_direction=direction.astype(np.float32))


def summary_line(figures: dict[str, float]) -> str:
    """The figures of ``validate`` as one JSON line."""
    return json.dumps({key: round(value, 4) for key, value in figures.items()})


def direction_and_examples(
    train: Sequence[MouthClip], held: Sequence[MouthClip]
) -> tuple[NDArray[np.float32], list[Example], list[Example]]:
    """The closing direction of the training people, and both parts as examples."""
    direction = closing_direction(train)
    return direction, make_examples(train, direction), make_examples(held, direction) if held else []
