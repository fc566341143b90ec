"""Detail given back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.media.planes import PlaneLayout
from talkingface.models.video_retalking.landmark.refine import MOST, MOUTH_SHARE, DetailRefiner
from talkingface.models.video_retalking.stages import A_MOUTH, SKIN, RegionPatch


def detail(plane: np.ndarray) -> float:
    return float((plane - cv2.GaussianBlur(plane, (0, 0), 1.0))[8:-8, 8:-8].std())


def patch_of(luma: np.ndarray, planes: list[np.ndarray], parts: np.ndarray | None = None) -> RegionPatch:
    alpha = np.zeros(luma.shape, np.float32)
    alpha[4:-4, 4:-4] = 1
    height, width = luma.shape
    chroma = [plane[30 : 30 + height // 2, 40 : 40 + width // 2].astype(np.float32) for plane in planes[1:]]
    return RegionPatch(80, 60, [luma, *chroma], alpha, parts)


@pytest.fixture
def own(planes) -> np.ndarray:
    return planes[0][60:160, 80:200].astype(np.float32)


def test_a_softened_patch_gets_its_detail_back(own, planes, layout) -> None:
    soft = cv2.GaussianBlur(own, (0, 0), 0.45)
    refined = DetailRefiner().refine(patch_of(soft, planes), planes, layout)
    assert detail(soft) < 0.9 * detail(own)
    assert detail(refined.planes[0]) == pytest.approx(detail(own), rel=0.1)
    np.testing.assert_allclose(refined.planes[0].mean(), soft.mean(), atol=0.2)


def test_it_is_never_made_sharper_than_the_frame(own, planes, layout) -> None:
    crisp = own + 1.5 * (own - cv2.GaussianBlur(own, (0, 0), 1.0))
    patch = patch_of(crisp, planes)
    assert DetailRefiner().refine(patch, planes, layout) is patch


def test_the_gain_is_bounded(own, planes, layout) -> None:
    blurred = cv2.GaussianBlur(own, (0, 0), 1.2)
    refined = DetailRefiner().refine(patch_of(blurred, planes), planes, layout)
    assert detail(refined.planes[0]) <= (1 + MOST) * detail(blurred) * 1.02


def test_a_flat_patch_stays(planes, layout) -> None:
    patch = patch_of(np.full((100, 120), 77, np.float32), planes)
    assert DetailRefiner().refine(patch, planes, layout) is patch


def test_chroma_place_and_weight_stay(own, planes, layout) -> None:
    patch = patch_of(cv2.GaussianBlur(own, (0, 0), 0.5), planes)
    refined = DetailRefiner().refine(patch, planes, layout)
    assert (refined.x0, refined.y0) == (80, 60)
    assert refined.alpha is patch.alpha
    assert refined.planes[1] is patch.planes[1]


def test_deep_samples_keep_to_their_range(planes_maker) -> None:
    deep = PlaneLayout("yuv420p10le", 480, 400, 10, 1, 1, False, "bt709")
    planes = planes_maker(10)
    planes[0][60:160:2, 80:200:2] = 1023
    own = planes[0][60:160, 80:200].astype(np.float32)
    refined = DetailRefiner().refine(patch_of(cv2.GaussianBlur(own, (0, 0), 0.6), planes), planes, deep)
    assert refined.planes[0].max() <= 1023
    assert refined.planes[0].max() > 300


def test_skin_says_what_is_lacking_and_teeth_hardly_anything(own, planes, layout) -> None:
    parts = np.full(own.shape, SKIN, np.uint8)
    parts[30:70, 30:90] = A_MOUTH
    soft = cv2.GaussianBlur(own, (0, 0), 0.45)
    mouth = np.zeros(own.shape, np.bool_)
    mouth[36:64, 36:84] = True
    skin, middle = [], []
    hard = soft + 2 * (soft - cv2.GaussianBlur(soft, (0, 0), 1.0))
    for inside in (soft, np.full(own.shape, 90, np.float32), hard):
        before = np.where(mouth, inside, soft).astype(np.float32)
        made = DetailRefiner().refine(patch_of(before, planes, parts), planes, layout).planes[0]
        skin.append(detail(made[:26]) / detail(before[:26]))
        middle.append(detail(made[32:68, 40:80]) / max(detail(before[32:68, 40:80]), 1e-6))
    np.testing.assert_allclose(skin, skin[0], rtol=0.03)
    assert skin[0] > 1.1
    # a mouth with three times the frame's detail is calmed, by the share allowed
    assert 1 - MOUTH_SHARE - 0.1 < middle[2] / middle[0] < 1 - 0.5 * MOUTH_SHARE
