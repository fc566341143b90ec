"""SyncNet v2 (Chung and Zisserman 2016, as released): one network for lips, one for sound, embeddings of one size.

The state dict has the released weights' keys and shapes. An embedding is not normalised: distances between them are
Euclidean and mean something only for the weights that made them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

WINDOW_FRAMES = 5  # 0.2 s at 25 frames a second


@dataclass(frozen=True)
class SyncNetWidths:
    """How many channels each layer has; the defaults are the released network's.

    Attributes:
        sound: Of the six convolutions of the sound's side.
        lips: Of the six convolutions of the lips' side.
        hidden: Of the layer between the convolutions and the embedding.
        embedding: Numbers of an embedding.
    """

    sound: tuple[int, int, int, int, int, int] = (64, 192, 384, 256, 256, 512)
    lips: tuple[int, int, int, int, int, int] = (96, 256, 256, 256, 256, 512)
    hidden: int = 512
    embedding: int = 1024

    def narrowed(self, divisor: int) -> SyncNetWidths:
        """The same network with every layer so many times narrower, for tests; it runs none of the released weights."""

        def narrow(widths: tuple[int, int, int, int, int, int]) -> tuple[int, int, int, int, int, int]:
            a, b, c, d, e, f = (max(1, width // divisor) for width in widths)
            return a, b, c, d, e, f

        return replace(
            self,
            sound=narrow(self.sound),
            lips=narrow(self.lips),
            hidden=max(1, self.hidden // divisor),
            embedding=max(1, self.embedding // divisor),
        )


class SyncNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Both networks. Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: SyncNetWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or SyncNetWidths()
        a1, a2, a3, a4, a5, a6 = self.widths.sound
        self.netcnnaud = nn.Sequential(
            *_layer_2d(1, a1, (3, 3), 1),
            nn.MaxPool2d((1, 1), (1, 1)),  # changes nothing; the released network counts it
            *_layer_2d(a1, a2, (3, 3), 1),
            nn.MaxPool2d((3, 3), (1, 2)),
            *_layer_2d(a2, a3, (3, 3), 1),
            *_layer_2d(a3, a4, (3, 3), 1),
            *_layer_2d(a4, a5, (3, 3), 1),
            nn.MaxPool2d((3, 3), (2, 2)),
            *_layer_2d(a5, a6, (5, 4), 0),
        )
        v1, v2, v3, v4, v5, v6 = self.widths.lips
        self.netcnnlip = nn.Sequential(
            *_layer_3d(3, v1, (WINDOW_FRAMES, 7, 7), 2, 0),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer_3d(v1, v2, (1, 5, 5), 2, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer_3d(v2, v3, (1, 3, 3), 1, 1),
            *_layer_3d(v3, v4, (1, 3, 3), 1, 1),
            *_layer_3d(v4, v5, (1, 3, 3), 1, 1),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer_3d(v5, v6, (1, 6, 6), 1, 0),
        )
        self.netfcaud = _head(a6, self.widths)
        self.netfclip = _head(v6, self.widths)

    def forward_aud(self, mfcc: Tensor) -> Tensor:
        """(N, 1, 13, 20) MFCC of int16 samples, coefficients by columns -> (N, embedding)."""
        features: Tensor = self.netcnnaud(mfcc)
        embeddings: Tensor = self.netfcaud(features.flatten(1))
        return embeddings

    def forward_lip(self, lips: Tensor) -> Tensor:
        """(N, 3, 5, 224, 224) BGR pictures, 0..255, float -> (N, embedding)."""
        features: Tensor = self.netcnnlip(lips)
        embeddings: Tensor = self.netfclip(features.flatten(1))
        return embeddings

    def forward_frames(self, frames: Tensor) -> Tensor:
        """Every window of consecutive frames, without laying each frame out five times.

        Args:
            frames: (3, T, 224, 224) BGR pictures, 0..255, float, T >= 5.

        Returns:
            (T - 4, embedding); row k is ``forward_lip`` of frames k to k + 4. Only the first convolution sees more than
            one moment, so its steps in time are the windows.
        """
        features: Tensor = self.netcnnlip(frames[None])
        embeddings: Tensor = self.netfclip(features[0, :, :, 0, 0].T)
        return embeddings


def small_syncnet(divisor: int = 16, seed: int = 0) -> SyncNet:
    """A narrow network with weights drawn from a seed, for tests and for measuring memory; it knows nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SyncNet(SyncNetWidths().narrowed(divisor))
    network.eval()
    return network


def _layer_2d(inputs: int, outputs: int, kernel: tuple[int, int], padding: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _layer_3d(
    inputs: int, outputs: int, kernel: tuple[int, int, int], stride: int, padding: int
) -> tuple[nn.Module, ...]:
    around = (0, padding, padding)
    convolution = nn.Conv3d(inputs, outputs, kernel, stride=(1, stride, stride), padding=around)
    return convolution, nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)


def _head(inputs: int, widths: SyncNetWidths) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, widths.hidden),
        nn.BatchNorm1d(widths.hidden),
        nn.ReLU(),
        nn.Linear(widths.hidden, widths.embedding),
    )
