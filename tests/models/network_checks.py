"""What is asked of every network: its keys, recorded values, batches, memory layouts, half precision."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def key_digest(module: nn.Module) -> str:
    """Of the sorted lines "key shape" of a state dict: the released weights have the same."""
    lines = sorted(f"{key} {list(value.shape)}" for key, value in module.state_dict().items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module in ``eval`` mode with weights that depend on the seed, the keys and the shapes only."""
    state = {}
    for key, old in sorted(module.state_dict().items()):
        shape = tuple(old.shape)
        values = np.random.default_rng([seed, *key.encode()]).standard_normal(shape)
        if key.endswith("num_batches_tracked"):
            values = np.zeros(shape)
        elif key.endswith("running_var"):
            values = 1 + 0.2 * np.abs(values)
        elif key.endswith(("weight_u", "weight_v")):
            values = values / np.linalg.norm(values)
        elif key.endswith("weight") and (len(shape) == 1 or shape[1:] == (1, 1)):
            values = 1 + 0.1 * values
        elif len(shape) > 1:
            values = values * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = 0.1 * values
        state[key] = torch.from_numpy(np.asarray(values)).to(old.dtype)
    for key in [key for key in state if key.endswith("weight_v")]:  # as training leaves them: v follows from u
        stem = key.removesuffix("weight_v")
        v = state[f"{stem}weight_orig"].flatten(1).T @ state[f"{stem}weight_u"]
        state[key] = v / v.norm()
    module.load_state_dict(state, strict=True)
    return module.eval()


def noise(seed: int, *shape: int) -> Tensor:
    """Normal numbers that depend on seed and shape only."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def picture(seed: int, *shape: int) -> Tensor:
    """Numbers in 0..1 that depend on seed and shape only."""
    return torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32))


def smooth_picture(seed: int, *shape: int) -> Tensor:
    """A picture in 0..1 whose neighbours are alike, for networks that move pixels by small fractions."""
    coarse = picture(seed, *shape[:2], 8, 8)
    return torch.nn.functional.interpolate(coarse, size=shape[2:], mode="bicubic", align_corners=False).clamp(0, 1)


def outputs(result: Any) -> list[Tensor]:
    """A network's results as a list."""
    return [result] if isinstance(result, Tensor) else list(result)


def few(result: Any) -> list[list[float]]:
    """Four values and the standard deviation of each output, to be compared with recorded ones."""
    rows = []
    for value in outputs(result):
        flat = value.detach().double().flatten()
        places = torch.linspace(0, len(flat) - 1, 6).long()[1:5]
        rows.append([round(x, 5) for x in [*flat[places].tolist(), flat.std().item()]])
    return rows


def assert_recorded(result: Any, recorded: Sequence[Sequence[float]], tolerance: float = 2e-4) -> None:
    """The few values of a result are those that were recorded when the goldens passed."""
    np.testing.assert_allclose(few(result), recorded, atol=tolerance, rtol=tolerance)


def assert_batches_agree(module: nn.Module, inputs: Sequence[Tensor], tolerance: float = 1e-5) -> None:
    """A batch in one call is its members one by one, to ``tolerance`` of each output's size."""
    with torch.inference_mode():
        together = outputs(module(*inputs))
        singles = [outputs(module(*(value[k : k + 1] for value in inputs))) for k in range(len(inputs[0]))]
    for place, whole in enumerate(together):
        one_by_one = torch.cat([single[place] for single in singles])
        assert float((whole - one_by_one).norm() / one_by_one.norm()) < tolerance


def assert_channels_last_agrees(module: nn.Module, inputs: Sequence[Tensor], prepare: Callable[[Any], Any]) -> None:
    """Pictures and weights laid out with their channels last give the same."""
    other = deepcopy(module)
    prepare(other)
    last = [v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for v in inputs]
    with torch.inference_mode():
        for expected, found in zip(outputs(module(*inputs)), outputs(other(*last)), strict=True):
            assert float((found - expected).norm() / expected.norm()) < 1e-4


def assert_half_precision(module: nn.Module, inputs: Sequence[Tensor], tolerance: float) -> None:
    """In bfloat16 everything is bfloat16, finite, and as near as ``tolerance`` of the outputs' spread says."""
    half = deepcopy(module).to(torch.bfloat16)
    with torch.inference_mode():
        exact = outputs(module(*inputs))
        rough = outputs(half(*(value.to(torch.bfloat16) for value in inputs)))
    for expected, found in zip(exact, rough, strict=True):
        assert found.dtype == torch.bfloat16 and bool(found.isfinite().all())
        assert float((found.float() - expected).std() / expected.std()) < tolerance
