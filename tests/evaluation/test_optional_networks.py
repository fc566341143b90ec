from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from talkingface.evaluation.optional_networks import (
    NotAvailable,
    hub_file,
    library,
    opening,
    torch_device,
    weights_file,
)


def test_a_missing_library_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "no_such_library", None)
    with pytest.raises(NotAvailable, match=r"^n/a: needs no_such_library: pip install 'talkingface\[perceptual\]'$"):
        library("json", "no_such_library")


def test_a_library_that_breaks_while_it_loads_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("print('noise')\nraise RuntimeError('built for another torch')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotAvailable, match=r"broken_library is installed but .* .built for another torch"):
        library("broken_library")


def test_what_libraries_print_does_not_reach_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "talkative_library.py").write_text("print('Loading ...')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = library("talkative_library")
    assert isinstance(found, ModuleType)
    with opening("it"):
        print("still talking")
    assert capsys.readouterr().out == ""


def test_weights_are_looked_for_and_checked(tmp_path: Path) -> None:
    places = [tmp_path / "a" / "net.pth", tmp_path / "b" / "net.pth"]
    with pytest.raises(NotAvailable) as missing:
        weights_file(places, "https://example.org/net.pth")
    assert str(missing.value) == f"n/a: put https://example.org/net.pth at {places[0]}"
    places[1].parent.mkdir()
    places[1].write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    assert weights_file(places, "https://example.org/net.pth") == places[1]
    assert weights_file(places, "https://example.org/net.pth", sha256[:8]) == places[1]
    with pytest.raises(NotAvailable, match="is damaged or another file"):
        weights_file(places, "https://example.org/net.pth", "0" * 8)


def test_what_goes_wrong_while_opening_is_the_reason() -> None:
    with pytest.raises(NotAvailable, match=r"^n/a: the net cannot be used: KeyError: 'head'$"), opening("the net"):
        raise KeyError("head")


def test_device_and_cache_are_torchs_own() -> None:
    torch = SimpleNamespace(
        hub=SimpleNamespace(get_dir=lambda: "/cache/hub"), cuda=SimpleNamespace(is_available=lambda: True)
    )
    assert hub_file(torch, "checkpoints", "x.pth") == Path("/cache/hub/checkpoints/x.pth")
    assert (torch_device(torch, "auto"), torch_device(torch, "cpu")) == ("cuda", "cpu")
    torch.cuda.is_available = lambda: False
    assert torch_device(torch, "auto") == "cpu"
