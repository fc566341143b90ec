import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.training.mouth_network import Ensemble, MelEncoder, MouthMotion, SyncExpert  # noqa: E402


def mouth(seed: int = 0) -> MouthMotion:
    torch.manual_seed(seed)
    basis, mean = torch.randn(16, 160), torch.randn(160)
    return MouthMotion(
        basis, mean, torch.zeros(80), torch.tensor(2.0), torch.zeros(288), torch.ones(288), channels=16
    ).eval()


@pytest.mark.parametrize("frames", [1, 7, 40])
def test_shapes(frames: int) -> None:
    moved, closed = mouth()(torch.randn(2, 4 * frames, 80), torch.randn(2, frames, 288))
    assert moved.shape == (2, frames, 160) and closed.shape == (2, frames)
    expert = SyncExpert(torch.randn(16, 160), torch.zeros(80), torch.tensor(2.0), 16).eval()
    seen, heard = expert(torch.randn(2, frames, 160), torch.randn(2, 4 * frames, 80))
    assert seen.shape == heard.shape == (2, frames, 96)
    assert torch.allclose(seen.norm(dim=-1), torch.ones(2, frames), atol=1e-5)


def test_a_frame_sees_half_a_second_to_either_side() -> None:
    encoder = MelEncoder(1, 8, (1, 2, 4, 3, 2), 0.0).eval()
    mel = torch.randn(1, 80, 400)
    changed = mel.clone()
    changed[:, :, 200] += 5
    moved = (encoder(mel) - encoder(changed))[0, 0].abs() > 1e-6
    touched = moved.nonzero().squeeze()
    assert 50 - 13 <= int(touched.min()) < 50 < int(touched.max()) <= 50 + 13


def test_no_shape_leaves_the_components() -> None:
    network = mouth()
    made = network(torch.randn(1, 80, 80), torch.randn(1, 20, 288))[0][0] - network.mean
    inside = made @ torch.linalg.pinv(network.basis) @ network.basis
    assert torch.allclose(inside, made, atol=1e-3)


def test_the_ensemble_is_the_mean() -> None:
    members = [mouth(0), mouth(1)]
    heard = torch.randn(1, 48, 80), torch.randn(1, 12, 288)
    both = [member(*heard) for member in members]
    for number, made in enumerate(Ensemble(members).eval()(*heard)):
        assert torch.allclose(made, (both[0][number] + both[1][number]) / 2, atol=1e-5)


def test_it_listens_to_both() -> None:
    network = mouth()
    mel, speech = torch.randn(1, 48, 80), torch.randn(1, 12, 288)
    made, closed = network(mel, speech)
    for other in (network(mel + torch.randn_like(mel), speech), network(mel, speech + torch.randn_like(speech))):
        assert (other[0] - made).abs().max() > 1e-3 and (other[1] - closed).abs().max() > 1e-3


def test_the_expert_ignores_amplitude_and_resting_mouth() -> None:
    expert = SyncExpert(torch.randn(16, 160) * 0.05, torch.zeros(80), torch.tensor(2.0), 16).eval()
    points = torch.randn(1, 30, 160) * 0.2
    assert torch.allclose(expert.embed_mouth(points), expert.embed_mouth(points * 1.5 + 0.3), atol=1e-4)
