"""How sure a mean over clips is, and whether two methods differ: bootstrap, permutation test, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from talkingface.evaluation.result import Interval as Interval

RESAMPLES = 10_000
CONFIDENCE = 0.95
EXACT_PAIRS = 16  # 2 to this power of sign patterns are enumerated; more pairs are sampled
_BLOCK = 2**20  # random numbers drawn at once, so that thousands of clips need no more memory than tens
# Two sign patterns whose means are equal in exact arithmetic differ by rounding: that much of the largest difference.
_ROUNDING = 1e-12


def bootstrap_interval(
    values: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval | None:
    """Percentile bootstrap interval of the mean: clips are drawn again with replacement, as many as there are.

    It speaks of other clips of the same kind, not of other kinds of clips. From few clips it is too narrow: of normal
    values the true mean lies inside in 0.84 of the cases with 5 clips, 0.91 with 10, 0.93 with 20, 0.94 with 50; of
    skewed ones (log-normal) in 0.72, 0.79, 0.86, 0.87. The same values in the same order give the same interval
    everywhere.

    Args:
        values: (N,) one finite value a clip.
        seed: Of the draws.
        resamples: How many means are drawn.
        confidence: Share of the drawn means that lie inside, 0..1.

    Returns:
        None with fewer than two values: one clip says nothing about others.

    Raises:
        ValueError: a value is not finite.
    """
    found = _finite(values)
    if len(found) < 2:
        return None
    means = np.concatenate(
        [found[drawn % np.uint64(len(found))].mean(axis=1) for drawn in _draws(seed, resamples, len(found))]
    )
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return Interval(float(low), float(high), len(found))


def paired_permutation(differences: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """Two-sided sign-flip test: how often would differences of random sign have a mean as far from 0?

    Up to ``EXACT_PAIRS`` pairs every pattern of signs is tried, so that p is exact, and at least ``2 ** (1 - pairs)``:
    fewer than six pairs are never significant at 0.05. With more, patterns are drawn, and the one observed counts as
    one of them, so that p is never 0.

    Args:
        differences: (N,) method minus baseline, one finite value a clip.
        seed: Of the draws.
        resamples: How many patterns are drawn.

    Returns:
        p, 0..1; 1 without any difference.

    Raises:
        ValueError: a value is not finite.
    """
    found = _finite(differences)
    if not len(found) or not np.any(found):
        return 1.0
    found = found / np.abs(found).max()
    least = abs(found.sum()) - _ROUNDING * len(found)
    if len(found) <= EXACT_PAIRS:
        # Turning every sign round gives the same distance from 0: half of the patterns tell all.
        patterns = np.arange(2 ** (len(found) - 1), dtype=np.uint64)[:, None]
        signs = (patterns >> np.arange(len(found), dtype=np.uint64)) & np.uint64(1)
        return float(np.mean(np.abs(_signed_sums(signs, found)) >= least))
    as_far = sum(
        int(np.count_nonzero(np.abs(_signed_sums(drawn >> np.uint64(63), found)) >= least))
        for drawn in _draws(seed, resamples, len(found))
    )
    return (as_far + 1) / (resamples + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values of several tests by Holm's step-down rule, which needs no independence.

    Args:
        p_values: One for each test, 0..1.

    Returns:
        In the same order; the share of tests that are called different although nothing is stays below the level.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        corrected[index] = largest
    return corrected


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64).reshape(-1)
    if not np.isfinite(found).all():
        raise ValueError("a value is not finite; leave clips without a score out")
    return found


def _draws(seed: int, rows: int, columns: int) -> Iterator[NDArray[np.uint64]]:
    """Random (at most ``rows``, ``columns``) 64-bit numbers, ``rows`` in all.

    They are the generator's raw output, which NumPy promises never to change; what it makes of them may change.
    """
    generator = np.random.PCG64(seed)
    most = max(1, _BLOCK // columns)
    for start in range(0, rows, most):
        shape = (min(most, rows - start), columns)
        yield np.asarray(generator.random_raw(shape[0] * shape[1]), np.uint64).reshape(shape)


def _signed_sums(bits: NDArray[np.uint64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of (N,) values whose signs are turned where (K, N) bits are 1."""
    return np.asarray(values.sum() - 2.0 * (bits.astype(np.float64) @ values))
