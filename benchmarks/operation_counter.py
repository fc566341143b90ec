"""Multiplications of the networks for one output frame at 1080p: the presets of the neural backend, and as released.

    python benchmarks/operation_counter.py [--size 1080x1920] [--narrow 16]

Every tensor operation that torch is asked for is seen, wherever it is asked: in a layer, in a function, in a weight
that is computed first. Convolutions (transposed, grouped, one-dimensional) and matrix products (linear layers,
attention) are counted; additions, norms, activations, interpolation and Fourier transforms are not. Networks are
counted twice: as this project runs them (folded), and as the released programs compute them (``plain_networks``).
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from plain_networks import computed_plainly
from preset_networks import PRESETS, Run, made, released
from torch.utils._python_dispatch import TorchDispatchMode

from talkingface.models.inference_folding import fold_for_inference

GIGA = 1e9
PASSED_ON = ("linear", "matmul", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "scaled_dot_product_attention")
ATTENTION = ("_scaled_dot_product", "_efficient_attention", "_flash_attention")


class OperationCounter(TorchDispatchMode):  # type: ignore[misc]
    """Counts multiply-accumulates while it is entered, by operation. Not under ``inference_mode``, which hides some.

    A transposed convolution counts every product, those that its padding cuts off as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self.by_operation: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Multiply-accumulates so far."""
        return sum(self.by_operation.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in PASSED_ON:
            raise RuntimeError(f"{name} was not taken apart: count without inference_mode")
        products = _products(name, args, result)
        if products:
            self.by_operation[name] += products
        return result


def _products(name: str, args: Sequence[Any], result: Any) -> int:
    if name == "convolution":
        picture, weight, transposed = args[0], args[1], args[6]
        each = picture if transposed else result  # every input number is spread, or every output number gathered
        return each.numel() * math.prod(weight.shape[1:])
    if name in ("mm", "bmm"):
        return result.numel() * args[0].shape[-1]
    if name in ("addmm", "baddbmm"):
        return result.numel() * args[1].shape[-1]
    if name.startswith(ATTENTION):
        queries, keys, values = args[:3]
        return math.prod(queries.shape[:-1]) * keys.shape[-2] * (queries.shape[-1] + values.shape[-1])
    if "conv" in name and "backward" not in name:
        raise RuntimeError(f"{name} is a convolution that this counter does not know")
    return 0


def count(run: Run, narrow: int, plainly: bool) -> float:
    """Multiply-accumulates of one frame, in thousand millions."""
    meta = torch.device("meta")  # shapes without numbers: nothing is computed
    with torch.inference_mode(False), torch.no_grad():
        with meta:
            network = made(run.network, narrow)
            if not plainly:
                fold_for_inference(network)
        inputs = run.inputs(1, torch.empty(0, device=meta))
        with computed_plainly() if plainly else nullcontext(), OperationCounter() as counter:
            run.call(network, *inputs)
    return counter.total / GIGA


def table(title: str, runs: Sequence[Run], counts: dict[tuple[Run, bool], float], folded: bool) -> float:
    """Print one list of runs; the sum as this project computes it, or as released."""
    sums = [0.0, 0.0]
    print(f"\n{title}\n\n| stage | network | GMAC | released way | ratio |\n| --- | --- | --- | --- | --- |")
    for run in runs:
        ours, plain = counts[run, False], counts[run, True]
        sums = [sums[0] + ours, sums[1] + plain]
        print(f"| {run.stage} | {run.network} | {ours:.1f} | {plain:.1f} | {ours / plain:.2f} |")
    print(f"| **sum** | | **{sums[0]:.1f}** | **{sums[1]:.1f}** | **{sums[0] / sums[1]:.2f}** |")
    return sums[0] if folded else sums[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1080x1920", help="height and width of the frame")
    parser.add_argument("--narrow", type=int, default=1, help="networks so many times narrower")
    args = parser.parse_args()
    height, width = (int(part) for part in args.size.split("x"))
    lists = {**PRESETS, "released program": released(height, width)}
    counts: dict[tuple[Run, bool], float] = {}
    for run in {run: None for runs in lists.values() for run in runs}:
        for plainly in (False, True):
            counts[run, plainly] = count(run, args.narrow, plainly)
    whole = {name: table(name, runs, counts, name != "released program") for name, runs in lists.items()}
    print(f"\nA frame of {width} x {height}:")
    for name in PRESETS:
        print(f"{name}: {whole[name]:.0f} GMAC, {whole[name] / whole['released program']:.2f} of the released program")


if __name__ == "__main__":
    main()
