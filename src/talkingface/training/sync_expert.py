"""Train a landmark sync expert: it learns which sound belongs to which mouth motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from talkingface.training.augment import VoiceChange, augment_mel, mirror_places, mirror_some
from talkingface.training.examples import Batches, BatchShape, Example, mel_statistics, principal_components
from talkingface.training.loop import LoopOptions, RunFolder, fit
from talkingface.training.mouth_data import MEL_PER_FRAME
from talkingface.training.mouth_network import COMPONENTS, SyncExpert

BATCH = BatchShape(rows=28, frames=36, chained=False, tempo=0.1)
VOICE = VoiceChange(bands=8.0, babble=0.15, masks=3)
JITTER, MIXING = 0.3, 0.1  # of mouth features: of every number, and of every component into every other
MAX_OFFSET = 15
MIN_OVERLAP = 12
MIN_FRAMES = 28
NEVER = -1e4
SURE = 0.2  # confidence from which an offset is believed


def sync_loss(network: SyncExpert, mouth: Tensor, sound: Tensor, exists: Tensor) -> Tensor:
    """InfoNCE both ways: against every other moment of the clip, and against the same moment of other clips.

    Args:
        network: For its learned sharpness.
        mouth: (B, T, D) unit vectors.
        sound: (B, T, D) unit vectors.
        exists: (B, T) 1 where a frame exists.

    Returns:
        A scalar.
    """
    batch, frames, _ = mouth.shape
    real = exists.bool()
    scale = network.sharpness.exp()
    within = torch.einsum("btd,bud->btu", mouth, sound) * scale
    # one frame to either side is neither right nor wrong: sound and picture are rarely aligned better
    moments = torch.arange(frames)
    neighbour = (moments[:, None] - moments[None]).abs() == 1
    forward = within.masked_fill(neighbour[None] | ~real[:, None, :], NEVER)
    backward = within.transpose(1, 2).masked_fill(neighbour[None] | ~real[:, None, :], NEVER)
    across = torch.einsum("btd,ctd->btc", mouth, sound) * scale
    same_clip = torch.eye(batch, dtype=torch.bool)[:, None, :]
    across = across.masked_fill(same_clip | ~real.T[None], NEVER)
    chosen = real.reshape(-1)
    labels = moments.repeat(batch)[chosen]
    both = torch.cat([forward, across], 2).flatten(0, 1)[chosen]
    return functional.cross_entropy(both, labels) + 0.5 * functional.cross_entropy(
        backward.flatten(0, 1)[chosen], labels
    )


def distance_curve(mouth: NDArray[np.floating], sound: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean distance of two embedding sequences (T, D) at every offset from -15 to 15 frames, (31,).

    At offset d the mouth of frame k is compared with the sound of frame k + d; nan where fewer than 12 frames meet.
    """
    curve = np.full(2 * MAX_OFFSET + 1, np.nan)
    count = min(len(mouth), len(sound))
    for offset in range(-MAX_OFFSET, MAX_OFFSET + 1):
        low, high = max(0, -offset), min(count, count - offset)
        if high - low >= MIN_OVERLAP:
            likeness = (mouth[low:high] * sound[low + offset : high + offset]).sum(1)
            curve[offset + MAX_OFFSET] = np.sqrt(np.maximum(0, 2 - 2 * likeness)).mean()
    return curve


@dataclass(frozen=True)
class SyncReading:
    """What the expert says of a clip.

    Attributes:
        offset: Frames of 1/25 s that the sound lies behind the mouth.
        confidence: Median minus least distance over all offsets; about 0.1 when sound and mouth do not belong together.
    """

    offset: int
    confidence: float


def read_curve(curve: NDArray[np.float64]) -> SyncReading:
    """Offset and confidence of a distance curve."""
    return SyncReading(int(np.nanargmin(curve)) - MAX_OFFSET, float(np.nanmedian(curve) - np.nanmin(curve)))


def embed(network: SyncExpert, example: Example) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mouth and sound embeddings of one example."""
    network.eval()
    with torch.inference_mode():
        mouth, sound = network(
            torch.from_numpy(example.displacement)[None], torch.from_numpy(np.ascontiguousarray(example.clip.mel))[None]
        )
        return mouth[0].numpy(), sound[0].numpy()


def validate(network: SyncExpert, examples: Sequence[Example], min_frames: int = MIN_FRAMES) -> dict[str, float]:
    """Confidence with the own and with another sound, and how often the offset is within one frame of zero."""
    pairs = [embed(network, example) for example in examples if len(example.displacement) >= min_frames]
    if not pairs:
        return {"clips": 0.0}
    own = [read_curve(distance_curve(mouth, sound)) for mouth, sound in pairs]
    other = [
        read_curve(distance_curve(mouth, pairs[(number + len(pairs) // 2) % len(pairs)][1]))
        for number, (mouth, _) in enumerate(pairs)
    ]
    return {
        "confidence": float(np.mean([reading.confidence for reading in own])),
        "confidence_other_sound": float(np.mean([reading.confidence for reading in other])),
        "offset_within_one": float(np.mean([abs(reading.offset) <= 1 for reading in own])),
        "clips": float(len(pairs)),
    }


def agreement(first: SyncExpert, second: SyncExpert, examples: Sequence[Example]) -> dict[str, float]:
    """How often two experts find the same offset, within one frame: of all clips, and where both are sure.

    Clips of ``MIN_FRAMES`` and more count; sure is a confidence of at least ``SURE``.
    """
    long_enough = [example for example in examples if len(example.displacement) >= MIN_FRAMES]
    readings = [
        [read_curve(distance_curve(*embed(network, example))) for network in (first, second)] for example in long_enough
    ]
    alike = np.array([abs(one.offset - other.offset) <= 1 for one, other in readings])
    sure = np.array([min(one.confidence, other.confidence) >= SURE for one, other in readings], bool)
    return {
        "all": float(alike.mean()) if len(alike) else float("nan"),
        "sure": float(alike[sure].mean()) if sure.any() else float("nan"),
        "clips": float(len(alike)),
        "sure_clips": float(sure.sum()),
    }


def realign(
    network: SyncExpert, examples: Sequence[Example], largest: int = 1, least_confidence: float = 0.3
) -> list[Example]:
    """Move the sound of clips whose own offset the expert is sure of; offsets beyond ``largest`` frames are left."""
    aligned = []
    for example in examples:
        reading = None
        if len(example.displacement) >= MIN_FRAMES:
            reading = read_curve(distance_curve(*embed(network, example)))
        if reading and reading.offset and abs(reading.offset) <= largest and reading.confidence >= least_confidence:
            example = moved(example, reading.offset)
        aligned.append(example)
    return aligned


def moved(example: Example, offset: int) -> Example:
    """The example with its sound moved: frame k then hears what frame k + ``offset`` heard."""
    count = len(example.displacement) - abs(offset)
    mouth_start, sound_start = max(0, -offset), max(0, offset)
    columns = slice(sound_start * MEL_PER_FRAME, (sound_start + count) * MEL_PER_FRAME)
    clip = replace(
        example.clip,
        shape=example.clip.shape[mouth_start : mouth_start + count],
        mel=example.clip.mel[columns],
        phonetic=example.clip.phonetic[columns],
    )
    return Example(clip, example.displacement[mouth_start : mouth_start + count])


def mixed(features: Tensor, noise: torch.Generator) -> Tensor:
    """Mouth features (B, 32, T) of other faces: components mix a little, alike in all frames, rates as their values."""
    matrix = torch.eye(COMPONENTS) + MIXING * torch.randn(len(features), COMPONENTS, COMPONENTS, generator=noise)
    return torch.cat([matrix @ features[:, :COMPONENTS], matrix @ features[:, COMPONENTS:]], 1)


def train_sync_expert(
    train: Sequence[Example],
    held: Sequence[Example],
    source_shares: Mapping[str, float],
    options: LoopOptions,
    run: RunFolder,
) -> SyncExpert:
    """Train the expert on one set of people and watch it on another."""
    basis, _, _ = principal_components(train)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        network = SyncExpert(torch.from_numpy(basis), *mel_statistics(train))
    batches = Batches(train, source_shares, BATCH)
    places = mirror_places(np.mean([example.clip.shape.mean(0) for example in train], 0))

    def loss(rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        batch = batches.draw(rng)
        sound, points, exists = batch.mel, batch.target, batch.exists
        features = network.mouth_features(mirror_some(points, places, noise))
        gain = 0.7 + 0.7 * torch.rand(len(points), 1, 1, generator=noise)
        jitter = JITTER * torch.randn(features.shape, generator=noise)
        features = mixed(features, noise) * gain + jitter
        mouth = functional.normalize(network.mouth(features), dim=1).transpose(1, 2)
        heard = ((sound - network.mel_mean) / network.mel_deviation).transpose(1, 2)
        voice = functional.normalize(network.sound(augment_mel(heard, noise, VOICE)), dim=1).transpose(1, 2)
        return sync_loss(network, mouth, voice, exists)

    fit(network, loss, options, run, lambda: validate(network, held))
    return network
