from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.resnet50 import ResNet, ResNetWidths  # noqa: E402


def test_stages_halve_and_widen() -> None:
    widths = ResNetWidths(8, (1, 2, 1, 1))
    with torch.inference_mode():
        stages = list(ResNet(widths).eval()(torch.rand(1, 3, 64, 96)))
    assert [tuple(value.shape[1:]) for value in stages] == [(32, 16, 24), (64, 8, 12), (128, 4, 6), (256, 2, 3)]
    assert widths.outputs == (32, 64, 128, 256)


def test_full_width_has_resnet_50s_size() -> None:
    with torch.device("meta"):
        body = ResNet(ResNetWidths())
    assert sum(value.numel() for value in body.parameters()) == 23_508_032
    assert body.layer2[0].conv2.stride == (2, 2) and body.layer2[0].conv1.stride == (1, 1)
