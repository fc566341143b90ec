from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")
pytest.importorskip("safetensors", reason="converting needs safetensors")

from talkingface.errors import OutputError, WeightsUnusableError  # noqa: E402
from talkingface.weights.catalog import catalog_entry  # noqa: E402
from talkingface.weights.convert import convert  # noqa: E402
from talkingface.weights.store import load  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_networks")


def moments(state: dict[str, Any]) -> dict[str, Any]:
    values = {n: {"exp_avg": v.clone(), "exp_avg_sq": v.clone()} for n, v in enumerate(state.values())}
    return {"state": values, "param_groups": [{"lr": 1e-4}]}


@pytest.fixture
def lips(checkpoints: Path, state_of: Any) -> Path:
    """A small L-Net as the released file is, with moments."""
    state = state_of("LNet")
    content = {"state_dict": {f"module.{n}": v for n, v in state.items()}, "optimizer": moments(state)}
    torch.save(content, checkpoints / "LNet.pth")
    return checkpoints / "LNet.pth"


def test_moments_go_and_the_network_stays(lips: Path, state_of: Any) -> None:
    target = lips.with_suffix(".safetensors")
    done = convert(catalog_entry("LNet"), lips, target)
    assert (done.source, done.target, done.before, done.after) == (
        lips, target, lips.stat().st_size, target.stat().st_size,
    )  # fmt: skip
    assert done.after < 0.6 * done.before
    digest = hashlib.sha256(lips.read_bytes()).hexdigest()
    header = json.loads(target.read_bytes()[8 : 8 + int.from_bytes(target.read_bytes()[:8], "little")])
    assert header["__metadata__"]["source_sha256"] == digest and header["__metadata__"]["network"] == "LNet"
    lips.unlink()
    own = load("LNet", lips.parent).state_dict()
    assert all(torch.equal(own[name], value) for name, value in state_of("LNet").items())


def test_half_precision_halves_again(lips: Path, state_of: Any) -> None:
    full = convert(catalog_entry("LNet"), lips, lips.with_name("full.safetensors"))
    half = convert(catalog_entry("LNet"), lips, lips.with_suffix(".safetensors"), "fp16")
    assert half.after < 0.8 * full.after  # small networks have long names
    lips.unlink()
    own = load("LNet", lips.parent).state_dict()
    for name, value in state_of("LNet").items():
        assert own[name].dtype == value.dtype
        assert torch.allclose(own[name].float(), value.float(), rtol=1e-3, atol=1e-6)


def test_e_nets_copy_of_l_net_goes(checkpoints: Path, state_of: Any, lips: Path) -> None:
    state = {**state_of("ENet"), "low_res.other": torch.ones(3)}
    torch.save({"state_dict": state}, checkpoints / "ENet.pth")
    done = convert(catalog_entry("ENet"), checkpoints / "ENet.pth", checkpoints / "ENet.safetensors")
    assert done.after < 0.5 * done.before
    (checkpoints / "ENet.pth").unlink()
    network = load("ENet", checkpoints)
    assert torch.equal(network.final_linear.bias, state["final_linear.bias"])


def test_nothing_is_overwritten_unasked(lips: Path) -> None:
    target = lips.with_suffix(".safetensors")
    target.write_text("mine")
    with pytest.raises(OutputError, match="is there already; --overwrite replaces it"):
        convert(catalog_entry("LNet"), lips, target)
    assert target.read_text() == "mine"
    convert(catalog_entry("LNet"), lips, target, overwrite=True)
    assert target.stat().st_size > 1000


def test_a_failed_write_leaves_nothing(lips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(state: Any, path: Path, metadata: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    target = lips.with_suffix(".safetensors")
    target.write_text("old")
    with pytest.raises(OutputError, match="No space left"):
        convert(catalog_entry("LNet"), lips, target, overwrite=True)
    assert target.read_text() == "old"
    assert {path.name for path in lips.parent.iterdir()} == {"LNet.pth", "LNet.safetensors"}


def test_a_wrong_file_is_not_converted(checkpoints: Path, state_of: Any) -> None:
    torch.save(state_of("S3FD"), checkpoints / "LNet.pth")
    with pytest.raises(WeightsUnusableError, match="is not LNet"):
        convert(catalog_entry("LNet"), checkpoints / "LNet.pth", checkpoints / "LNet.safetensors")
    assert not (checkpoints / "LNet.safetensors").exists()


def test_numbers_too_large_for_half_are_refused(checkpoints: Path, state_of: Any) -> None:
    state = state_of("S3FD")
    state["conv1_1.bias"][0] = 1e6
    path = checkpoints / "s3fd-619a316812.pth"
    torch.save(state, path)
    with pytest.raises(WeightsUnusableError, match=r"conv1_1\.bias holds numbers too large for fp16"):
        convert(catalog_entry("S3FD"), path, path.with_suffix(".safetensors"), "fp16")
    assert not path.with_suffix(".safetensors").exists()
