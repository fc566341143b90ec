"""Train one network of the mouth ensemble."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from talkingface.training.augment import VoiceChange, augment_mel
from talkingface.training.examples import BatchShape, Example, mel_statistics, principal_components
from talkingface.training.loop import LoopOptions, RunFolder, fit
from talkingface.training.mouth_figures import predict, validate
from talkingface.training.mouth_loss import LossWeights, mouth_loss
from talkingface.training.mouth_network import MouthMotion
from talkingface.training.mouth_rows import MouthRows

log = logging.getLogger("talkingface.training")

CHANNELS = 128
BATCH = BatchShape()
REUSED = 4  # times a row is drawn in a training, about
VOICE = VoiceChange()
LOSS = LossWeights()


def rows_needed(steps: int) -> int:
    """Rows for a training of so many steps."""
    return max(BATCH.rows, steps * BATCH.rows // REUSED)


def new_network(examples: Sequence[Example], rows: MouthRows, seed: int, channels: int = CHANNELS) -> MouthMotion:
    """An untrained network with the statistics of its training data."""
    basis, mean, share = principal_components(examples)
    minutes = sum(example.clip.minutes for example in examples)
    log.info("%d clips, %.1f min; 16 components hold %.4f of their motion", len(examples), minutes, share)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MouthMotion(
            torch.from_numpy(basis),
            torch.from_numpy(mean),
            *mel_statistics(examples),
            *rows.speech_statistics(),
            channels,
        )


def train_member(
    train: Sequence[Example],
    rows: MouthRows,
    held: Sequence[Example],
    options: LoopOptions,
    run: RunFolder,
    channels: int = CHANNELS,
) -> MouthMotion:
    """Train one network on some people and watch it on others.

    Args:
        train: What it learns from.
        rows: Rows of that.
        held: Clips of other people; may be empty.
        options: Length, pace and seed.
        run: Where checkpoints lie.
        channels: Width of the network; tests take few.
    """
    network = new_network(train, rows, options.seed, channels)

    def loss(rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        sound, speech, target, exists, joined = rows.draw(rng, BATCH.rows)
        heard = augment_mel(network.normalise(sound), noise, VOICE)
        return mouth_loss(*network.move(heard, speech), target, exists, joined, LOSS)

    fit(network, loss, options, run, lambda: validate(partial(predict, network), held))
    return network
