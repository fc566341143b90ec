from __future__ import annotations

import cv2
import numpy as np
import pytest

from talkingface.evaluation.controls import FROZEN, NEW_SOUND
from talkingface.evaluation.metrics.reconstruction import BEST_PSNR, Reconstruction, SsimTarget, psnr, ssim
from talkingface.evaluation.result import Score

from . import pairs


def ssim_by_hand(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, window by window."""
    place = np.arange(11) - 5
    line = np.exp(-(place**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11].astype(float), b[y : y + 11, x : x + 11].astype(float)
            mp, mq = (window * p).sum(), (window * q).sum()
            vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
            cov = (window * (p - mp) * (q - mq)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("spread", [2.0, 20.0, 90.0])
def test_ssim_is_that_of_its_definition(spread: float) -> None:
    a = pairs.noise(20, 26)
    b = np.clip(a + np.random.default_rng(1).normal(0, spread, a.shape), 0, 255).astype(np.float32)
    assert ssim(a, b) == pytest.approx(ssim_by_hand(a, b), abs=1e-9)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    assert ssim(a, a) == pytest.approx(1, abs=1e-12)


def test_ssim_is_that_of_scikit_image() -> None:
    # scikit-image 0.26: structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5,
    # use_sample_covariance=False) of the two pictures below
    y, x = np.mgrid[:64, :64]
    a = 128 + 60 * np.sin(x / 5.0) + 40 * np.cos(y / 7.0)
    b = 118 + 50 * np.sin((x + 1) / 5.0) + 40 * np.cos(y / 7.0) + 5 * np.sin(x * y / 50.0)
    assert SsimTarget(a).ssim(b) == pytest.approx(0.928406225228, abs=1e-9)


def test_psnr_of_known_errors() -> None:
    assert psnr(1.0) == pytest.approx(20 * np.log10(255))
    assert psnr(255.0**2) == pytest.approx(0)
    assert psnr(0.0) == psnr(1e-12) == BEST_PSNR


def sequence(count: int = 6) -> list[np.ndarray]:
    """A face in front of a texture; a bright bar moves where the mouth is."""
    frames = []
    for number in range(count):
        picture = pairs.noise(200, 200)
        picture[125 + 3 * number : 131 + 3 * number, 80:120] = 235
        frames.append(picture)
    return frames


def scores(shown: list[np.ndarray], true: list[np.ndarray], original: list[np.ndarray] | None = None) -> Reconstruction:
    comparison = Reconstruction(no_undubbed=None if original else "n/a: the original is the truth")
    first = pairs.picture(shown[0], 100, 80)
    for number, (a, b) in enumerate(zip(shown, true, strict=True)):
        source = pairs.picture(original[number], 100, 80) if original else None
        comparison.feed(pairs.pair(number, pairs.picture(a, 100, 80), pairs.picture(b, 100, 80), source, first))
    return comparison


def value(score: Score) -> float:
    assert score.value is not None, score.reason
    return score.value


def test_a_copy_is_perfect_and_controls_are_not() -> None:
    true = sequence()
    result = scores(true, true, true[1:] + true[-1:]).result()
    assert {name: score.value for name, score in result.scores.items()} == pytest.approx(
        {"mouth_ssim": 1, "face_ssim": 1, "mouth_psnr": BEST_PSNR, "face_psnr": BEST_PSNR}
    )
    for control in (FROZEN, NEW_SOUND):
        for region in ("mouth", "face"):
            assert value(result.controls[control][f"{region}_ssim"]) < 0.999
            assert value(result.controls[control][f"{region}_psnr"]) < 40
    assert result.details["reconstruction"] == {"frames": {"mouth": 6, "face": 6}}
    undubbed = scores(true, true).result().controls[NEW_SOUND]
    assert undubbed["mouth_ssim"] == Score(None, "n/a: the original is the truth")


def test_what_is_worse_scores_worse() -> None:
    true = sequence()
    blurred = [cv2.GaussianBlur(picture, (0, 0), 1) for picture in true]
    more = [cv2.GaussianBlur(picture, (0, 0), 3) for picture in true]
    moved = [np.roll(picture, 3, axis=1) for picture in true]
    found = [scores(shown, true).result().scores for shown in (true, blurred, more)]
    for name in ("mouth_ssim", "face_ssim", "mouth_psnr", "face_psnr"):
        values = [value(row[name]) for row in found]
        assert values == sorted(values, reverse=True) and values[-1] < values[0] - 0.05
    # a face in the wrong place is wrong, though it has its own landmarks
    assert value(scores(moved, true).result().scores["mouth_ssim"]) < 0.8


def test_a_mouth_counts_more_in_the_mouth_than_in_the_face() -> None:
    true = sequence()
    mouth_only = [picture.copy() for picture in true]
    for picture in mouth_only:
        picture[105:145, 80:120] = 128
    found = scores(mouth_only, true).result().scores
    assert value(found["mouth_ssim"]) < value(found["face_ssim"])
    assert value(found["mouth_psnr"]) < value(found["face_psnr"])


def test_dark_and_bright_errors_weigh_the_same() -> None:
    true = [np.full((200, 200), 120, np.float32)] * 6
    darker, brighter = [p - 50 for p in true], [p + 50 for p in true]
    for shown in (darker, brighter):
        assert value(scores(shown, true).result().scores["mouth_psnr"]) == pytest.approx(psnr(2500), abs=0.05)


def test_too_few_frames_give_a_reason() -> None:
    true = sequence(3)
    assert scores(true, true).result().scores["face_ssim"].reason == (
        "n/a: only 3 frames can be compared with the truth"
    )
    comparison = Reconstruction()
    for number, picture in enumerate(sequence()):
        # no truth, and a truth without a face
        comparison.feed(pairs.pair(number, pairs.picture(picture, 100, 80)))
        comparison.feed(pairs.pair(number, pairs.picture(picture, 100, 80), pairs.picture(picture)))
    assert comparison.result().scores["mouth_psnr"].value is None
