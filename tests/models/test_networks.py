from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import fold_for_inference
from talkingface.models.networks import build
from talkingface.models.syncnet.network import SyncNet

from ..goldens import golden_module, needs_goldens

OUTPUTS = {
    "DNet": {"flow_field", "warp_image", "fake_image"},
    "Deep3DRecon": {"coeffs"},
    "ENet": {"image", "low_res"},  # with the whole of L-Net in it
    "GANimation": {"color", "mask", "features"},
    "LNet": {"image", "clip"},
    "SyncNet": {"audio", "lip"},
    "Wav2Lip": {"image", "clip"},
    "Wav2LipDisc": {"score"},
    "Wav2LipSyncNet": {"audio", "face"},
}


def test_networks_have_names() -> None:
    assert isinstance(build("SyncNet"), SyncNet)
    with pytest.raises(NotImplementedError, match=r"'MNet'; known: .*LNet.*SyncNet"):
        build("MNet")


@needs_goldens
@pytest.mark.parametrize("name", OUTPUTS)
def test_goldens(name: str) -> None:
    rows = golden_module("verify").verify(build, [name], ["public"])
    assert {row.output for row in rows} == OUTPUTS[name]
    assert {row.status for row in rows} == {"PASS"}, rows


@needs_goldens
@pytest.mark.parametrize("name", ["DNet", "Deep3DRecon", "LNet", "Wav2Lip"])
def test_goldens_after_folding(name: str) -> None:
    verify = golden_module("verify")

    def folded(module: Any, tensors: Any) -> Any:
        fold_for_inference(module)
        return verify.run_net(name, module, tensors)

    rows = verify.verify(lambda wanted: (build(wanted), folded), [name], ["public"])
    assert {row.output for row in rows} == OUTPUTS[name]
    assert {row.status for row in rows} == {"PASS"}, rows
