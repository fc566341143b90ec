import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.faces.geometry import LOWER  # noqa: E402
from talkingface.training.mouth_loss import (  # noqa: E402
    LossWeights,
    gap_tensor,
    mouth_loss,
    unlikeness,
    width_tensor,
)


def speech(rows: int = 2, frames: int = 30) -> torch.Tensor:
    opening = 0.1 * (1 + torch.sin(torch.arange(frames) * 0.7))[None].repeat(rows, 1)
    points = torch.zeros(rows, frames, 80, 2)
    points[:, :, LOWER, 1] = opening[..., None]
    return points.flatten(2)


def loss(predicted: torch.Tensor, truth: torch.Tensor, *masks: torch.Tensor) -> torch.Tensor:
    """The loss of a network that says nothing about closures."""
    return mouth_loss(predicted, torch.zeros(predicted.shape[:2]), truth, *masks, weights=LossWeights(closure=0.0))


def everything(points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    rows, frames = points.shape[:2]
    return torch.ones(rows, frames), torch.ones(rows, frames - 1)


def test_the_true_mouth_is_preferred() -> None:
    truth = speech()
    best = loss(truth, truth, *everything(truth))
    for wrong in (truth * 0, truth.mean(1, keepdim=True).expand_as(truth), truth * 0.5, truth.roll(2, 1), truth + 0.02):
        assert loss(wrong, truth, *everything(truth)) > best + 0.1
    assert float(best) < 1e-2


def test_open_lips_on_a_closure_cost_more_than_on_an_opening() -> None:
    truth = speech()
    gap = gap_tensor(truth)[0]
    costs = []
    for frame in (int(gap.argmin()), int(gap.argmax())):
        wrong = truth.clone().unflatten(2, (80, 2))
        wrong[:, frame, LOWER, 1] += 0.05
        costs.append(float(loss(wrong.flatten(2), truth, *everything(truth))))
    assert costs[0] > costs[1]


def test_masked_frames_do_not_count() -> None:
    truth = speech()
    exists, joined = everything(truth)
    exists[:, 20:], joined[:, 19:] = 0, 0
    wrong = truth.clone()
    wrong[:, 20:] += 1.0
    assert float(loss(wrong, truth, exists, joined)) == pytest.approx(
        float(loss(truth, truth, exists, joined)), abs=1e-6
    )


def test_likeness_ignores_amplitude_and_place() -> None:
    signal = torch.randn(3, 40)
    assert float(unlikeness(3 * signal + 1, signal, torch.ones(3, 40))) < 1e-3
    assert float(unlikeness(-signal, signal, torch.ones(3, 40))) > 1.9


def test_gap_and_width() -> None:
    points = torch.zeros(1, 1, 80, 2)
    points[..., LOWER, 1] = 0.25
    assert float(gap_tensor(points.flatten(2))) == pytest.approx(0.25)
    assert float(width_tensor(points.flatten(2))) == 0


def test_closures_are_told_apart() -> None:
    truth = speech()
    closed = gap_tensor(truth) < 0.012
    right, wrong = torch.where(closed, 6.0, -6.0), torch.where(closed, -6.0, 6.0)
    masks = everything(truth)
    assert mouth_loss(truth, right, truth, *masks) + 3 < mouth_loss(truth, wrong, truth, *masks)
    assert float(mouth_loss(truth, right, truth, *masks)) < 1.0
