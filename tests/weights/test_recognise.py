from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="weights of networks need torch")

from talkingface.errors import OptionError, OutputError, WeightsUnusableError  # noqa: E402
from talkingface.weights import recognise as module  # noqa: E402
from talkingface.weights.catalog import CATALOG  # noqa: E402
from talkingface.weights.hashing import file_sha256  # noqa: E402
from talkingface.weights.recognise import check_other, copy_into_place, recognise  # noqa: E402

from .test_matlab import HEADER, matrix  # noqa: E402

pytestmark = pytest.mark.usefixtures("small_networks")
UNIQUE = [entry.name for entry in CATALOG.values() if entry.network not in ("", "Wav2Lip", "FAN4")]


@pytest.mark.parametrize("name", UNIQUE)
def test_files_are_known_by_their_content(tmp_path: Path, state_of: Any, name: str) -> None:
    state = {f"module.{key}": value for key, value in state_of(CATALOG[name].network).items()}
    wrapper = {"DNet": "net_G_ema", "Deep3DRecon": "net_recon", "GFPGANv1Clean512": "params_ema"}.get(
        name, "state_dict"
    )
    path = tmp_path / "download (3)"
    torch.save({wrapper: state, "epoch": 1}, path)
    assert recognise(path).name == name


def test_a_wrong_name_does_not_mislead(tmp_path: Path, state_of: Any) -> None:
    torch.save(state_of("S3FD"), tmp_path / "DNet.pt")
    assert recognise(tmp_path / "DNet.pt").name == "S3FD"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_archive_of_torchscript_is_known(tmp_path: Path) -> None:
    from talkingface.models.networks import build

    class Holder(torch.nn.Module):  # the archive's forward is never looked at
        def __init__(self) -> None:
            super().__init__()
            self.__dict__["_modules"].update(build("FAN4")._modules)

        def forward(self, x: Any) -> Any:
            return x

    torch.jit.trace(Holder().eval(), torch.ones(1)).save(str(tmp_path / "fan"))
    assert recognise(tmp_path / "fan").name == "FAN4"


def test_one_network_two_files(tmp_path: Path, state_of: Any) -> None:
    state = state_of("Wav2Lip")
    torch.save({"state_dict": state}, tmp_path / "wav2lip_gan.pth")
    assert recognise(tmp_path / "wav2lip_gan.pth").name == "Wav2LipGAN"
    torch.save({"state_dict": state}, tmp_path / "x.pth")
    with pytest.raises(OptionError, match=r"fits Wav2Lip \(wav2lip.pth\) or Wav2LipGAN .*give the file the name"):
        recognise(tmp_path / "x.pth")


def test_a_known_hash_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"whatever it holds")
    known = replace(CATALOG["I3D"], sha256=file_sha256(path))
    monkeypatch.setattr(module, "CATALOG", {**CATALOG, "I3D": known})
    assert recognise(path) is known


def test_partial_and_foreign_files_are_refused(tmp_path: Path, state_of: Any) -> None:
    path = tmp_path / "x.pth"
    torch.save(dict(list(state_of("S3FD").items())[3:]), path)
    with pytest.raises(WeightsUnusableError, match=r"nearest to S3FD: 62 of 65 tensors fit; 3 missing: conv1_1.weight"):
        recognise(path)
    torch.save({"state_dict": {"fc.weight": torch.ones(1)}}, path)
    with pytest.raises(WeightsUnusableError, match="is no weights of the catalog"):
        recognise(path)
    torch.save([1, 2], path)
    with pytest.raises(WeightsUnusableError, match="does not hold tensors by name"):
        recognise(path)
    path.write_bytes(b"not torch")
    with pytest.raises(WeightsUnusableError, match="cannot be read as weights"):
        recognise(path)
    with pytest.raises(WeightsUnusableError, match="there is no such file"):
        recognise(tmp_path / "gone")


def test_matlab_files_are_known_by_their_variables(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(HEADER + matrix("lm", 204))
    assert recognise(path).name == "StandardLandmarks"
    path.write_bytes(HEADER + matrix("expression_mouth") + matrix("expression_center"))
    assert recognise(path).name == "ExpressionTemplates"
    path.write_bytes(HEADER + matrix("other"))
    with pytest.raises(WeightsUnusableError, match="its variables: other"):
        recognise(path)
    path.write_bytes(HEADER + matrix("other")[:-9])
    with pytest.raises(WeightsUnusableError, match="cannot be read: it breaks off"):
        recognise(path)


def test_other_files_are_checked_as_far_as_can_be(tmp_path: Path) -> None:
    path = tmp_path / "w600k_r50.onnx"
    path.write_bytes(b"onnx")
    assert recognise(path).name == "ArcFace"
    path.write_bytes(b"")
    with pytest.raises(WeightsUnusableError, match="is empty"):
        recognise(path)
    alexnet = tmp_path / "alexnet-owt-7be5be79.pth"
    alexnet.write_bytes(b"x")
    with pytest.raises(WeightsUnusableError, match=r"its SHA-256 is .* instead of 7be5be79"):
        recognise(alexnet)
    with pytest.raises(WeightsUnusableError, match=r"is not expression\.mat"):
        check_other(CATALOG["ExpressionTemplates"], alexnet, "")


def test_copies_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "b"
    source.write_bytes(b"new")
    assert copy_into_place(source, target)
    assert target.read_bytes() == b"new"
    assert not copy_into_place(source, target)
    assert not copy_into_place(target, target)
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="another file is there already; --overwrite"):
        copy_into_place(source, target)

    def break_off(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"ne")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", break_off)
        with pytest.raises(OutputError, match="No space left"):
            copy_into_place(source, target, overwrite=True)
    assert target.read_bytes() == b"old" and {path.name for path in target.parent.iterdir()} == {"b"}
    assert copy_into_place(source, target, overwrite=True) and target.read_bytes() == b"new"
