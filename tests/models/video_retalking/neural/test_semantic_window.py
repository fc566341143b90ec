from __future__ import annotations

import numpy as np
import pytest

from talkingface.models.video_retalking.neural.semantic_window import (
    crop_ratio,
    frames_around,
    semantic_window,
    with_expression,
)

from ....goldens import golden_functions, golden_module, needs_goldens


def rows(count: int = 40) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (count, 262)).astype(np.float32) + np.float32(2)


def test_the_clips_ends_are_repeated() -> None:
    assert frames_around(20, 40).tolist() == list(range(7, 33))
    assert frames_around(1, 4).tolist() == [0] * 13 + [1, 2] + [3] * 11


def test_a_window_holds_what_moves() -> None:
    clip = rows()
    window = semantic_window(clip, 20, 1.5)
    assert window.shape == (73, 26) and window.dtype == np.float32 and window.flags["C_CONTIGUOUS"]
    frame = clip[20]
    expected = np.concatenate([frame[80:144], frame[224:227], frame[254:257], frame[259:260] * 1.5, frame[260:262]])
    np.testing.assert_allclose(window[:, 13], expected, rtol=1e-6)


def test_an_expression_replaces_the_first_64_at_all_moments() -> None:
    window = semantic_window(rows(), 5)
    changed = with_expression(np.stack([window, window]), np.arange(64))
    assert (changed[:, :64] == np.arange(64)[None, :, None]).all()
    np.testing.assert_array_equal(changed[1, 64:], window[64:])
    assert window[3, 0] != 3  # the given one stays


def test_the_ratio_is_that_of_the_nearest_looks() -> None:
    clip = rows()
    assert crop_ratio(clip[7], clip) == 1
    clip[7, 259] = 2
    source = clip[7].copy()
    source[259] = 3
    assert crop_ratio(source, clip) == pytest.approx(1.5)


@needs_goldens
def test_goldens() -> None:
    about, golden = golden_functions("semantics")
    make = golden_module("inputs").make
    clip, sources = make(about["inputs"]["rows"]), make(about["inputs"]["source"])
    for k, index in enumerate(golden["index"]):
        assert frames_around(int(index), len(clip)).tolist() == golden["frame_index"][k].tolist()
        window = semantic_window(clip, int(index), golden["ratio_used"][k])
        np.testing.assert_allclose(window, golden["window"][k], rtol=about["tolerance"], atol=about["tolerance"])
        assert crop_ratio(clip[index], clip) == pytest.approx(golden["ratio"][k], abs=about["tolerance"])
    np.testing.assert_allclose(semantic_window(clip[:4], 2, 1.01), golden["short_window"], rtol=1e-6, atol=1e-6)
    assert crop_ratio(1.07 * clip[0], clip) == pytest.approx(golden["ratio_other_source"][0], abs=1e-6)
    np.testing.assert_allclose([crop_ratio(s, clip) for s in sources], golden["ratio_foreign"], atol=1e-6)
