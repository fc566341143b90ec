"""How well predicted mouths follow true ones, with what no network at all would reach beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from talkingface.faces.geometry import gap_of, width_of
from talkingface.training.examples import LIP_POINTS, Example
from talkingface.training.mouth_data import MEL_PER_FRAME

CLOSED_GAP = 0.01  # inter-ocular distances; below it lips are taken as closed
MIN_FRAMES = 20
GAP_LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
Predictor = Callable[[Example], NDArray[np.floating]]


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson correlation; 0 where one of them does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / size) if size > 1e-9 else 0.0


def predict(network: torch.nn.Module, example: Example) -> NDArray[np.float32]:
    """Displacements (T, 80, 2) for the sound of an example whose ``speech`` is known."""
    network.eval()
    with torch.inference_mode():
        heard = (torch.from_numpy(np.ascontiguousarray(part))[None] for part in (example.clip.mel, example.speech))
        points = network(*heard)[0][0]
        return np.asarray(points.cpu().numpy().reshape(len(points), -1, 2))


def loudness_mouth(example: Example, mean: NDArray[np.floating], opening: NDArray[np.floating]) -> NDArray[np.floating]:
    """A mouth without a network: it opens with the level of the sound, smoothed over 120 ms.

    Args:
        example: The clip.
        mean: (80, 2) mean mouth.
        opening: (80, 2) what one unit of standardised level adds.

    Returns:
        (T, 80, 2).
    """
    level = example.clip.mel.mean(1).reshape(-1, MEL_PER_FRAME).mean(1)
    level = np.convolve(np.pad(level, 1, mode="edge"), np.array([0.25, 0.5, 0.25]), mode="valid")
    level = (level - level.mean()) / (level.std() + 1e-6)
    return np.asarray(mean + level[:, None, None] * opening)


def area_under_curve(scores: NDArray[np.floating], flags: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a flagged frame scores above one that is not; 0.5 is chance."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    positives, negatives = int(flags.sum()), int((~flags).sum())
    if not positives or not negatives:
        return 0.5
    return float((ranks[flags].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def validate(predictor: Predictor, examples: Sequence[Example], min_frames: int = MIN_FRAMES) -> dict[str, float]:
    """Mean figures over clips.

    Args:
        predictor: Displacements (T, 80, 2) of an example.
        examples: Clips of people it has not seen; those shorter than ``min_frames`` are passed over.
        min_frames: Correlation over fewer frames means little.

    Returns:
        ``gap_correlation`` and ``width_correlation`` (mean over clips), ``lip_error`` and ``lip_error_mean_mouth``
        (mean distance of the 40 lip points, inter-ocular distances, of the prediction and of the mean mouth),
        ``closure_auc`` and ``clips``.
    """
    examples = [example for example in examples if len(example.displacement) >= min_frames]
    if not examples:
        return {"clips": 0.0}
    mean = np.concatenate([e.displacement for e in examples]).mean(0).reshape(-1, 2)
    gap_r, width_r, error, baseline, scores, closed = [], [], [], [], [], []
    for example in examples:
        truth = example.displacement.reshape(len(example.displacement), -1, 2)
        guess = predictor(example)[: len(truth)]
        gap_r.append(correlation(gap_of(guess), gap_of(truth)))
        width_r.append(correlation(width_of(guess), width_of(truth)))
        error.append(float(np.linalg.norm(guess - truth, axis=-1)[:, :LIP_POINTS].mean()))
        baseline.append(float(np.linalg.norm(mean - truth, axis=-1)[:, :LIP_POINTS].mean()))
        scores.append(-gap_of(guess))
        closed.append(gap_of(truth) < CLOSED_GAP)
    return {
        "gap_correlation": float(np.mean(gap_r)),
        "width_correlation": float(np.mean(width_r)),
        "lip_error": float(np.mean(error)),
        "lip_error_mean_mouth": float(np.mean(baseline)),
        "closure_auc": area_under_curve(np.concatenate(scores), np.concatenate(closed)),
        "clips": float(len(examples)),
    }


@dataclass(frozen=True)
class GapStatistics:
    """Openings of mouths, quantile by quantile.

    Attributes:
        levels: (Q,) quantile levels, 0..1, rising.
        true: (Q,) of people who speak, at least 0, inter-ocular distances.
        predicted: (Q,) of the network that listens to them.
    """

    levels: NDArray[np.float32]
    true: NDArray[np.float32]
    predicted: NDArray[np.float32]


def gap_statistics(motion: Predictor, examples: Sequence[Example]) -> GapStatistics:
    """What a dub needs to bring the network's openings, which are too cautious, to real ones."""
    true = np.concatenate([gap_of(e.displacement.reshape(len(e.displacement), -1, 2)) for e in examples])
    predicted = np.concatenate([gap_of(motion(e)) for e in examples])
    # the extremes of many clips are single frames of bad tracking
    levels = np.clip(GAP_LEVELS, 0.005, 0.995)
    return GapStatistics(
        np.array(GAP_LEVELS, np.float32),
        np.maximum(np.quantile(true, levels), 0).astype(np.float32),
        np.quantile(predicted, levels).astype(np.float32),
    )


def with_baselines(motion: Predictor, examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    """Figures of a network, of a loudness mouth, and of the network listening to another clip's sound.

    Args:
        motion: The network: displacements (T, 80, 2) of an example.
        examples: Clips of people it has not seen; a single one has no other sound.
    """
    rows = np.concatenate([e.displacement for e in examples])
    mean = rows.mean(0).reshape(-1, 2)
    gap = gap_of(rows.reshape(len(rows), -1, 2))
    centred = gap - gap.mean()
    opening = (centred[:, None] * (rows - rows.mean(0))).mean(0).reshape(-1, 2) / (centred.std() + 1e-9)
    position = {id(example): number for number, example in enumerate(examples)}

    def shuffled(example: Example) -> NDArray[np.floating]:
        other = examples[(position[id(example)] + len(examples) // 2) % len(examples)]
        frames = len(example.displacement)
        rounds = -(-frames // len(other.displacement))

        def tiled(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
            return np.tile(rows, (rounds, 1))[:count]

        heard = replace(
            example.clip,
            mel=tiled(other.clip.mel, frames * MEL_PER_FRAME),
            phonetic=tiled(other.clip.phonetic, frames * MEL_PER_FRAME),
        )
        return motion(replace(example, clip=heard, speech=tiled(other.speech, frames)))

    return {
        "network": validate(motion, examples),
        "loudness": validate(lambda e: loudness_mouth(e, mean, opening), examples),
        "network_other_sound": validate(shuffled, examples if len(examples) > 1 else []),
    }
