"""The training loop: AdamW, cosine decay, checkpoints that resume. Every network here is trained by it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from talkingface.errors import OptionError
from talkingface.progress import Cancellation, Progress, SilentProgress

log = logging.getLogger("talkingface.training")

CHECKPOINT_SECONDS = 120.0
WARM_UP_STEPS = 100
SEED_STRIDE = 1_000_003

MakeLoss = Callable[[np.random.Generator, torch.Generator], Tensor]


@dataclass(frozen=True)
class LoopOptions:
    """How long and how fast to learn.

    Attributes:
        steps: Optimiser steps of the whole schedule.
        minutes: Stop early after this much wall time (the schedule then ends early too); None for no limit.
        learning_rate: Peak of the cosine schedule.
        weight_decay: Of AdamW.
        seed: Of everything random.
        log_every: Steps between log lines.
        fingerprint: Of the data and the options; a checkpoint of another is refused.
    """

    steps: int = 1200
    minutes: float | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.03
    seed: int = 0
    log_every: int = 200
    fingerprint: str = ""


@dataclass(frozen=True)
class RunFolder:
    """Where a network's training leaves its traces.

    Attributes:
        folder: Gets ``<name>.checkpoint.pt`` every two minutes, ``<name>.log.jsonl`` and ``<name>.options.json``.
        name: Name of the network.
        resume: Go on from the checkpoint if there is one.
        progress: Told about every step.
        cancel: Checked at every step.
    """

    folder: Path
    name: str
    resume: bool = False
    progress: Progress | None = None
    cancel: Cancellation | None = None

    @property
    def checkpoint(self) -> Path:
        """The resumable state."""
        return self.folder / f"{self.name}.checkpoint.pt"

    @property
    def log(self) -> Path:
        """One JSON line for every log line."""
        return self.folder / f"{self.name}.log.jsonl"


def learning_rate(options: LoopOptions, step: int, progress: float) -> float:
    """Rate at a step: linear warm-up, then a cosine from the peak to a fiftieth of it at ``progress`` 1."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return float(options.learning_rate * warm * (0.02 + 0.49 * (1 + np.cos(np.pi * progress))))


def fit(
    network: nn.Module,
    make_loss: MakeLoss,
    options: LoopOptions,
    run: RunFolder,
    evaluate: Callable[[], dict[str, float]] | None = None,
) -> list[dict[str, float]]:
    """Train a network in place.

    Every step draws from random streams of its own, dropout too: a run that was stopped and resumed ends with the
    weights an undisturbed one would have (unless ``minutes`` makes the schedule depend on the clock).

    Args:
        network: What learns.
        make_loss: (NumPy generator, torch generator) -> a scalar loss of one batch.
        options: Length and pace.
        run: Where checkpoints lie.
        evaluate: Called with every log line; its numbers are logged.

    Returns:
        The log: one dictionary a line.

    Raises:
        OptionError: when asked to resume from a checkpoint of other data or options.
        Cancelled: when asked to stop; the state is kept.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    history: list[dict[str, float]] = []
    step, spent = _load(run, network, optimiser, options, history) if run.resume else (0, 0.0)
    (run.folder / f"{run.name}.options.json").write_text(json.dumps(asdict(options), indent=1) + "\n", encoding="utf-8")
    progress = run.progress or SilentProgress()
    progress.stage(f"train {run.name}", options.steps)
    progress.advance(step)
    started = saved_at = time.monotonic()
    try:
        while step < options.steps:
            done = step / options.steps
            if options.minutes is not None:
                done = max(done, (spent + time.monotonic() - started) / (60 * options.minutes))
            if done >= 1:
                break
            if run.cancel is not None:
                run.cancel.check()
            loss = _step(network, optimiser, make_loss, options, step, done)
            step += 1
            progress.advance()
            if step % options.log_every == 0 or step == options.steps:
                seconds = round(spent + time.monotonic() - started, 1)
                row = {"step": float(step), "seconds": seconds, "loss": round(loss, 4)}
                if evaluate is not None:
                    row |= {key: round(value, 4) for key, value in evaluate().items()}
                history.append(row)
                log.info("%s: %s", run.name, json.dumps(row))
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                _save(run, network, optimiser, step, spent + time.monotonic() - started, options, history)
                saved_at = time.monotonic()
    finally:
        _save(run, network, optimiser, step, spent + time.monotonic() - started, options, history)
    network.eval()
    return history


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    make_loss: MakeLoss,
    options: LoopOptions,
    step: int,
    done: float,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(options, step, done)
    numbers = np.random.default_rng((options.seed, step))
    noise = torch.Generator().manual_seed(options.seed * SEED_STRIDE + step)
    network.train()
    with torch.random.fork_rng():
        torch.manual_seed(options.seed * SEED_STRIDE + step)  # dropout draws from the global stream
        loss = make_loss(numbers, noise)
        optimiser.zero_grad()
        loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _save(
    run: RunFolder,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    seconds: float,
    options: LoopOptions,
    history: list[dict[str, float]],
) -> None:
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "seconds": seconds,
        "fingerprint": options.fingerprint,
        "history": history,
    }
    part = run.checkpoint.with_suffix(".part")
    torch.save(state, part)
    part.replace(run.checkpoint)
    run.log.write_text("".join(json.dumps(row) + "\n" for row in history), encoding="utf-8")


def _load(
    run: RunFolder,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    options: LoopOptions,
    history: list[dict[str, float]],
) -> tuple[int, float]:
    if not run.checkpoint.is_file():
        return 0, 0.0
    state = torch.load(run.checkpoint, weights_only=True)
    if state["fingerprint"] != options.fingerprint:
        raise OptionError(
            f"{run.checkpoint}: belongs to other data or other options; leave out --resume, or give another --output"
        )
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    history += state["history"]
    log.info("%s: goes on from step %d", run.name, state["step"])
    return int(state["step"]), float(state["seconds"])
