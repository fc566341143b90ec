from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pytest

from talkingface.errors import OptionError
from talkingface.models import networks
from talkingface.weights.catalog import CATALOG, EMBEDDED, catalog_entry
from talkingface.weights.embedded import EMBEDDED_FILES

RELEASED = [
    "DNet.pt",
    "LNet.pth",
    "ENet.pth",
    "face3d_pretrain_epoch_20.pth",
    "BFM/similarity_Lm3D_all.mat",
    "expression.mat",
    "GPEN-BFR-512.pth",
    "ParseNet-latest.pth",
    "RetinaFace-R50.pth",
    "GFPGANv1.3.pth",
    "30_net_gen.pth",
    "shape_predictor_68_face_landmarks.dat",
    "s3fd-619a316812.pth",
    "2DFAN4-cd938726ad.zip",
    "detection_Resnet50_Final.pth",
    "parsing_parsenet.pth",
    "wav2lip.pth",
    "wav2lip_gan.pth",
    "lipsync_expert.pth",
    "visual_quality_disc.pth",
    "LSE/syncnet_v2.model",
]


def test_every_released_file_has_an_entry() -> None:
    released = {entry.released for entry in CATALOG.values()}
    assert set(RELEASED) <= released
    assert {entry.files[0] for entry in CATALOG.values() if entry.embedded} == set(EMBEDDED_FILES)


@pytest.mark.parametrize("name", list(CATALOG))
def test_entries_are_whole(name: str) -> None:
    entry = CATALOG[name]
    assert entry.name == name
    assert entry.network in ("", *networks._BUILDERS)
    assert entry.licence and entry.stage and entry.help
    assert entry.size is None or entry.size > 0
    assert entry.sha256 is None or re.fullmatch("[0-9a-f]{8,64}", entry.sha256)
    assert all(urlsplit(url).scheme == "https" and urlsplit(url).hostname for url in entry.urls)
    assert all(PurePosixPath(urlsplit(url).path).name == PurePosixPath(entry.files[0]).name for url in entry.urls)
    assert entry.embedded == (entry.stage == EMBEDDED)
    assert entry.urls or entry.note or entry.embedded, "nobody says how to get it"
    if entry.network:
        assert entry.files[1:] == (str(PurePosixPath(entry.files[0]).with_suffix(".safetensors")),)


def test_every_network_has_weights() -> None:
    assert {entry.network for entry in CATALOG.values()} - {""} == set(networks._BUILDERS)


def test_hashes_in_names_are_those_of_the_table() -> None:
    for entry in CATALOG.values():
        if entry.name == "MUSIQ":
            continue  # pyiqa does not say that it is one
        found = re.search(r"-([0-9a-f]{8,10})\.", entry.files[0])
        assert found is None or entry.sha256 == found[1], entry.files[0]


def test_entries_are_found_by_name_and_file() -> None:
    assert catalog_entry("LNet") is catalog_entry("lnet.pth") is catalog_entry("LNet.safetensors")
    assert catalog_entry("similarity_Lm3D_all.mat") is catalog_entry("StandardLandmarks")
    assert catalog_entry("ENet").name == "ENet"
    with pytest.raises(OptionError, match=r"no weights 'ONet'; did you mean .*'DNet'"):
        catalog_entry("ONet")


def test_sizes_that_cannot_be() -> None:
    assert catalog_entry("LNet").largest == 2 * 1_530_000_000 + (64 << 20)
    assert catalog_entry("ExpressionTemplates").largest is None


def test_non_commercial_terms_are_not_called_free() -> None:
    for entry in CATALOG.values():
        if re.search(
            "non-commercial use only|research only|no commercial|not cleared|research and personal", entry.licence
        ):
            assert entry.commercial is False, entry.name
        if "none stated" in entry.licence or "nothing stated" in entry.licence:
            assert not entry.commercial, entry.name
    assert {entry.name for entry in CATALOG.values() if entry.commercial} == {
        "face_detector_short.onnx", "face_detector_full.onnx", "face_mesh_attention.onnx", "face_identity.onnx",
        "speech_embedding.onnx",
    }  # fmt: skip


def test_the_table_loads_no_torch(tmp_path: Path) -> None:
    import subprocess

    code = "import sys, talkingface.weights.store, talkingface.cli_weights; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
