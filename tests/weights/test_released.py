from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.weights.coverage import coverage  # noqa: E402
from talkingface.weights.released import own_names, unwrapped, wrapping_of  # noqa: E402

STATE = {"conv.weight": torch.ones(2, 3), "norm.running_mean": torch.zeros(2)}
PREFIXED = {f"module.{name}": value for name, value in STATE.items()}
MOMENTS = {"state": {0: {"exp_avg": torch.ones(2, 3)}}, "param_groups": [{"lr": 1e-4}]}


@pytest.mark.parametrize(
    ("network", "content"),
    [
        ("SyncNet", STATE),
        ("DNet", {"net_G": {"conv.weight": torch.zeros(1)}, "net_G_ema": STATE, "opt_G": MOMENTS, "current_epoch": 7}),
        ("LNet", {"state_dict": PREFIXED, "optimizer": MOMENTS, "global_step": 400_000}),
        ("LNet", {"state_dict": {**PREFIXED, "module.low_res.conv.weight": torch.ones(9)}}),
        ("ENet", {"state_dict": {**PREFIXED, "module.low_res.conv.weight": torch.ones(9)}}),
        ("Deep3DRecon", {"net_recon": STATE, "opt_00": MOMENTS, "sched_00": {"last_epoch": 20}}),
        ("GFPGANv1Clean512", {"params_ema": STATE, "params": {"conv.weight": torch.zeros(1)}}),
        ("GFPGANv1Clean512", {"params": STATE}),
        ("RetinaFaceR50", {"state_dict": PREFIXED}),
        ("RetinaFaceR50", PREFIXED),
        ("Wav2Lip", {"state_dict": PREFIXED, "optimizer": MOMENTS, "global_epoch": 3}),
        ("ParseNet512", STATE),
    ],
)
def test_wrappers_come_off(network: str, content: Any) -> None:
    state = unwrapped(network, content)
    assert state is not None
    assert {name: value.tolist() for name, value in state.items()} == {n: v.tolist() for n, v in STATE.items()}


@pytest.mark.parametrize("content", [[1], {"epoch": 1}, {"state_dict": {"epoch": 1}}, {}, None, {"net_recon": {}}])
def test_what_holds_no_tensors_gives_none(content: Any) -> None:
    assert unwrapped("Deep3DRecon", content) is None


def test_stale_figures_of_ganimation_are_passed_over() -> None:
    assert set(unwrapped("GANimation", STATE) or {}) == {"conv.weight"}
    assert set(unwrapped("GPEN512", STATE) or {}) == set(STATE)


def test_names_of_e_net_without_l_net() -> None:
    assert own_names("ENet", ["low_res.a", "b"]) == ["b"]
    assert own_names("DNet", ["low_res.a", "b"]) == ["low_res.a", "b"]
    assert wrapping_of("ENet").other == {"low_res.": "LNet"}


def test_coverage_counts_and_names() -> None:
    expected = {
        "a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1), "d": torch.ones(1), "n": torch.ones(1),
        "norm.num_batches_tracked": torch.tensor(0),
    }  # fmt: skip
    assert coverage(expected, expected).complete
    state = {
        "a": torch.ones(2),
        "b": torch.ones(4),
        "c": torch.ones(1, dtype=torch.int64),
        "n": torch.tensor([torch.inf]),
        **{f"x{number}": torch.ones(1) for number in range(5)},
    }
    found = coverage(state, expected)
    assert not found.complete
    assert str(found) == (
        "2 of 6 tensors fit; 1 missing: d; 5 unknown: x0, x1, x2 ...; 2 of another shape or kind: "
        "b (4,) instead of (3,), c torch.int64 instead of torch.float32; 1 with values that are not numbers: n"
    )
    assert coverage({**expected, "n": torch.tensor([torch.inf])}, expected, values=False).complete


def test_counters_of_norms_may_be_missing() -> None:
    assert coverage({"a": torch.ones(1)}, {"a": torch.ones(1), "n.num_batches_tracked": torch.tensor(0)}).complete
