from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.errors import WeightsUnusableError  # noqa: E402
from talkingface.models.networks import build  # noqa: E402
from talkingface.weights.checkpoint import read_checkpoint  # noqa: E402
from talkingface.weights.torchscript import read_torchscript  # noqa: E402


def small() -> Any:
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Sequential())
    layers.half_table = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).T.half(), requires_grad=False)
    return layers.eval()


class Containers(torch.nn.Module):
    """Has attributes that TorchScript writes with its own helpers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.sizes = torch.jit.Attribute([1, 2], list[int])
        self.table = torch.jit.Attribute({"a": 1}, dict[str, int])
        self.tensors = torch.jit.Attribute([torch.ones(1)], list[torch.Tensor])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * self.sizes[0] + self.table["a"] + self.tensors[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_containers_of_a_module_do_no_harm(tmp_path: Path) -> None:
    torch.jit.script(Containers()).save(str(tmp_path / "x.zip"))
    assert set(read_torchscript(tmp_path / "x.zip")) == {"layer.weight", "layer.bias"}


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("scripted", [False, True])
def test_tensors_are_those_of_the_state_dict(tmp_path: Path, scripted: bool) -> None:
    module, path = small(), tmp_path / "module.zip"
    made = torch.jit.script(module) if scripted else torch.jit.trace(module, torch.ones(1, 3, 8, 8))
    made.save(str(path))
    state, expected = read_torchscript(path), module.state_dict()
    assert set(state) == set(expected)
    for name, value in expected.items():
        assert torch.equal(state[name], value) and state[name].dtype == value.dtype


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_a_traced_fan_is_read(tmp_path: Path, small_networks: None) -> None:
    network, path = build("FAN4").eval(), tmp_path / "2DFAN4-cd938726ad.zip"
    torch.jit.trace(network, torch.rand(1, 3, 256, 256), strict=False, check_trace=False).save(str(path))
    state = read_torchscript(path)
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


class Malice:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def archive(path: Path, data: bytes, numbers: bytes = b"\0" * 16) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("x/data.pkl", data)
        packed.writestr("x/constants.pkl", b"\x80\x02).")
        packed.writestr("x/data/0", numbers)
    return path


def test_a_pickle_with_code_is_refused_unrun(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = archive(tmp_path / "x.zip", pickle.dumps(Malice(touched), protocol=2))
    with pytest.raises(WeightsUnusableError, match=r"cannot be read as weights \(it asks for .* which weights have no"):
        read_checkpoint(path)
    assert not touched.exists()


@pytest.mark.parametrize("name", ["builtins\neval", "os\nsystem", "torch\nload", "torch._utils\n_rebuild_parameter"])
def test_only_a_few_names_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match="which weights have no need of"):
        read_torchscript(archive(tmp_path / "x.zip", f"\x80\x02c{name}\n.".encode("latin1")))


def tensor_pickle(size: int, stride: int, offset: int, count: int = 4) -> bytes:
    """A module with one tensor, as TorchScript writes it."""
    return (
        b"\x80\x02c__torch__.M\nM\n)\x81}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n("
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        + b"K" + bytes([count]) + b"tQK" + bytes([offset]) + b"K" + bytes([size]) + b"\x85K" + bytes([stride])
        + b"\x85\x89ccollections\nOrderedDict\n)RtRsb."
    )  # fmt: skip


def test_tensors_do_not_reach_outside_their_numbers(tmp_path: Path) -> None:
    good = archive(tmp_path / "good.zip", tensor_pickle(2, 2, 1), torch.arange(4.0).numpy().tobytes())
    assert read_torchscript(good)["w"].tolist() == [1.0, 3.0]
    for number, parts in enumerate([(5, 1, 0), (2, 4, 1), (1, 1, 9), (9, 0, 0)]):
        with pytest.raises(pickle.UnpicklingError, match="reaches outside"):
            read_torchscript(archive(tmp_path / f"{number}.zip", tensor_pickle(*parts)))
    with pytest.raises(pickle.UnpicklingError, match="holds 4 numbers instead of 9"):
        read_torchscript(archive(tmp_path / "short.zip", tensor_pickle(1, 1, 0, count=9)))


def test_an_archive_without_a_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(pickle.UnpicklingError, match="no module"):
        read_torchscript(archive(tmp_path / "x.zip", pickle.dumps([1], protocol=2)))
