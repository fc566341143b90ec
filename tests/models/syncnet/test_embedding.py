from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="SyncNet needs torch")

from talkingface.errors import OptionError  # noqa: E402
from talkingface.media.mfcc import mfcc  # noqa: E402
from talkingface.media.row_file import RowFile  # noqa: E402
from talkingface.models.syncnet.embedding import LIP_BATCH, SyncNetEmbedder, WindowEmbeddings, choose_device  # noqa: E402
from talkingface.models.syncnet.lip_crops import LipCrop  # noqa: E402
from talkingface.models.syncnet.network import SyncNet, small_syncnet  # noqa: E402

from .painted_clips import random_crops  # noqa: E402


@pytest.fixture(scope="module")
def network() -> SyncNet:
    return small_syncnet(32)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=int(seconds * 16_000))).clip(-1, 1).astype(np.float32)


def test_windows_are_five_pictures(network: SyncNet) -> None:
    crops = random_crops(12, first=30)
    found = SyncNetEmbedder(network).embed_lips(crops, 50)
    assert (found.ticks.tolist(), found.length) == (list(range(30, 38)), 50)
    pictures = np.stack([crop.picture for crop in crops]).astype(np.float32)
    third = torch.from_numpy(pictures[2:7]).permute(3, 0, 1, 2)[None]
    with torch.inference_mode():
        expected = network.forward_lip(third).numpy()[0]
    np.testing.assert_allclose(found.vectors[2], expected, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, LIP_BATCH, 40])
def test_how_many_go_together_changes_nothing(network: SyncNet, batch: int) -> None:
    crops = [*random_crops(20), *random_crops(9, first=40, seed=1), *random_crops(4, first=70), *random_crops(5, 80)]
    whole = SyncNetEmbedder(network, lip_batch=64).embed_lips(crops, 100)
    found = SyncNetEmbedder(network, lip_batch=batch).embed_lips(iter(crops), 100)
    assert found.ticks.tolist() == [*range(16), *range(40, 45), 80]  # none spans two tracks
    np.testing.assert_array_equal(found.ticks, whole.ticks)
    np.testing.assert_allclose(found.vectors, whole.vectors, atol=1e-5)


def test_twice_the_same(network: SyncNet) -> None:
    first, second = (SyncNetEmbedder(network).embed_lips(random_crops(15), 15).vectors for _ in range(2))
    assert np.array_equal(first, second)
    heard = [SyncNetEmbedder(network).embed_sound(noise(2)).vectors for _ in range(2)]
    assert np.array_equal(*heard)


def test_pictures_are_let_go_of(network: SyncNet) -> None:
    alive: set[int] = set()
    most = 0

    def stream() -> Iterator[LipCrop]:
        nonlocal most
        for k in range(150):
            crop = LipCrop(k, np.full((224, 224, 3), k, np.uint8), k == 0)
            alive.add(k)
            weakref.finalize(crop, alive.discard, k)
            yield crop
            most = max(most, len(alive))

    assert len(SyncNetEmbedder(network).embed_lips(stream(), 150).vectors) == 146
    gc.collect()
    assert most <= 2 * (LIP_BATCH + 5)


def test_sound_windows_are_twenty_columns(network: SyncNet, tmp_path: Path) -> None:
    samples = noise(3.5)
    found = SyncNetEmbedder(network).embed_sound(samples)
    assert (found.length, found.ticks.tolist()) == (87, list(range(82)))  # one fewer than there could be
    columns = mfcc(samples).astype(np.float32)
    batch = np.stack([columns[4 * k : 4 * k + 20].T[None] for k in range(82)])
    with torch.inference_mode():
        expected = network.forward_aud(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    stored = RowFile(tmp_path / "speech", ())
    stored.extend(samples)
    np.testing.assert_array_equal(SyncNetEmbedder(network).embed_sound(stored).vectors, found.vectors)


def test_silence_is_the_same_everywhere(network: SyncNet) -> None:
    embedder = SyncNetEmbedder(network)
    silence = embedder.embed_silence(40)
    heard = embedder.embed_sound(np.zeros(40 * 640, np.float32))
    assert (silence.length, len(silence.vectors)) == (40, 35)
    np.testing.assert_allclose(silence.vectors, heard.vectors, atol=1e-6)
    assert len(embedder.embed_silence(3).vectors) == 0


def test_too_little_has_no_windows(network: SyncNet) -> None:
    embedder = SyncNetEmbedder(network)
    assert embedder.embed_lips([], 0).vectors.shape == (0, 32)
    assert embedder.embed_lips(random_crops(4), 4).vectors.shape == (0, 32)
    assert embedder.embed_sound(noise(0.2)).vectors.shape == (0, 32)


def test_frozen_holds_the_first_window() -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert WindowEmbeddings(vectors, np.arange(3), 8).frozen().vectors.tolist() == [[0, 1]] * 3


def test_devices() -> None:
    assert choose_device("auto") in ("cpu", "cuda")
    assert choose_device("cpu") == "cpu"
    for wrong in ("gpu7", "cuda:99"):
        with pytest.raises(OptionError, match=f"'{wrong}'.*use cpu"):
            choose_device(wrong)
