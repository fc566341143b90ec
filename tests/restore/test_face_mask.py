from __future__ import annotations

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.restore.face_mask import FACE, MOUTH, region, softened  # noqa: E402
from talkingface.restore.parsenet import FacePart  # noqa: E402

from ..goldens import golden_functions, needs_goldens  # noqa: E402


def test_a_region_is_where_one_of_its_parts_is_likeliest() -> None:
    logits = torch.nn.functional.one_hot(torch.arange(19).reshape(1, 1, 19), 19).permute(0, 3, 1, 2).float()
    assert region(logits).flatten().nonzero().flatten().tolist() == [*range(1, 8), 10, 11, 12]
    assert region(logits, MOUTH).flatten().nonzero().flatten().tolist() == [10, 11, 12]
    assert region(logits.bfloat16(), [FacePart.HAIR]).dtype == torch.bfloat16
    assert len(set(FACE)) == 10


def test_softening_is_two_gaussian_blurs() -> None:
    mask = (np.random.default_rng(0).random((512, 512)) > 0.5).astype(np.float64)
    plain = np.zeros((512, 512))
    plain[20:-20, 20:-20] = mask[20:-20, 20:-20]
    for _ in range(2):
        plain = cv2.GaussianBlur(plain, (101, 101), 11)
    np.testing.assert_allclose(softened(torch.from_numpy(mask)).numpy(), plain, atol=1e-6)


def test_smaller_pictures_are_softened_in_proportion() -> None:
    large = torch.zeros(1, 1, 512, 512)
    large[..., 120:400, 100:360] = 1
    small = softened(large[..., ::2, ::2])
    assert small.shape == (1, 1, 256, 256)
    torch.testing.assert_close(small, softened(large)[..., ::2, ::2], atol=0.02, rtol=0)
    assert softened(large.bfloat16()).dtype == torch.bfloat16


def test_the_border_never_counts() -> None:
    edge = torch.zeros(512, 512)
    edge[:20] = edge[-20:] = 1
    edge[:, :20] = edge[:, -20:] = 1
    assert softened(edge).abs().max() == 0


@needs_goldens
def test_it_is_the_released_one() -> None:
    about, arrays = golden_functions("mask")
    mask = torch.zeros(512, 512)
    mask[60:460, 90:400] = 1
    np.testing.assert_allclose(softened(mask)[4::8, 4::8].numpy(), arrays["postprocess"], atol=about["tolerance"])
