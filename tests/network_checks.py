"""What every torch network has to do, whatever it computes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def seeded(build: Callable[[], Any], seed: int = 0) -> Any:
    """A network in ``eval()`` with weights of a seed; norms, biases and strengths are none of the usual 0 and 1."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build().eval()
        for value in network.state_dict().values():
            if value.is_floating_point() and value.dim() == 1:
                value += 0.1 * torch.randn(value.shape).abs()
    return network


def pictures(count: int, side: int, low: float = -1.0, high: float = 1.0) -> Tensor:
    """(count, 3, side, side) soft random pictures."""
    coarse = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(count * side))
    fine = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side))
    mixed = 0.8 * nn.functional.interpolate(coarse, size=(side, side), mode="bicubic") + 0.2 * fine
    return low + (high - low) * mixed.clamp(0, 1)


def key_digest(state: Mapping[str, Tensor]) -> str:
    """A number for all keys and shapes; those of the tests come from the released files' lists."""
    lines = sorted(f"{key} {tuple(value.shape)}" for key, value in state.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def samples(value: Tensor, count: int = 6) -> list[float]:
    """Evenly spread numbers of a tensor."""
    flat = value.detach().float().flatten()
    return [round(float(flat[place]), 5) for place in torch.linspace(0, len(flat) - 1, count).long()]


def assert_batch_equals_singles(run: Callable[[Tensor], Tensor], batch: Tensor, tolerance: float = 1e-5) -> None:
    """A batch gives what its pictures give one by one, relative to the largest number."""
    with torch.inference_mode():
        together = run(batch)
        alone = torch.cat([run(batch[place : place + 1]) for place in range(len(batch))])
    assert together.shape == alone.shape
    assert (together - alone).abs().max() <= tolerance * alone.abs().max()
    assert (alone[0] - alone[-1]).abs().max() > 1e-3 * alone.abs().max()  # the pictures tell


def assert_half_precision(network: Any, run: Callable[[Any, Tensor], Tensor], image: Tensor, tolerance: float) -> None:
    """In bfloat16 it gives nearly the same, by root mean square; afterwards the network is bfloat16."""
    with torch.inference_mode():
        exact = run(network, image)
        rough = run(network.to(torch.bfloat16), image.to(torch.bfloat16))
    assert rough.dtype == torch.bfloat16
    difference = (rough.float() - exact).square().mean().sqrt()
    assert difference <= tolerance * exact.std()


def assert_learns(run: Callable[[Tensor], Tensor], network: Any, image: Tensor, idle: tuple[str, ...] = ()) -> None:
    """A gradient reaches every weight but those whose names begin with one of ``idle``."""
    run(image).square().mean().backward()
    for name, weight in network.named_parameters():
        reached = weight.grad is not None and bool(weight.grad.isfinite().all()) and bool(weight.grad.abs().sum() > 0)
        assert reached != name.startswith(idle or ("-",)), name
