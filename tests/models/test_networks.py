from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.networks import build
from talkingface.models.syncnet.network import SyncNet

from ..goldens import golden_module, needs_goldens


def test_networks_have_names() -> None:
    assert isinstance(build("SyncNet"), SyncNet)
    with pytest.raises(NotImplementedError, match=r"'ONet'; known: .*SyncNet"):
        build("ONet")


@needs_goldens
@pytest.mark.parametrize(
    "name", ["FAN4", "GFPGANv1Clean512", "GPEN512", "ParseNet512", "RetinaFaceR50", "S3FD", "SyncNet"]
)
def test_goldens(name: str) -> None:
    verify = golden_module("verify")
    rows = verify.verify(build, [name], ["public"])
    assert {row.output for row in rows} == {output for outputs, _ in verify.CALLS[name] for output in outputs}
    assert {row.status for row in rows} == {"PASS"}, rows
