from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.errors import OptionError, WeightsMissingError, WeightsUnusableError  # noqa: E402
from talkingface.models.networks import build  # noqa: E402
from talkingface.weights.catalog import catalog_entry  # noqa: E402
from talkingface.weights.store import (  # noqa: E402
    cache_weights,
    find,
    folders,
    how_to_get,
    load,
    missing,
    place_of,
    refuse_non_commercial,
    size_text,
    torch_cache,
)

pytestmark = pytest.mark.usefixtures("small_networks")


@pytest.fixture(autouse=True)
def own_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)


def equal(module: Any, state: dict[str, Any]) -> bool:
    own = module.state_dict()
    return own.keys() == state.keys() and all(torch.equal(own[name].cpu(), value) for name, value in state.items())


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_files_are_found_in_order(checkpoints: Path) -> None:
    assert find("SyncNet", checkpoints) is None
    for place in reversed(folders(checkpoints)):
        second = put(place / "syncnet_v2.safetensors")
        assert find("SyncNet", checkpoints) == second
        first = put(place / "syncnet_v2.model")
        assert find("SyncNet", checkpoints) == first
    assert [place.name for place in folders(checkpoints)[:4]] == ["checkpoints", "video-retalking", "LSE", "wav2lip"]
    assert folders(checkpoints)[4:] == (cache_weights(), torch_cache())
    assert find("SyncNet", checkpoints / "gone") == cache_weights() / "syncnet_v2.model"


def test_files_in_folders_of_their_own(checkpoints: Path) -> None:
    flat = put(checkpoints / "similarity_Lm3D_all.mat")
    assert find("StandardLandmarks", checkpoints) == flat
    usual = put(checkpoints / "BFM" / "similarity_Lm3D_all.mat")
    assert find("StandardLandmarks", checkpoints) == usual
    hub = put(torch_cache() / "weights-inception-2015-12-05-6726825d.pth")
    assert find("Inception", checkpoints) == hub


def test_torch_home_is_respected(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    there = put(tmp_path / "torch" / "hub" / "checkpoints" / "s3fd-619a316812.pth")
    assert find("S3FD", checkpoints) == there
    assert place_of(catalog_entry("AlexNet"), checkpoints).parent == there.parent
    assert place_of(catalog_entry("SyncNet"), checkpoints) == checkpoints / "LSE" / "syncnet_v2.model"


def test_embedded_files_are_in_the_package(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find("mouth_motion.onnx", checkpoints)
    assert found is not None and found.parent.name == "assets"


def test_names_that_do_not_exist(checkpoints: Path) -> None:
    with pytest.raises(OptionError, match="'ENet'"):
        find("E-Net", checkpoints)
    with pytest.raises(ValueError, match="no torch network"):
        load("ExpressionTemplates", checkpoints)


@pytest.mark.parametrize(
    ("name", "wrap"),
    [
        ("DNet", lambda state: {"net_G": {}, "net_G_ema": state, "opt_G": {"state": {}, "param_groups": []}}),
        ("LNet", lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}}),
        ("Deep3DRecon", lambda state: {"net_recon": state}),
        ("GFPGANv1Clean512", lambda state: {"params_ema": state}),
        ("GPEN512", dict),
        ("ParseNet512", dict),
        ("RetinaFaceR50", lambda state: {f"module.{name}": value for name, value in state.items()}),
        ("GANimation", lambda state: {**state, "model.1.running_mean": torch.zeros(4)}),
        ("S3FD", dict),
        ("SyncNet", dict),
        ("Wav2Lip", lambda state: {"state_dict": {f"module.{n}": v for n, v in state.items()}, "optimizer": None}),
        ("Wav2LipGAN", dict),
        ("Wav2LipSyncNet", lambda state: {"state_dict": state}),
        ("Wav2LipDisc", lambda state: {"state_dict": state}),
    ],
)
def test_every_network_is_loaded_from_its_released_form(checkpoints: Path, state_of: Any, name: str, wrap: Any) -> None:
    entry = catalog_entry(name)
    state = state_of(entry.network)
    torch.save(wrap(state), put(checkpoints / entry.files[0]))
    network = load(name, checkpoints)
    assert equal(network, state)
    assert not network.training


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_fan_is_loaded_from_its_archive(checkpoints: Path) -> None:
    network = build("FAN4").eval()
    traced = torch.jit.trace(network, torch.rand(1, 3, 256, 256), strict=False, check_trace=False)
    traced.save(str(checkpoints / "2DFAN4-cd938726ad.zip"))
    assert equal(load("FAN4", checkpoints), dict(network.state_dict()))


def test_e_net_takes_l_net_from_its_own_file(checkpoints: Path, state_of: Any) -> None:
    lips, whole = state_of("LNet", 2), state_of("ENet", 3)
    own = {name: value for name, value in whole.items() if not name.startswith("low_res.")}
    stale = {"low_res.encoder.some.weight": torch.ones(7)}  # the released copy is of another size
    torch.save({"state_dict": {f"module.{n}": v for n, v in {**own, **stale}.items()}}, checkpoints / "ENet.pth")
    with pytest.raises(WeightsMissingError, match=r"put LNet\.pth .* at .*looked in "):
        load("ENet", checkpoints)
    torch.save({"state_dict": lips}, checkpoints / "LNet.pth")
    network = load("ENet", checkpoints)
    assert equal(network.low_res, lips)
    assert equal(network, {**own, **{f"low_res.{name}": value for name, value in lips.items()}})


def test_a_module_is_filled_in_place(checkpoints: Path, state_of: Any) -> None:
    torch.save(state_of("S3FD"), checkpoints / "s3fd-619a316812.pth")
    module = build("S3FD")
    assert load("S3FD", checkpoints, module=module, dtype=torch.bfloat16) is module
    assert {value.dtype for value in module.parameters()} == {torch.bfloat16}


def test_half_precision_files_fill_ordinary_networks(checkpoints: Path, state_of: Any) -> None:
    state = {name: value.half() for name, value in state_of("S3FD").items()}
    torch.save(state, checkpoints / "s3fd-619a316812.pth")
    network = load("S3FD", checkpoints)
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert equal(network, {name: value.float() for name, value in state.items()})


def test_missing_files_are_named_with_their_place(checkpoints: Path) -> None:
    with pytest.raises(WeightsMissingError) as caught:
        load("DNet", checkpoints)
    text = str(caught.value)
    assert f"put DNet.pt (180 MB) at {checkpoints / 'DNet.pt'}" in text
    assert "releases/download/v0.0.1/DNet.pt" in text and "talkingface weights pull DNet" in text
    assert all(str(folder) in text for folder in folders(checkpoints))
    assert caught.value.exit_code == 5 and not isinstance(caught.value, WeightsUnusableError)


def drop(state: dict[str, Any]) -> Any:
    return dict(list(state.items())[:-2])


def reshape(state: dict[str, Any]) -> Any:
    name = next(iter(state))
    return {**state, name: state[name][:1]}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (drop, r"63 of 65 tensors fit; 2 missing: \S+, \S+;"),
        (reshape, r"64 of 65 tensors fit; 1 of another shape or kind: conv1_1\.weight \(1, .* instead of"),
        (lambda state: {**state, "extra.weight": torch.ones(1)}, r"65 of 65 tensors fit; 1 unknown: extra\.weight"),
        (lambda state: {**state, "conv1_1.bias": state["conv1_1.bias"] * torch.nan}, "not numbers: conv1_1.bias"),
        (lambda state: {"fc.weight": torch.ones(2)}, r"0 of 65 tensors fit; 65 missing: .* \.\.\.; 1 unknown: fc"),
        (lambda state: [1, 2], "does not hold tensors by name, so it is not S3FD"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_report(checkpoints: Path, state_of: Any, spoil: Any, why: str) -> None:
    path = checkpoints / "s3fd-619a316812.pth"
    torch.save(spoil(state_of("S3FD")), path)
    with pytest.raises(WeightsUnusableError, match=rf"s3fd-619a316812\.pth: .*{why}") as caught:
        load("S3FD", checkpoints)
    assert "put the released s3fd-619a316812.pth there again" in str(caught.value)


def test_a_refused_file_leaves_the_module_as_it_was(checkpoints: Path, state_of: Any) -> None:
    torch.save(drop(state_of("S3FD")), checkpoints / "s3fd-619a316812.pth")
    module = build("S3FD")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(WeightsUnusableError):
        load("S3FD", checkpoints, module=module)
    assert equal(module, before)


def test_another_networks_file_is_refused(checkpoints: Path, state_of: Any) -> None:
    torch.save(state_of("ParseNet512"), checkpoints / "DNet.pt")
    with pytest.raises(WeightsUnusableError, match=r"DNet\.pt: is not DNet: 0 of 304 tensors fit; 304 missing"):
        load("DNet", checkpoints)


def test_a_huge_file_is_refused_unread(checkpoints: Path) -> None:
    with (checkpoints / "DNet.pt").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(WeightsUnusableError, match="1074 MB, more than the 427 MB that are believable"):
        load("DNet", checkpoints)


def test_what_is_missing_is_listed(checkpoints: Path) -> None:
    put(checkpoints / "LNet.pth")
    lines = missing(["DNet", "LNet", "Wav2Lip", "mouth_motion.onnx"], checkpoints)
    assert [line.split()[0] for line in lines] == ["DNet", "Wav2Lip"]
    assert "cloud folders" in lines[1]
    lines = missing(["LNet", "GANimation", "face_identity.onnx"], checkpoints, commercial_only=True)
    assert lines[0].startswith("LNet (LNet.pth) does not allow commercial use: ")
    assert lines[1].startswith("GANimation (30_net_gen.pth) is not known to allow commercial use: ")
    assert len(lines) == 2
    assert "install the package again" in how_to_get(catalog_entry("mouth_motion.onnx"), checkpoints)


def test_non_commercial_weights_are_refused_by_name() -> None:
    refuse_non_commercial(["face_mesh_attention.onnx", "speech_embedding.onnx"])
    with pytest.raises(WeightsMissingError, match=r"--commercial-only refuses weights: ENet \(ENet.pth\) does not"):
        refuse_non_commercial(["face_mesh_attention.onnx", "ENet"])


def test_sizes_are_told() -> None:
    assert [size_text(size) for size in (994, 33_900_000, 1_530_000_000)] == ["994 bytes", "33.9 MB", "1530 MB"]
