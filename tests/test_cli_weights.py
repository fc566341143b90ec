from __future__ import annotations

import functools
import http.server
import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from talkingface.cli import main
from talkingface.models import networks
from talkingface.weights import catalog
from talkingface.weights.catalog import CATALOG
from talkingface.weights.store import cache_weights, torch_cache


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """torch, with an S3FD and a GANimation that are small."""
    module = pytest.importorskip("torch", reason="weights of networks need torch")
    for name in networks._BUILDERS:
        width = len(name)  # all different
        monkeypatch.setitem(networks._BUILDERS, name, lambda width=width, name=name: small(module, name, width))
    return module


def small(torch: Any, name: str, width: int) -> Any:
    return torch.nn.ModuleDict({name: torch.nn.Linear(width, 3)})


def save(torch: Any, network: str, path: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": networks.build(network).state_dict()}, path)
    return Path(path)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_list_shows_presence_licence_and_size(capsys: pytest.CaptureFixture[str]) -> None:
    Path("checkpoints").mkdir()
    Path("checkpoints/DNet.pt").write_bytes(b"x")
    assert main(["weights", "list"]) == 0
    text = capsys.readouterr().out
    rows = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "present" in rows["DNet"] and "180 MB" in rows["DNet"]
    assert "absent" in rows["GPEN512"] and " no " in rows["GPEN512"] and "academic" in rows["GPEN512"]
    assert f"{1 + sum(entry.embedded for entry in CATALOG.values())} of {len(CATALOG)} present" in text


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list", "--json", "--checkpoint-dir=elsewhere"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(CATALOG)
    assert rows["LNet"]["path"] is None and rows["LNet"]["commercial"] == "no" and len(rows["LNet"]["sha256"]) == 64
    assert rows["face_identity.onnx"]["path"].endswith("face_identity.onnx")
    assert main(["weights", "list", "--json", "--commercial-only"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert "face_identity.onnx" in rows and "LNet" not in rows and "DNet" not in rows


def test_where_lists_folders_in_order(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("mine/LSE").mkdir(parents=True)
    Path("mine/LSE/syncnet_v2.model").write_bytes(b"x")
    assert main(["weights", "where", "--checkpoint-dir", "mine"]) == 0
    shown = lines(capsys)
    assert shown[0] == f"1. {tmp_path / 'mine'}"
    assert shown[1] == f"2. {tmp_path / 'mine' / 'video-retalking'}  (not there)"
    assert shown[4].startswith(f"5. {cache_weights()}") and shown[5].startswith(f"6. {torch_cache()}")
    assert shown[6:] == ["SyncNet: mine/LSE/syncnet_v2.model"]
    assert main(["weights", "where", "--checkpoint-dir", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"] == {"SyncNet": "mine/LSE/syncnet_v2.model"}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address leads to a port of this machine that nobody listens at."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    entries = {
        name: replace(entry, urls=("http://127.0.0.1:1/x",) * bool(entry.urls)) for name, entry in CATALOG.items()
    }
    monkeypatch.setattr(catalog, "CATALOG", entries)


def test_offline_a_pull_says_which_file_goes_where(offline: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "pull", "ENet"]) == 5
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("talkingface: ")]
    assert "ENet cannot be downloaded (127.0.0.1: " in line
    assert line.endswith("and put ENet.pth at checkpoints/ENet.pth")
    assert main(["weights", "pull", "Wav2Lip", "SyncNet", "--shared"]) == 5
    error = capsys.readouterr().err
    assert "no direct address is known" in error
    assert f"put syncnet_v2.model at {cache_weights() / 'LSE' / 'syncnet_v2.model'}" in error


def test_a_pull_fetches_nothing_twice_or_unlicensed(offline: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("checkpoints").mkdir()
    Path("checkpoints/DNet.pt").write_bytes(b"x")
    assert main(["weights", "pull", "dnet.pt", "sync_judge.onnx"]) == 0
    assert lines(capsys) == ["DNet: is there already: checkpoints/DNet.pt", "sync_judge.onnx: ships with talkingface"]
    assert main(["weights", "pull", "LNet", "--commercial-only"]) == 5
    assert "--commercial-only refuses weights: LNet (LNet.pth) does not allow" in capsys.readouterr().err
    assert main(["weights", "pull", "ONet"]) == 2
    assert main(["weights", "pull"]) == 2


def test_a_pull_from_a_server_of_this_machine(
    torch: Any, tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(torch, "DNet", "served/DNet.pt")
    save(torch, "DNet", "served/ENet.pth")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("DNet", "ENet"):
        entry = CATALOG[name]
        url = f"http://127.0.0.1:{server.server_port}/{entry.files[0]}"
        monkeypatch.setitem(catalog.CATALOG, name, replace(entry, urls=(url,), sha256=None))  # type: ignore[arg-type]
    try:
        assert main(["weights", "pull", "ENet", "DNet"]) == 5
    finally:
        server.shutdown()
        server.server_close()
    shown = capsys.readouterr()
    assert "ENet.pth.part: is not ENet" in shown.err
    assert shown.out.splitlines()[-1] == "DNet: checkpoints/DNet.pt"
    assert [path.name for path in Path("checkpoints").iterdir()] == ["DNet.pt"]
    assert Path("checkpoints/DNet.pt").read_bytes() == Path("served/DNet.pt").read_bytes()


def test_a_pulled_network_is_looked_into(
    torch: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fake(entry: Any, target: Path, progress: Any, cancel: Any, check: Any) -> None:
        save(torch, "S3FD", str(target))
        check(target)

    monkeypatch.setattr("talkingface.weights.download.pull", fake)
    assert main(["weights", "pull", "S3FD"]) == 0
    assert lines(capsys) == ["S3FD: checkpoints/s3fd-619a316812.pth"]
    assert main(["weights", "pull", "DNet", "S3FD", "--overwrite"]) == 5
    assert "is not DNet: 0 of 2 tensors fit" in capsys.readouterr().err


def test_files_are_imported_by_content(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = save(torch, "SyncNet", "got/a.bin"), save(torch, "DNet", "got/LNet.pth")
    assert main(["weights", "import", str(first), str(second)]) == 0
    assert lines(capsys) == [
        "got/a.bin: SyncNet, copied to checkpoints/LSE/syncnet_v2.model",
        "got/LNet.pth: DNet, copied to checkpoints/DNet.pt",
    ]
    assert Path("checkpoints/DNet.pt").read_bytes() == second.read_bytes()
    assert main(["weights", "import", str(first)]) == 0
    assert "is there already" in lines(capsys)[0]
    Path("checkpoints/DNet.pt").write_bytes(b"mine")
    assert main(["weights", "import", str(second)]) == 6
    assert main(["weights", "import", str(second), "--overwrite"]) == 0


def test_an_import_takes_the_good_files_only(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    good = save(torch, "S3FD", "got/good.pth")
    Path("got/bad.pth").write_bytes(b"bad")
    assert main(["weights", "import", "got/bad.pth", str(good)]) == 5
    shown = capsys.readouterr()
    assert "got/good.pth: S3FD, copied" in shown.out and "got/bad.pth: cannot be read" in shown.err


def test_verify_ends_as_its_files_are(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "verify"]) == 0
    assert lines(capsys) == ["no weights are there but those that ship with talkingface"]
    save(torch, "DNet", "checkpoints/DNet.pt")
    assert main(["weights", "verify"]) == 0
    assert lines(capsys) == ["ok  DNet  checkpoints/DNet.pt: all 2 tensors fit, the released SHA-256 is not known"]
    save(torch, "DNet", "checkpoints/GPEN-BFR-512.pth")
    assert main(["weights", "verify", "--json"]) == 5
    assert {row["name"]: row["ok"] for row in json.loads(capsys.readouterr().out)} == {"DNet": True, "GPEN512": False}
    assert main(["weights", "verify", "DNet"]) == 0
    capsys.readouterr()
    assert main(["weights", "verify", "ENet"]) == 5
    assert "ENet is missing: put ENet.pth" in capsys.readouterr().err


def test_convert_rewrites_what_is_there(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("safetensors", reason="converting needs safetensors")
    save(torch, "DNet", "checkpoints/video-retalking/DNet.pt")
    save(torch, "SyncNet", "checkpoints/LSE/syncnet_v2.model")
    assert main(["weights", "convert", "--precision", "fp16"]) == 0
    assert Path("checkpoints/DNet.safetensors").is_file() and Path("checkpoints/LSE/syncnet_v2.safetensors").is_file()
    assert "a released file is used as long as it is there" in capsys.readouterr().out
    assert main(["weights", "convert", "SyncNet"]) == 6
    assert "syncnet_v2.safetensors: is there already" in capsys.readouterr().err
    assert main(["weights", "convert", "SyncNet", "--overwrite"]) == 0
    Path("checkpoints/LSE/syncnet_v2.model").unlink()
    capsys.readouterr()
    assert main(["weights", "convert", "SyncNet"]) == 0
    assert lines(capsys) == ["checkpoints/LSE/syncnet_v2.safetensors: is safetensors already"]


def test_without_torch_it_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for verb in (["import", "x"], ["verify"], ["convert"]):
        assert main(["weights", *verb]) == 1
        assert "needs torch: pip install 'talkingface[neural]'" in capsys.readouterr().err


def test_weights_alone_names_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights"]) == 2
    assert "weights list or weights where or weights pull" in capsys.readouterr().err
