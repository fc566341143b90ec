from __future__ import annotations

import hashlib
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.errors import WeightsMissingError, WeightsUnusableError  # noqa: E402
from talkingface.models.syncnet.network import SyncNetWidths, small_syncnet  # noqa: E402
from talkingface.models.syncnet.syncnet_weights import PLACES, find_syncnet, load_syncnet  # noqa: E402

WIDTHS = SyncNetWidths().narrowed(64)


def state() -> dict[str, Any]:
    return dict(small_syncnet(64, seed=3).state_dict())


def test_files_are_found_in_order(tmp_path: Path) -> None:
    assert find_syncnet(tmp_path) is None
    assert find_syncnet(tmp_path / "gone") is None
    (tmp_path / "LSE").mkdir()
    for place in reversed(PLACES):
        (tmp_path / place).write_bytes(b"")
        assert find_syncnet(tmp_path) == tmp_path / place
    assert PLACES[0] == "LSE/syncnet_v2.model"


@pytest.mark.parametrize("old", [False, True])
def test_torch_files_are_loaded(tmp_path: Path, old: bool) -> None:
    path = tmp_path / "syncnet_v2.model"
    torch.save(state(), path, _use_new_zipfile_serialization=not old)
    loaded = load_syncnet(path, WIDTHS)
    assert (loaded.path, loaded.sha256) == (path, hashlib.sha256(path.read_bytes()).hexdigest())
    assert not loaded.network.training
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, state()[name])


def test_safetensors_are_loaded(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "syncnet_v2.safetensors"
    safetensors.save_file(state(), path)
    assert torch.equal(load_syncnet(path, WIDTHS).network.netfclip[3].weight, state()["netfclip.3.weight"])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsUnusableError, match="cannot be read"):
        load_syncnet(path, WIDTHS)


def test_without_safetensors_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "syncnet_v2.safetensors"
    path.write_bytes(b"whatever it holds")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(WeightsUnusableError, match="reading it needs safetensors: pip install"):
        load_syncnet(path, WIDTHS)


class Malice:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_a_file_that_would_run_code_does_not(tmp_path: Path) -> None:
    path, touched = tmp_path / "syncnet_v2.model", tmp_path / "touched"
    for old in (False, True):
        torch.save({**state(), "more": Malice(touched)}, path, _use_new_zipfile_serialization=not old)
        with pytest.raises(WeightsUnusableError, match=r"syncnet_v2\.model: cannot be read as SyncNet's weights"):
            load_syncnet(path, WIDTHS)
    path.write_bytes(pickle.dumps(Malice(touched)))
    with pytest.raises(WeightsUnusableError, match="cannot be read"):
        load_syncnet(path, WIDTHS)
    assert not touched.exists()


@pytest.mark.parametrize("size", [0, 20, 2000, -300])
@pytest.mark.parametrize("old", [False, True])
def test_a_file_that_breaks_off_is_refused(tmp_path: Path, size: int, old: bool) -> None:
    path = tmp_path / "syncnet_v2.model"
    torch.save(state(), path, _use_new_zipfile_serialization=not old)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(WeightsUnusableError, match=r"syncnet_v2\.model: .*again"):
        load_syncnet(path, WIDTHS)


def changed(**how: Any) -> dict[str, Any]:
    return {name: value for name, value in {**state(), **how}.items() if value is not None}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (changed(**{"netfcaud.3.bias": None}), "1 missing, such as netfcaud.3.bias"),
        (changed(logits=torch.zeros(1)), "1 unknown, such as logits"),
        (changed(**{"netfcaud.3.bias": torch.zeros(7)}), r"netfcaud.3.bias has the shape \(7,\) instead of \(16,\)"),
        (changed(**{"netfcaud.3.bias": torch.full((16,), torch.nan)}), "netfcaud.3.bias holds values that are not"),
        (changed(**{"netfcaud.3.bias": torch.zeros(16, dtype=torch.int64)}), "netfcaud.3.bias holds torch.int64"),
        ({"state_dict": state()}, "does not hold tensors by name"),
        ([1, 2], "does not hold tensors by name"),
    ],
)
def test_other_weights_are_refused_by_name(tmp_path: Path, wrong: Any, why: str) -> None:
    path = tmp_path / "syncnet_v2.model"
    torch.save(wrong, path)
    with pytest.raises(WeightsUnusableError, match=f"these are not SyncNet's weights: .*{why}"):
        load_syncnet(path, WIDTHS)


def test_narrow_weights_do_not_pass_for_the_released_ones(tmp_path: Path) -> None:
    path = tmp_path / "syncnet_v2.model"
    torch.save(state(), path)
    with pytest.raises(WeightsUnusableError, match="has the shape") as caught:
        load_syncnet(path)
    assert caught.value.exit_code == WeightsMissingError.exit_code == 5


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "syncnet_v2.model"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(WeightsUnusableError, match="1074 MB"):
        load_syncnet(path)
