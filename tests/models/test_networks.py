from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.models.networks import build
from talkingface.models.syncnet.network import SyncNet

from ..goldens import golden_module, needs_goldens


def test_networks_have_names() -> None:
    assert isinstance(build("SyncNet"), SyncNet)
    with pytest.raises(NotImplementedError, match="'LNet'; known: SyncNet"):
        build("LNet")


@needs_goldens
def test_goldens() -> None:
    rows = golden_module("verify").verify(build, ["SyncNet"], ["public"])
    assert {row.output for row in rows} == {"audio", "lip"}
    assert {row.status for row in rows} == {"PASS"}, rows
