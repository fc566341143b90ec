"""The two small networks of the landmark backend, in torch: audio to mouth motion, and the landmark sync expert."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

BANDS = 80
COMPONENTS = 16
MOUTH_VALUES = 160
EXPERT_DILATIONS, EXPERT_DROPOUT = (1, 2, 4, 4), 0.3  # 12 frames to either side


class MelEncoder(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Log-mel at 100 Hz to features at 25 Hz: two strided convolutions, then dilated residual blocks.

    With dilations 1, 2, 4, 3, 2 one output frame sees 12 frames (0.48 s) to either side.
    """

    def __init__(self, outputs: int, channels: int, dilations: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv1d(BANDS, channels, 5, padding=2),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.GELU(),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm1d(channels),
                nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
                nn.GELU(),
                nn.Dropout(dropout),
                nn.Conv1d(channels, channels, 1),
            )
            for dilation in dilations
        )
        self.out = nn.Conv1d(channels, outputs, 1)

    def forward(self, mel: Tensor, told: Tensor | None = None) -> Tensor:
        """(B, 80, 4 T) normalised log-mel, and (B, channels, T) of another source if any -> (B, outputs, T)."""
        hidden = self.down(mel)
        if told is not None:
            hidden = hidden + told
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.out(hidden)


class MouthMotion(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Speech to the displacement of 80 mouth and jaw points from the closed mouth, and to whether the lips are closed.

    It hears log-mel, which says when, and a speech embedding, which says what: that was trained on far more voices than
    there are faces to learn from. 16 outputs weigh principal components of real mouths: no shape it can make is
    far from one. A squared error shrinks rare and short closures away, so another output tells them apart.
    """

    def __init__(
        self, basis: Tensor, mean: Tensor, mel_mean: Tensor, mel_deviation: Tensor, speech_mean: Tensor,
        speech_deviation: Tensor, channels: int = 128, dropout: float = 0.15,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder = MelEncoder(COMPONENTS + 1, channels, (1, 2, 4, 3, 2), dropout)
        self.speech = nn.Sequential(nn.Dropout(dropout), nn.Conv1d(len(speech_mean), channels, 1))
        self.register_buffer("basis", basis)  # (16, 160), each row scaled to one standard deviation
        self.register_buffer("mean", mean)  # (160,)
        self.register_buffer("mel_mean", mel_mean)  # (80,)
        self.register_buffer("mel_deviation", mel_deviation)  # ()
        self.register_buffer("speech_mean", speech_mean)  # (288,)
        self.register_buffer("speech_deviation", speech_deviation)  # (288,)

    def normalise(self, mel: Tensor) -> Tensor:
        """(B, 4 T, 80) log-mel -> (B, 80, 4 T), zero mean a band, unit deviation overall."""
        return ((mel - self.mel_mean) / self.mel_deviation).transpose(1, 2)

    def move(self, heard: Tensor, speech: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised log-mel (B, 80, 4 T) and embedding (B, T, 288) -> as ``forward``."""
        told = self.speech(((speech - self.speech_mean) / self.speech_deviation).transpose(1, 2))
        outputs = self.encoder(heard, told).transpose(1, 2)
        return outputs[..., :COMPONENTS] @ self.basis + self.mean, outputs[..., COMPONENTS]

    def forward(self, mel: Tensor, speech: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel (B, 4 T, 80) and embedding (B, T, 288) -> displacements (B, T, 160) and log odds of closed (B, T).

        Displacements are x, y of each point in turn.
        """
        return self.move(self.normalise(mel), speech)


class Ensemble(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The mean of several trained ``MouthMotion`` networks, as one network."""

    def __init__(self, members: list[MouthMotion]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, mel: Tensor, speech: Tensor) -> tuple[Tensor, Tensor]:
        """As ``MouthMotion``."""
        displacements, closed = zip(*(member(mel, speech) for member in self.members), strict=True)
        return torch.stack(displacements).mean(0), torch.stack(closed).mean(0)


class SyncExpert(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Embeds a second of mouth motion and of sound so that what belongs together lies together (after Chung 2016).

    Both towers give unit vectors on the 25 Hz grid; their distance lies between 0 and 2.
    """

    def __init__(
        self, basis: Tensor, mel_mean: Tensor, mel_deviation: Tensor, channels: int = 128, size: int = 96
    ) -> None:
        super().__init__()
        self.register_buffer("basis", basis)  # (16, 160)
        self.register_buffer("inverse", torch.linalg.pinv(basis))  # (160, 16)
        self.register_buffer("mel_mean", mel_mean)
        self.register_buffer("mel_deviation", mel_deviation)
        self.sound = MelEncoder(size, channels, EXPERT_DILATIONS, EXPERT_DROPOUT)
        layers: list[nn.Module] = [nn.Conv1d(2 * COMPONENTS, channels, 1), nn.GELU()]
        for dilation in EXPERT_DILATIONS:
            layers += [
                nn.BatchNorm1d(channels),
                nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
                nn.GELU(),
                nn.Dropout(EXPERT_DROPOUT),
            ]
        self.mouth = nn.Sequential(*layers, nn.Conv1d(channels, size, 1))
        self.sharpness = nn.Parameter(torch.tensor(2.3))

    def mouth_features(self, points: Tensor) -> Tensor:
        """(B, T, 160) mouth points -> (B, 32, T): centred, amplitude-free component weights and their rate."""
        weights = (points - points.mean(1, keepdim=True)) @ self.inverse
        size = weights.square().mean((1, 2), keepdim=True).sqrt().clamp_min(0.15)
        weights = (weights / size).clamp(-6, 6)
        rate = torch.zeros_like(weights)
        rate[:, 1:-1] = weights[:, 2:] - weights[:, :-2]
        return torch.cat([weights, rate], 2).transpose(1, 2)

    def embed_mouth(self, points: Tensor) -> Tensor:
        """(B, T, 160) mouth points -> (B, T, 96) unit vectors."""
        return functional.normalize(self.mouth(self.mouth_features(points)), dim=1).transpose(1, 2)

    def embed_sound(self, mel: Tensor) -> Tensor:
        """(B, 4 T, 80) log-mel -> (B, T, 96) unit vectors."""
        normalised = ((mel - self.mel_mean) / self.mel_deviation).transpose(1, 2)
        return functional.normalize(self.sound(normalised), dim=1).transpose(1, 2)

    def forward(self, points: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Both embeddings."""
        return self.embed_mouth(points), self.embed_sound(mel)
