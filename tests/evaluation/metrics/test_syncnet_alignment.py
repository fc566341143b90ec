"""Clocks and signs from the file to the offset, with a network whose embeddings can be foreseen.

It sees how bright each of five pictures is and hears how loud each of five ticks is. The clips show pictures as bright
as their sound is loud: where they fit is known, whatever the frame rate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.evaluation.metrics.syncnet_distance import SyncNetFigures, syncnet_figures  # noqa: E402
from talkingface.media.audio import read_audio, to_mono_16k  # noqa: E402
from talkingface.media.mfcc import mfcc  # noqa: E402
from talkingface.media.reader import VideoReader  # noqa: E402
from talkingface.models.syncnet.embedding import SyncNetEmbedder  # noqa: E402
from talkingface.models.syncnet.lip_crops import lip_crops, plan_whole_pictures  # noqa: E402

from ...models.syncnet.painted_clips import write_pictures  # noqa: E402

TICKS = 130
BRIGHTNESS = 9.0  # grey levels for each unit of the first coefficient, which is 5 to 25


class LoudnessNetwork(torch.nn.Module):
    widths = SimpleNamespace(embedding=5)

    def forward_frames(self, frames: torch.Tensor) -> torch.Tensor:
        """(3, T, 224, 224) -> (T - 4, 5) brightness."""
        return frames.mean((0, 2, 3)).unfold(0, 5, 1)

    def forward_aud(self, columns: torch.Tensor) -> torch.Tensor:
        """(N, 1, 13, 20) -> (N, 5) loudness."""
        return BRIGHTNESS * columns[:, 0, 0].unflatten(1, (5, 4)).mean(2)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Noise whose loudness is drawn anew every 40 ms."""
    random = np.random.default_rng(4)
    loudness = np.exp(random.uniform(0, 7, TICKS)).repeat(640)
    return (random.normal(size=TICKS * 640) * loudness).clip(-32768, 32767).astype(np.int16)


@pytest.fixture
def make(tmp_path: Path, samples: np.ndarray) -> Callable[..., SyncNetFigures]:
    """Write a clip whose frames begin at some milliseconds, lips late by some, and compare lips and sound."""
    level = mfcc(samples)[:, 0]
    brightness = BRIGHTNESS * np.array([level[4 * k : 4 * k + 4].mean() for k in range(TICKS)])
    assert 20 < brightness.min() < brightness.max() < 240

    def build(milliseconds: list[int], late: int = 0) -> SyncNetFigures:
        # a frame shows the tick that it lies in, or most of whose time it fills
        places = [min(TICKS - 1, max(0, int((time - late + 20) // 40))) for time in milliseconds]
        pictures = [np.full((32, 48, 3), brightness[place], np.uint8) for place in places]
        path = write_pictures(tmp_path / "clip.mkv", pictures, milliseconds, samples=samples)
        embedder = SyncNetEmbedder(LoudnessNetwork())  # type: ignore[arg-type]
        with VideoReader(path, threads=1) as reader:
            times = np.array([decoded.time for decoded in reader.frames()])
            assert times == pytest.approx(np.array(milliseconds) / 1000)
            plan = plan_whole_pictures(times)
            lips = embedder.embed_lips(lip_crops(reader, plan), plan.length)
        return syncnet_figures(lips, embedder.embed_sound(to_mono_16k(read_audio(path))))

    return build


@pytest.mark.parametrize("late", [-9, 0, 3, 12])
def test_late_lips_are_found_late(make: Callable[..., SyncNetFigures], late: int) -> None:
    figures = make(list(range(0, 40 * TICKS, 40)), 40 * late)
    assert figures.offset == late
    assert np.median(figures.window_distance) < 0.1 * np.median(figures.curve)  # but for windows against zeros


@pytest.mark.parametrize("rate", [20, 22.13, 29.97, 50, 60])
def test_any_rate_has_the_same_clock(make: Callable[..., SyncNetFigures], rate: float) -> None:
    figures = make([round(1000 * k / rate) for k in range(int(TICKS / 25 * rate))])
    assert figures.offset == 0
    fit = figures.window_distance < np.median(figures.curve) / 2
    assert fit[:40].mean() > 0.8 and fit[-40:].mean() > 0.8  # from the first window to the last


def test_a_rate_that_varies_has_the_same_clock(make: Callable[..., SyncNetFigures]) -> None:
    slow, fast = range(0, 2600, 40), range(2600, 5200, 16)  # two durations
    figures = make([*slow, *fast])
    assert figures.offset == 0 and figures.window_distance.max() < np.median(figures.curve) / 2
    mixed = np.cumsum(np.random.default_rng(0).choice([20, 40], 170))
    figures = make([0, *(int(time) for time in mixed)])
    assert figures.offset == 0
    counted = np.arange(len(mixed)) * 40 - mixed  # what counting frames would make of it
    assert counted[-1] > 1000


def test_a_picture_that_comes_later_than_the_sound_keeps_its_place(make: Callable[..., SyncNetFigures]) -> None:
    figures = make(list(range(400, 40 * TICKS, 40)))
    assert figures.offset == 0 and figures.ticks[0] == 10
    assert figures.window_distance.max() < np.median(figures.curve) / 2
