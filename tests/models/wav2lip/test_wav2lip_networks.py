"""The generator, the sync expert and the discriminator."""

from __future__ import annotations

from copy import deepcopy

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last  # noqa: E402
from talkingface.models.wav2lip.discriminator import DiscriminatorWidths, Wav2LipDisc  # noqa: E402
from talkingface.models.wav2lip.generator import GeneratorWidths, Wav2Lip  # noqa: E402
from talkingface.models.wav2lip.sync_expert import SyncExpertWidths, Wav2LipSyncNet  # noqa: E402

from ..network_checks import (  # noqa: E402
    assert_batches_agree,
    assert_channels_last_agrees,
    assert_half_precision,
    assert_recorded,
    filled,
    key_digest,
    noise,
    outputs,
    picture,
)

MEL = noise(1, 2, 1, 80, 16)
FACES, MOUTHS, CLIP = picture(2, 2, 6, 96, 96), picture(2, 2, 15, 48, 96), picture(2, 2, 3, 3, 96, 96)


@pytest.fixture(scope="module")
def generator() -> Wav2Lip:
    return filled(Wav2Lip(GeneratorWidths().narrowed(16)))


@pytest.fixture(scope="module")
def expert() -> Wav2LipSyncNet:
    return filled(Wav2LipSyncNet(SyncExpertWidths().narrowed(16)))


@pytest.fixture(scope="module")
def discriminator() -> Wav2LipDisc:
    return filled(Wav2LipDisc(DiscriminatorWidths().narrowed(16)))


@pytest.mark.parametrize(
    ("kind", "count", "digest"),
    [
        (Wav2Lip, 352, "dcb7fba04c3410db"),
        (Wav2LipSyncNet, 217, "5d21bcb76d753f1d"),
        (Wav2LipDisc, 28, "0c3f666873f1a915"),
    ],
)
def test_released_keys_and_shapes(kind: type, count: int, digest: str) -> None:
    with torch.device("meta"):
        network = kind()
    assert (len(network.state_dict()), key_digest(network)) == (count, digest)


def test_recorded_values(generator: Wav2Lip, expert: Wav2LipSyncNet, discriminator: Wav2LipDisc) -> None:
    with torch.inference_mode():
        faces, embeddings, scores = generator(MEL, FACES), expert(MEL, MOUTHS), discriminator(CLIP)
    assert (faces.shape, scores.shape) == ((2, 3, 96, 96), (6, 1))
    assert_recorded(faces, [[0.51624, 1.0, 0.0, 1.0, 0.41365]], tolerance=1e-3)
    assert_recorded(embeddings, [[0.0, 0.0, 0.1409, 0.10924, 0.13985], [0.32808, 0.07695, 0.3135, 0.0, 0.13067]])
    assert_recorded(scores, [[0.43053, 0.42355, 0.41635, 0.37908, 0.01952]])
    torch.testing.assert_close(embeddings.audio.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(embeddings.face.norm(dim=1), torch.ones(2))


def test_a_clip_is_its_frames(generator: Wav2Lip, discriminator: Wav2LipDisc) -> None:
    mel, clip = noise(3, 2, 3, 1, 80, 16), picture(4, 2, 6, 3, 96, 96)
    with torch.inference_mode():
        whole = generator(mel, clip)
        torch.testing.assert_close(whole[:, :, 1], generator(mel[:, 1], clip[:, :, 1]), atol=1e-5, rtol=1e-5)
        second = discriminator(CLIP[:, :, 1:2])
        torch.testing.assert_close(discriminator(CLIP)[2:4], second, atol=1e-6, rtol=1e-5)
        lower = CLIP.clone()
        lower[..., :48, :] = 0
        torch.testing.assert_close(discriminator(lower), discriminator(CLIP))


def test_batches_and_layouts(generator: Wav2Lip, expert: Wav2LipSyncNet) -> None:
    mel = noise(5, 8, 1, 80, 16)
    assert_batches_agree(generator, [mel, picture(6, 8, 6, 96, 96)])
    assert_batches_agree(expert, [mel, picture(6, 8, 15, 48, 96)])
    assert_channels_last_agrees(generator, [MEL, FACES], lay_channels_last)
    assert_channels_last_agrees(expert, [MEL, MOUTHS], lay_channels_last)


def test_half_precision(generator: Wav2Lip, expert: Wav2LipSyncNet, discriminator: Wav2LipDisc) -> None:
    assert_half_precision(generator, [MEL, FACES], 0.08)
    assert_half_precision(expert, [MEL, MOUTHS], 0.05)
    assert_half_precision(discriminator, [CLIP], 0.08)


@pytest.mark.parametrize(("which", "norms"), [("generator", 50), ("expert", 31)])
def test_folding_does_not_change_the_result(which: str, norms: int, request: pytest.FixtureRequest) -> None:
    network = request.getfixturevalue(which)
    inputs = [MEL, FACES if which == "generator" else MOUTHS]
    folded = deepcopy(network)
    assert fold_for_inference(folded).batch_norms == norms
    with torch.inference_mode():
        for before, after in zip(outputs(network(*inputs)), outputs(folded(*inputs)), strict=True):
            torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
