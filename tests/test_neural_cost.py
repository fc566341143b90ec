"""The benchmarks of the networks: what the counter counts, that plain forwards give the same, and the chain."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from talkingface.models.inference_folding import fold_for_inference  # noqa: E402

MODULES = ("preset_networks", "plain_networks", "operation_counter", "neural_chain")


@pytest.fixture(scope="module")
def cost() -> Iterator[SimpleNamespace]:
    folder = str(Path(__file__).parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(folder)


def products(cost: SimpleNamespace, work: Any) -> int:
    with torch.no_grad(), cost.operation_counter.OperationCounter() as counter:
        work()
    return int(counter.total)


def test_products_are_counted_wherever_they_are_asked_for(cost: SimpleNamespace) -> None:
    x = torch.rand(2, 8, 10, 12)
    weight = torch.rand(6, 8, 3, 3)
    cases = {
        2 * 6 * 10 * 12 * 8 * 9: lambda: functional.conv2d(x, weight, padding=1),
        2 * 6 * 5 * 6 * 8 * 9: lambda: nn.Conv2d(8, 6, 3, stride=2, padding=1)(x),
        2 * 8 * 10 * 12 * 9: lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8)(x),
        2 * 8 * 10 * 12 * 6 * 16: lambda: nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1)(x),
        2 * 5 * 18 * 8 * 3: lambda: nn.Conv1d(8, 5, 3)(torch.rand(2, 8, 20)),
        7 * 4 * 9: lambda: nn.Linear(4, 9)(torch.rand(7, 4)),
        2 * 7 * 4 * 9: lambda: nn.Linear(4, 9, bias=False)(torch.rand(2, 7, 4)),
        3 * 5 * 6 * 7: lambda: torch.rand(3, 5, 6) @ torch.rand(3, 6, 7),
        2 * 4 * 20 * 30 * (8 + 8): lambda: functional.scaled_dot_product_attention(
            torch.rand(2, 4, 20, 8), torch.rand(2, 4, 30, 8), torch.rand(2, 4, 30, 8)
        ),
    }
    for expected, work in cases.items():
        assert products(cost, work) == expected
    assert products(cost, lambda: functional.leaky_relu(x + 1) * 2) == 0


def test_the_counter_refuses_where_it_would_miss_some(cost: SimpleNamespace) -> None:
    with (
        torch.inference_mode(),
        cost.operation_counter.OperationCounter(),
        pytest.raises(RuntimeError, match="without"),
    ):
        nn.Conv2d(3, 4, 3)(torch.rand(1, 3, 8, 8))


def test_the_presets_cost_what_the_documentation_says(cost: SimpleNamespace) -> None:
    count = cost.operation_counter.count
    presets = cost.preset_networks.PRESETS
    counts = {run: count(run, 1, plainly=False) for run in {run for runs in presets.values() for run in runs}}
    sums = {preset: sum(counts[run] for run in runs) for preset, runs in presets.items()}
    assert sums == pytest.approx({"fast": 212, "balanced": 391, "best": 843}, abs=1)
    assert sums["balanced"] <= 500
    # as measured on the released program itself, thousand millions
    for run, released in ((cost.preset_networks.DNET, 61.6), (cost.preset_networks.LIPS, 203.7)):
        assert count(run, 1, plainly=True) == pytest.approx(released, abs=0.1)


def test_plain_forwards_give_the_same(cost: SimpleNamespace) -> None:
    networks = cost.preset_networks
    for run in (networks.DNET, networks.LIPS, networks.GFPGAN_MOUTH, networks.REFERENCE, networks.PARSED):
        network, inputs = networks.built(run.network, 16), run.inputs(1)
        with torch.inference_mode():
            with cost.plain_networks.computed_plainly():
                plain = run.call(network, *inputs)
            fold_for_inference(network)
            ours = run.call(network, *inputs)
        for ours_one, plain_one in zip(*(x if isinstance(x, tuple) else (x,) for x in (ours, plain)), strict=True):
            assert float((ours_one - plain_one).norm() / plain_one.norm()) < 1e-4, run.network


@pytest.mark.parametrize("preset", ["fast", "best"])
def test_the_chain_changes_the_face_and_nothing_else(cost: SimpleNamespace, preset: str) -> None:
    chain = cost.neural_chain.Chain.of(
        cost.preset_networks.PRESETS[preset], 16, torch.device("cpu"), torch.float32, compiled=False
    )
    frames = torch.randint(0, 256, (2, 120, 200, 3), dtype=torch.uint8)
    boxes = np.array([[60, 20, 80], [64, 30, 80]])
    watch = cost.neural_chain.Stopwatch(torch.device("cpu"), waits=True)
    # every pixel of the face belongs to the mouth: what random weights take for one says nothing
    if preset == "best":
        chain.networks["ParseNet512"].out_mask_conv.conv2d.bias.data[10] = 1e6
    with torch.inference_mode():
        composed = chain.compose(frames, boxes, torch.rand(2, 1, 80, 16), torch.rand(2, 73, 26), watch)
    changed = (composed != frames).any(-1).numpy()
    for k, (x, y, side) in enumerate(boxes):
        assert changed[k, y : y + side, x : x + side].mean() > 0.5
        changed[k, y : y + side, x : x + side] = False
    assert not changed.any()
    stages = [run.stage for run in cost.preset_networks.PRESETS[preset]]
    assert list(watch.seconds) == ["upload", "cut out", *stages, "blend", "download"]
