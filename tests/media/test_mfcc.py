"""The coefficients against the reference's own (where they are) and against values recorded from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from talkingface.media.mfcc import BLOCK, COEFFICIENTS, HOP, Mfcc, mfcc, to_int16
from talkingface.media.row_file import RowFile

from ..goldens import golden_functions, golden_module, needs_goldens

# columns 0, 3, 5, 8 and 9 of ``sweep``, made by this code when it agreed with the reference to 2e-12
SWEEP = {
    0: [19.542417, 25.372412, 9.390509, -7.229194, -21.679012, -29.673505, -28.338202, -21.239444, -11.449499,
        -3.684658, 0.897634, 1.225356, -0.380346],
    3: [20.602064, 18.974645, -10.367825, -31.800208, -31.471266, -10.923651, 14.114169, 23.907344, 15.314168,
        -2.051603, -12.894855, -12.698394, -5.170152],
    5: [15.77959, -9.220135, -0.194432, -2.479693, -0.127887, -0.82418, 0.095322, -0.836028, -0.767073, -1.406371,
        -0.861404, -1.181964, -1.115168],
    8: [21.824651, -6.837743, -42.185097, -23.170928, 22.081175, 24.414437, -14.141837, -29.031915, 0.383112,
        21.601123, 5.275846, -16.181099, -10.166899],
    9: [21.783395, 7.798995, -33.961266, -17.159375, 24.976664, 22.857628, -16.016515, -26.247354, 4.947719,
        21.670747, 1.346649, -17.794528, -7.426781],
}  # fmt: skip


def sweep() -> np.ndarray:
    """A rising tone with 37 ms of digital silence in it; its last window is not full."""
    time = np.arange(1700)
    samples = (12000 * np.sin(2 * np.pi * (200 + 0.4 * time) * time / 16000)).astype(np.int16)
    samples[800:1400] = 0
    return samples


def plain(samples: np.ndarray) -> np.ndarray:
    """The definition, step by step, a window at a time."""
    signal = samples.astype(np.float64)
    signal = np.append(signal[0], signal[1:] - 0.97 * signal[:-1])
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28) / 2595) - 1)
    corner = np.floor(513 * edges / 16000).astype(int)
    rows = []
    for start in range(0, max(1, len(signal) - 400 + 160), 160):
        window = np.zeros(400)
        window[: len(signal[start : start + 400])] = signal[start : start + 400]
        power = np.abs(np.fft.rfft(window, 512)) ** 2 / 512
        bands = np.zeros(26)
        for j in range(26):
            for i in range(corner[j], corner[j + 1]):
                bands[j] += power[i] * (i - corner[j]) / (corner[j + 1] - corner[j])
            for i in range(corner[j + 1], corner[j + 2]):
                bands[j] += power[i] * (corner[j + 2] - i) / (corner[j + 2] - corner[j + 1])
        logs = np.log(np.where(bands == 0, np.finfo(float).eps, bands))
        row = []
        for k in range(13):
            total = sum(logs[n] * np.cos(np.pi * k * (2 * n + 1) / 52) for n in range(26))
            row.append(total * np.sqrt((1 if k == 0 else 2) / 26) * (1 + 11 * np.sin(np.pi * k / 22)))
        row[0] = np.log(power.sum() or np.finfo(float).eps)
        rows.append(row)
    return np.array(rows)


def test_recorded_values() -> None:
    found = mfcc(sweep())
    assert found.shape == (10, COEFFICIENTS)
    np.testing.assert_allclose(found[list(SWEEP)], list(SWEEP.values()), atol=1e-5)


@pytest.mark.parametrize("length", [1, 399, 400, 401, 560, 1700])
def test_it_is_the_definition(length: int) -> None:
    samples = sweep()[:length]
    np.testing.assert_allclose(mfcc(samples), plain(samples), atol=1e-8)


@needs_goldens
def test_the_reference_says_the_same() -> None:
    about, expected = golden_functions("syncnet")
    samples = golden_module("inputs").make(about["inputs"]["wav"])
    tolerance = about["tolerance"]["mfcc"]
    np.testing.assert_allclose(mfcc(samples), expected["mfcc"], atol=tolerance)
    samples[8000:16000] = 0
    np.testing.assert_allclose(mfcc(samples)[45:105], expected["mfcc_with_silence"], atol=tolerance)


def test_any_part_is_the_same_as_in_the_whole(tmp_path: Path) -> None:
    samples = (3000 * np.random.default_rng(0).normal(size=HOP * (BLOCK + 40) + 33)).clip(-32768, 32767)
    samples = samples.astype(np.int16)
    whole = mfcc(samples)
    assert len(whole) == len(Mfcc(samples)) > BLOCK
    stored = RowFile(tmp_path / "rows", ())
    stored.extend((samples / 32768).astype(np.float32))
    for source in (samples, stored):
        for first, count in ((0, 20), (4, 20), (BLOCK - 5, 30), (len(whole) - 3, 3)):
            np.testing.assert_allclose(Mfcc(source).columns(first, count), whole[first : first + count], atol=1e-9)
    beyond = Mfcc(samples).columns(len(whole) + 10, 2)
    np.testing.assert_allclose(beyond[:, 0], np.log(np.finfo(float).eps))


def test_floats_become_the_integers_that_a_file_holds() -> None:
    integers = np.array([-32768, -1, 0, 1, 32767], np.int16)
    assert to_int16((integers / 32768).astype(np.float32)).tolist() == integers.tolist()
    assert to_int16(np.array([-2.0, 2.0, 0.5 / 32768 + 1e-6])).tolist() == [-32768, 32767, 1]
