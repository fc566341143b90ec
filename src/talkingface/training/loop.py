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

log = logging.getLogger("talkingface.training")

CHECKPOINT_SECONDS = 120.0


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
    """

    steps: int = 1200
    minutes: float | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 0.03
    seed: int = 0
    log_every: int = 100


def checkpoint_path(folder: Path, name: str) -> Path:
    """Where the resumable state of a run lies."""
    return folder / f"{name}.checkpoint.pt"


def fit(
    network: nn.Module,
    make_loss: Callable[[int, np.random.Generator, torch.Generator], Tensor],
    options: LoopOptions,
    folder: Path,
    name: str,
    resume: bool = False,
    evaluate: Callable[[], dict[str, float]] | None = None,
) -> list[dict[str, float]]:
    """Train a network in place.

    Args:
        network: What learns.
        make_loss: (step, NumPy generator, torch generator) -> a scalar loss of one batch.
        options: Length and pace.
        folder: Where ``<name>.checkpoint.pt`` is written every two minutes, and ``<name>.log.jsonl``.
        name: Name of the run.
        resume: Go on from the checkpoint in ``folder`` if there is one.
        evaluate: Called with every log line; its numbers are logged.

    Returns:
        The log: one dictionary a line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    history: list[dict[str, float]] = []
    first_step, spent = 0, 0.0
    path = checkpoint_path(folder, name)
    if resume and path.is_file():
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        first_step, spent = int(state["step"]), float(state["seconds"])
        log.info("%s: resumed at step %d", name, first_step)
    started = time.monotonic() - spent
    saved_at = time.monotonic()
    step = first_step
    while step < options.steps:
        seconds = time.monotonic() - started
        progress = step / options.steps
        if options.minutes is not None:
            progress = max(progress, seconds / (60 * options.minutes))
        if progress >= 1:
            break
        rate = options.learning_rate * min(1.0, (step + 1) / 100) * (0.02 + 0.49 * (1 + np.cos(np.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = float(rate)
        # every step has its own random streams: a resumed run draws what an undisturbed one would have drawn
        numbers = np.random.default_rng((options.seed, step))
        noise = torch.Generator().manual_seed(options.seed * 1_000_003 + step)
        network.train()
        loss = make_loss(step, numbers, noise)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        if step % options.log_every == 0 or step == options.steps:
            row = {"step": float(step), "seconds": round(seconds, 1), "loss": round(float(loss.detach()), 4)}
            if evaluate is not None:
                row |= {key: round(value, 4) for key, value in evaluate().items()}
            history.append(row)
            log.info("%s: %s", name, json.dumps(row))
        if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
            _save(path, network, optimiser, step, time.monotonic() - started)
            saved_at = time.monotonic()
    _save(path, network, optimiser, step, time.monotonic() - started)
    (folder / f"{name}.log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history))
    (folder / f"{name}.options.json").write_text(json.dumps(asdict(options), indent=1))
    return history


def _save(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, step: int, seconds: float) -> None:
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)
