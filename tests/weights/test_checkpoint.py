from __future__ import annotations

import pickle
import random
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.errors import WeightsUnusableError  # noqa: E402
from talkingface.weights.checkpoint import check_size, is_state, is_torchscript, read_checkpoint  # noqa: E402

STATE = {"a": torch.arange(4.0), "b": torch.ones(2, dtype=torch.int64)}


class Malice:
    """A pickle that makes a file when it is loaded in the ordinary way."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("old", [False, True])
def test_what_was_saved_is_read(tmp_path: Path, old: bool) -> None:
    torch.save({"state_dict": STATE, "epoch": 3}, tmp_path / "w.pth", _use_new_zipfile_serialization=not old)
    content = read_checkpoint(tmp_path / "w.pth")
    assert content["epoch"] == 3
    assert torch.equal(content["state_dict"]["a"], STATE["a"])


def test_optimisers_states_are_plain(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 2)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    adam.step()
    torch.save({"state_dict": layer.state_dict(), "optimizer": adam.state_dict()}, tmp_path / "w.pth")
    assert set(read_checkpoint(tmp_path / "w.pth")) == {"state_dict", "optimizer"}


@pytest.mark.parametrize("old", [False, True])
def test_code_is_not_run(tmp_path: Path, old: bool) -> None:
    touched = tmp_path / "touched"
    path = tmp_path / "w.pth"
    torch.save({**STATE, "more": Malice(touched)}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(WeightsUnusableError, match=r"w\.pth: cannot be read as weights .*; get the file again"):
        read_checkpoint(path)
    assert not touched.exists()
    torch.load(path, weights_only=False)  # the payload is a real one
    assert touched.exists()


def test_a_bare_pickle_is_not_run(tmp_path: Path) -> None:
    path, touched = tmp_path / "w.pth", tmp_path / "touched"
    path.write_bytes(pickle.dumps(Malice(touched)))
    with pytest.raises(WeightsUnusableError, match="cannot be read"):
        read_checkpoint(path)
    assert not touched.exists()
    pickle.loads(path.read_bytes())
    assert touched.exists()


@pytest.mark.parametrize("size", [1, 20, 300, -30])
@pytest.mark.parametrize("old", [False, True])
def test_truncated_files_are_refused(tmp_path: Path, size: int, old: bool) -> None:
    path = tmp_path / "w.pth"
    torch.save(STATE, path, _use_new_zipfile_serialization=not old)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(WeightsUnusableError, match=r"w\.pth: cannot be read as weights"):
        read_checkpoint(path)


def test_empty_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pth").touch()
    with pytest.raises(WeightsUnusableError, match="is empty; do this"):
        read_checkpoint(tmp_path / "w.pth", again="do this")
    with pytest.raises(WeightsUnusableError, match="No such file"):
        read_checkpoint(tmp_path / "gone.pth")


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "w.safetensors"
    safetensors.save_file(STATE, path)
    assert torch.equal(read_checkpoint(path)["b"], STATE["b"])
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(WeightsUnusableError, match="cannot be read as weights"):
        read_checkpoint(path)


def test_without_safetensors_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"whatever")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(WeightsUnusableError, match=r"needs safetensors.*: pip install 'talkingface\[neural\]'"):
        read_checkpoint(tmp_path / "w.safetensors")


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkingface.weights.checkpoint.read_tensors", lambda path: pytest.fail("it was read"))
    with (tmp_path / "w.pth").open("wb") as file:
        file.truncate(5 << 30)  # takes no room
    with pytest.raises(WeightsUnusableError, match="5369 MB, more than the 4295 MB that are believable"):
        read_checkpoint(tmp_path / "w.pth")


def test_what_unpacks_to_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 3_000_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(WeightsUnusableError, match="3 MB, more than the 1 MB"):
        check_size(path, 1_000_000)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_told_apart(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 3).eval()
    torch.jit.trace(layer, torch.ones(1, 2)).save(str(tmp_path / "traced.zip"))
    torch.save(STATE, tmp_path / "w.pth")
    assert is_torchscript(tmp_path / "traced.zip")
    assert not is_torchscript(tmp_path / "w.pth")
    state = read_checkpoint(tmp_path / "traced.zip")
    assert torch.equal(state["weight"], layer.weight)


@pytest.mark.parametrize("value", [[1], {}, {"a": 1}, {1: torch.ones(1)}, None])
def test_what_is_no_state(value: Any) -> None:
    assert not is_state(value)
    assert is_state(STATE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["new.pth", "old.pth", "traced.zip", "x.safetensors"])
def test_spoilt_files_are_refused_or_read_and_nothing_else(tmp_path: Path, kind: str) -> None:
    layer, path = torch.nn.Linear(2, 3).eval(), tmp_path / kind
    if kind == "traced.zip":
        torch.jit.trace(layer, torch.ones(1, 2)).save(str(path))
    elif kind == "x.safetensors":
        pytest.importorskip("safetensors.torch").save_file(layer.state_dict(), path)
    else:
        torch.save(layer.state_dict(), path, _use_new_zipfile_serialization=kind == "new.pth")
    whole, chance, refused = path.read_bytes(), random.Random(5), 0
    for _ in range(40):
        spoilt = bytearray(whole)
        for _ in range(chance.choice((1, 8, 40))):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(spoilt)
        try:
            read_checkpoint(path)
        except WeightsUnusableError:
            refused += 1
    assert refused >= 15
