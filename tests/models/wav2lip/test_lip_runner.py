from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the network needs torch")

import torch

from talkingface.models.wav2lip.generator import GeneratorWidths, Wav2Lip
from talkingface.models.wav2lip.lip_runner import USUAL_BATCH, LipRunner


def network() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return Wav2Lip(GeneratorWidths().narrowed(8)).eval()


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 96, 96, 3), np.uint8)


def mels(count: int) -> np.ndarray:
    return np.random.default_rng(2).uniform(-4, 4, (count, 80, 16)).astype(np.float32)


def test_it_shows_the_network_the_upper_half_and_the_whole_face() -> None:
    seen = {}

    class Watched(torch.nn.Module):
        def forward(self, mel: Any, pictures: Any) -> Any:
            seen.update(mel=mel, pictures=pictures)
            return pictures[:, 3:]

    shown, heard = faces(2), mels(2)
    made = LipRunner(Watched(), batch=2)(shown, heard)
    np.testing.assert_allclose(made, shown, atol=1e-3)  # 0..255, blue first, as it came
    assert seen["mel"].shape == (2, 1, 80, 16)
    np.testing.assert_array_equal(seen["mel"][:, 0].numpy(), heard)
    masked, whole = seen["pictures"][:, :3], seen["pictures"][:, 3:]
    assert (masked[:, :, 48:] == 0).all() and torch.equal(masked[:, :, :48], whole[:, :, :48])
    assert float(whole.max()) == 1.0


def test_the_number_of_faces_at_a_time_does_not_show() -> None:
    shown, heard = faces(5), mels(5)
    one, eight = LipRunner(network(), batch=1)(shown, heard), LipRunner(network(), batch=8)(shown, heard)
    np.testing.assert_allclose(one, eight, atol=0.01)
    assert np.abs(one[0] - one[1]).max() > 0.1


def test_how_faces_fall_into_batches_does_not_change_a_bit() -> None:
    runner, shown, heard = LipRunner(network(), batch=4), faces(7), mels(7)
    whole = runner(shown, heard)
    later = np.concatenate([runner(shown[:3], heard[:3]), runner(shown[3:], heard[3:])])
    np.testing.assert_array_equal(whole, later)


def test_it_gives_what_the_network_gives_unfolded() -> None:
    shown, heard = faces(2), mels(2)
    pictures = torch.from_numpy(shown).permute(0, 3, 1, 2) / 255
    masked = pictures.clone()
    masked[:, :, 48:] = 0
    with torch.inference_mode():
        expected = network()(torch.from_numpy(heard)[:, None], torch.cat([masked, pictures], 1))
    made = LipRunner(network())(shown, heard)
    np.testing.assert_allclose(made, expected.permute(0, 2, 3, 1).numpy() * 255, atol=0.02)


def test_half_precision_is_nearly_the_same() -> None:
    shown, heard = faces(2), mels(2)
    exact, rough = LipRunner(network())(shown, heard), LipRunner(network(), dtype=torch.bfloat16)(shown, heard)
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 4


def test_when_memory_does_not_do_batches_become_smaller_and_nothing_is_lost() -> None:
    calls = []

    class Large(torch.nn.Module):
        def forward(self, mel: Any, pictures: Any) -> Any:
            calls.append(len(mel))
            if len(mel) > 2:
                raise torch.cuda.OutOfMemoryError("too many")
            return pictures[:, 3:]

    runner, shown = LipRunner(Large(), batch=8), faces(5)
    np.testing.assert_allclose(runner(shown, mels(5)), shown, atol=1e-3)
    assert calls == [8, 2, 2, 2] and runner.batch == 2

    class Hopeless(Large):
        def forward(self, mel: Any, pictures: Any) -> Any:
            raise torch.cuda.OutOfMemoryError("no room at all")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        LipRunner(Hopeless(), batch=2)(shown, mels(5))
    assert LipRunner(network()).batch == USUAL_BATCH
