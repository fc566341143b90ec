from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last
from talkingface.models.networks import build
from talkingface.models.syncnet.network import SyncNet

from ..goldens import golden_module, needs_goldens

NETWORKS = (
    *("DNet", "Deep3DRecon", "ENet", "FAN4", "GANimation", "GFPGANv1Clean512", "GPEN512", "LNet", "ParseNet512"),
    *("RetinaFaceR50", "S3FD", "SyncNet", "Wav2Lip", "Wav2LipDisc", "Wav2LipSyncNet"),
)


def assert_passed(rows: list[Any], verify: Any, name: str) -> None:
    assert {row.output for row in rows} == {output for outputs, _ in verify.CALLS[name] for output in outputs}
    assert {row.status for row in rows} == {"PASS"}, rows


def test_networks_have_names() -> None:
    assert isinstance(build("SyncNet"), SyncNet)
    with pytest.raises(NotImplementedError, match="'MNet'; known: ") as refused:
        build("MNet")
    assert str(refused.value).partition("known: ")[2].split(", ") == sorted(NETWORKS)


@needs_goldens
def test_every_network_has_goldens() -> None:
    assert set(golden_module("verify").CALLS) == set(NETWORKS)


@needs_goldens
@pytest.mark.parametrize("name", NETWORKS)
def test_goldens(name: str) -> None:
    verify = golden_module("verify")
    assert_passed(verify.verify(build, [name], ["public"]), verify, name)


@needs_goldens
@pytest.mark.parametrize("name", ["DNet", "Deep3DRecon", "ENet", "GANimation", "Wav2Lip"])  # ENet holds L-Net
def test_goldens_as_the_backend_runs_it(name: str) -> None:
    verify = golden_module("verify")

    def folded(module: Any, tensors: Any) -> Any:
        fold_for_inference(module)
        lay_channels_last(module)
        return verify.run_net(name, module, tensors)

    assert_passed(verify.verify(lambda wanted: (build(wanted), folded), [name], ["public"]), verify, name)
