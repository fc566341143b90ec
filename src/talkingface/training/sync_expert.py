"""Train the landmark sync expert: it learns which sound belongs to which mouth motion, and judges dubs by it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from talkingface.training.augment import augment_mel
from talkingface.training.loop import LoopOptions, fit
from talkingface.training.mouth import Batches, Example
from talkingface.training.mouth_network import SyncExpert

log = logging.getLogger("talkingface.training")

BATCH, FRAMES = 20, 50
MAX_OFFSET = 15
NEVER = -1e4


def sync_loss(network: SyncExpert, mouth: Tensor, sound: Tensor, mask: Tensor) -> Tensor:
    """InfoNCE both ways: against every other moment of the clip, and against the same moment of other clips.

    Args:
        network: For its learned sharpness.
        mouth: (B, T, D) unit vectors.
        sound: (B, T, D) unit vectors.
        mask: (B, T) 1 where a frame exists.
    """
    batch, frames, _ = mouth.shape
    exists = mask.bool()
    scale = network.sharpness.exp()
    within = torch.einsum("btd,bud->btu", mouth, sound) * scale
    # one frame to either side is neither right nor wrong: sound and picture are rarely aligned better
    moments = torch.arange(frames)
    neighbour = (moments[:, None] - moments[None]).abs() == 1
    within = within.masked_fill(neighbour[None] | ~exists[:, None, :], NEVER)
    across = torch.einsum("btd,ctd->btc", mouth, sound) * scale
    same_clip = torch.eye(batch, dtype=torch.bool)[:, None, :]
    across = across.masked_fill(same_clip | ~exists.T[None], NEVER)
    labels = moments.repeat(batch)[exists.reshape(-1)]
    both = torch.cat([within, across], 2).reshape(batch * frames, -1)[exists.reshape(-1)]
    backward = within.transpose(1, 2).masked_fill(~exists[:, None, :], NEVER).reshape(batch * frames, -1)
    return functional.cross_entropy(both, labels) + 0.5 * functional.cross_entropy(
        backward[exists.reshape(-1)], labels
    )


def distance_curve(mouth: NDArray[np.floating], sound: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean distance of two embedding sequences (T, D) at every offset from -15 to 15 frames; nan where too short."""
    curve = np.full(2 * MAX_OFFSET + 1, np.nan)
    count = min(len(mouth), len(sound))
    for offset in range(-MAX_OFFSET, MAX_OFFSET + 1):
        low, high = max(0, -offset), min(count, count - offset)
        if high - low >= 12:
            likeness = (mouth[low:high] * sound[low + offset : high + offset]).sum(1)
            curve[offset + MAX_OFFSET] = np.sqrt(np.maximum(0, 2 - 2 * likeness)).mean()
    return curve


def embed(network: SyncExpert, example: Example) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mouth and sound embeddings of one example."""
    network.eval()
    with torch.inference_mode():
        mouth = network.embed_mouth(torch.from_numpy(example.displacement)[None])[0].numpy()
        sound = network.embed_sound(torch.from_numpy(example.clip.mel)[None])[0].numpy()
    return mouth, sound


def validate(network: SyncExpert, examples: Sequence[Example], min_frames: int = 28) -> dict[str, float]:
    """Confidence with the own and with another sound, and how often the offset is within one frame of zero."""
    pairs = [embed(network, e) for e in examples if len(e.displacement) >= min_frames]
    right, wrong, hits = [], [], []
    for index, (mouth, sound) in enumerate(pairs):
        curve = distance_curve(mouth, sound)
        right.append(np.nanmedian(curve) - np.nanmin(curve))
        hits.append(abs(int(np.nanargmin(curve)) - MAX_OFFSET) <= 1)
        other = distance_curve(mouth, pairs[(index + len(pairs) // 2) % len(pairs)][1])
        wrong.append(np.nanmedian(other) - np.nanmin(other))
    return {
        "confidence": float(np.mean(right)),
        "confidence_other_sound": float(np.mean(wrong)),
        "offset_within_one": float(np.mean(hits)),
    }


def train_sync_expert(
    train: Sequence[Example], held: Sequence[Example], basis: NDArray[np.float32], folder: Path,
    options: LoopOptions, resume: bool = False, name: str = "sync_expert",
) -> SyncExpert:  # fmt: skip
    """Train the expert on one set of people and watch it on another."""
    mel = np.concatenate([example.clip.mel[::4] for example in train])
    network = SyncExpert(
        torch.from_numpy(basis), torch.from_numpy(mel.mean(0)), torch.tensor(float(mel.std(0).mean()))
    )
    batches = Batches(train)

    def loss(step: int, rng: np.random.Generator, noise: torch.Generator) -> Tensor:
        sound, points, mask = batches.draw(rng, BATCH, FRAMES)
        features = network.mouth_features(points)
        gain = 0.7 + 0.7 * torch.rand(BATCH, 1, 1, generator=noise)
        jitter = 0.15 * torch.randn(features.shape, generator=noise)
        mouth = functional.normalize(network.mouth(features * gain + jitter), dim=1).transpose(1, 2)
        heard = ((sound - network.mel_mean) / network.mel_deviation).transpose(1, 2)
        voice = functional.normalize(network.sound(augment_mel(heard, noise)), dim=1).transpose(1, 2)
        return sync_loss(network, mouth, voice, mask)

    fit(network, loss, options, folder, name, resume, lambda: validate(network, held) if held else {})
    return network


def export(network: SyncExpert, path: Path) -> None:
    """Write ONNX: inputs ``points`` (1, T, 160) and ``mel`` (1, 4 T, 80), outputs ``mouth`` and ``sound`` (1, T, 96)."""
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 50, 160), torch.zeros(1, 200, 80)),
        str(path),
        input_names=["points", "mel"],
        output_names=["mouth", "sound"],
        dynamic_axes={
            "points": {1: "frames"},
            "mel": {1: "columns"},
            "mouth": {1: "frames"},
            "sound": {1: "sound_frames"},
        },
        opset_version=17,
        dynamo=False,
    )
