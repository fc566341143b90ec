"""Train one network of the mouth ensemble."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from talkingface.training.augment import VoiceChange, augment_mel
from talkingface.training.examples import Batches, BatchShape, Example, mel_statistics, principal_components
from talkingface.training.loop import LoopOptions, RunFolder, fit
from talkingface.training.mouth_figures import predict, validate
from talkingface.training.mouth_loss import LossWeights, mouth_loss
from talkingface.training.mouth_network import MouthMotion

log = logging.getLogger("talkingface.training")

CHANNELS = 128
BATCH = BatchShape()
VOICE = VoiceChange()
LOSS = LossWeights()


def new_network(examples: Sequence[Example], seed: int, channels: int = CHANNELS) -> MouthMotion:
    """An untrained network with the statistics of its training data."""
    basis, mean, share = principal_components(examples)
    minutes = sum(example.clip.minutes for example in examples)
    log.info("%d clips, %.1f min; 16 components hold %.4f of their motion", len(examples), minutes, share)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MouthMotion(torch.from_numpy(basis), torch.from_numpy(mean), *mel_statistics(examples), channels)


def train_member(
    train: Sequence[Example],
    held: Sequence[Example],
    source_shares: Mapping[str, float],
    options: LoopOptions,
    run: RunFolder,
    channels: int = CHANNELS,
) -> MouthMotion:
    """Train one network on some people and watch it on others.

    Args:
        train: What it learns from.
        held: Clips of other people; may be empty.
        source_shares: Share of each source in a batch.
        options: Length, pace and seed.
        run: Where checkpoints lie.
        channels: Width of the network; tests take few.
    """
    network = new_network(train, options.seed, channels)
    batches = Batches(train, source_shares, BATCH)

    def loss(rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        sound, target, exists, joined = batches.draw(rng)
        heard = augment_mel(network.normalise(sound), noise, VOICE)
        return mouth_loss(network.decode(network.encoder(heard)), target, exists, joined, LOSS)

    fit(network, loss, options, run, lambda: validate(lambda e: predict(network, e.clip.mel), held))
    return network
