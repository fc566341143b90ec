import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talkingface.errors import Cancelled, OptionError  # noqa: E402
from talkingface.progress import Cancellation  # noqa: E402
from talkingface.training.loop import LoopOptions, MakeLoss, RunFolder, fit, learning_rate  # noqa: E402

X = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.Tanh(), torch.nn.Dropout(0.2), torch.nn.Linear(16, 1))


def losses(net: torch.nn.Module, stop_at: int | None = None, cancel: Cancellation | None = None) -> MakeLoss:
    steps = 0

    def loss(rng: np.random.Generator, noise: torch.Generator) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == stop_at and cancel is not None:
            cancel.cancel()
        rows = torch.from_numpy(rng.choice(64, 8))
        jitter = 0.01 * torch.randn(8, 5, generator=noise)
        return (net(X[rows] + jitter)[:, 0] - X[rows].sum(1)).square().mean()

    return loss


def weights(net: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten() for value in net.state_dict().values()])


def test_a_resumed_run_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    options = LoopOptions(steps=40, learning_rate=0.01, log_every=10)
    whole = network()
    history = fit(whole, losses(whole), options, RunFolder(tmp_path / "a", "net"))
    cancel = Cancellation()
    halved = network()
    with pytest.raises(Cancelled):
        fit(halved, losses(halved, 17, cancel), options, RunFolder(tmp_path / "b", "net", cancel=cancel))
    torch.manual_seed(77)  # what else a program draws does not matter
    resumed = network()
    again = fit(resumed, losses(resumed), options, RunFolder(tmp_path / "b", "net", resume=True))
    assert torch.equal(weights(whole), weights(resumed))
    assert [row["loss"] for row in again] == [row["loss"] for row in history]
    lines = (tmp_path / "b" / "net.log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20, 30, 40]


def test_it_learns_and_logs(tmp_path: Path) -> None:
    net = network()
    history = fit(
        net, losses(net), LoopOptions(steps=300, learning_rate=0.02, log_every=100), RunFolder(tmp_path, "net"),
        lambda: {"figure": 0.5},
    )  # fmt: skip
    assert history[-1]["loss"] < 1.0 and history[-1]["figure"] == 0.5
    assert not net.training


def test_other_data_is_refused(tmp_path: Path) -> None:
    net = network()
    fit(net, losses(net), LoopOptions(steps=2, fingerprint="a"), RunFolder(tmp_path, "net"))
    with pytest.raises(OptionError, match="other data or other options"):
        fit(net, losses(net), LoopOptions(steps=2, fingerprint="b"), RunFolder(tmp_path, "net", resume=True))


def test_a_minute_limit_ends_the_schedule(tmp_path: Path) -> None:
    net = network()
    fit(net, losses(net), LoopOptions(steps=10**6, minutes=0.005, log_every=10**6), RunFolder(tmp_path, "net"))
    state = torch.load(tmp_path / "net.checkpoint.pt", weights_only=True)
    assert 1 <= state["step"] < 10**6


def test_global_random_numbers_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    net = network()
    torch.manual_seed(5)
    fit(net, losses(net), LoopOptions(steps=3), RunFolder(tmp_path, "net"))
    assert torch.equal(torch.rand(3), expected)


def test_learning_rate_warms_up_and_falls() -> None:
    options = LoopOptions(learning_rate=1.0)
    rates = [learning_rate(options, step, step / 1000) for step in range(1000)]
    assert rates[0] < 0.02 and max(rates) > 0.95 and rates[-1] < 0.03
    assert rates.index(max(rates)) == 99
