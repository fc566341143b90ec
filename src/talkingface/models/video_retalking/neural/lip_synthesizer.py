"""L-Net: the lips of a face, spoken (Cheng et al. 2022, section 3.2; spec section 2.3).

A face whose lower half is hidden and a reference of the same person, 96 x 96 **BGR** in 0..1, and 0.2 s of sound give
the whole face. The picture says who and where, by way of attention; the sound says what, by way of adaptive norms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from talkingface.models.clip_batches import clip_of, frames_of, speech_of
from talkingface.models.video_retalking.neural.fourier_block import FourierBlock
from talkingface.models.video_retalking.neural.picture_blocks import (
    HIDDEN,
    DownBlock,
    FinalBlock,
    FirstBlock,
    JumpBlock,
    UpBlock,
)
from talkingface.models.video_retalking.neural.reference_attention import ReferenceAttention
from talkingface.models.wav2lip.convolutions import speech_encoder


@dataclass(frozen=True)
class LipSynthesizerWidths:
    """How large an L-Net is; the defaults are the released network's.

    Attributes:
        pictures: Channels of the encoder at full, half, quarter and eighth size.
        speech: Channels of the sound's five stages; the last is the descriptor of the adaptive norms.
        hidden: Of the adaptive norms.
        heads: Of the attention.
        blocks: Fourier blocks at each size.
    """

    pictures: tuple[int, int, int, int] = (64, 128, 256, 512)
    speech: tuple[int, int, int, int, int] = (32, 64, 128, 256, 512)
    hidden: int = HIDDEN
    heads: int = 4
    blocks: int = 9

    def narrowed(self, divisor: int, blocks: int = 9) -> LipSynthesizerWidths:
        """The same network with layers so many times narrower (16 at most) and fewer blocks; for tests."""
        a, b, c, d = (width // divisor for width in self.pictures)
        s1, s2, s3, s4, s5 = (max(1, width // divisor) for width in self.speech)
        return replace(
            self,
            pictures=(a, b, c, d),
            speech=(s1, s2, s3, s4, s5),
            hidden=max(1, self.hidden // divisor),
            blocks=blocks,
        )


class LNet(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """The whole network. Call ``eval()`` before using it: its norms then use the statistics learnt in training."""

    def __init__(self, widths: LipSynthesizerWidths | None = None) -> None:
        """Build it with random weights.

        Args:
            widths: Of its layers; None for the released network's.
        """
        super().__init__()
        self.widths = widths or LipSynthesizerWidths()
        self.encoder = FaceEncoder(self.widths)
        self.decoder = FaceDecoder(self.widths)
        self.audio_encoder = speech_encoder(self.widths.speech)

    def forward(self, mel: Tensor, faces: Tensor) -> Tensor:
        """Speak.

        Args:
            mel: (N, 1, 80, 16) windows in -4..4, or (N, T, 1, 80, 16).
            faces: (N, 6, H, W) BGR in 0..1, or (N, 6, T, H, W): three channels of the face whose lower half is 0, three
                of the reference. The released weights know 96 x 96; sizes are multiples of 8 from 16 on.

        Returns:
            (N, 3, H, W) BGR in 0..1, or (N, 3, T, H, W).
        """
        if faces.dim() == 5:
            return clip_of(self(speech_of(mel), frames_of(faces)), faces.shape[0])
        masked, reference = faces.split(3, dim=1)
        return self.speak(self.speech(mel), masked, self.see(reference))

    def speech(self, mel: Tensor) -> Tensor:
        """(N, 1, 80, 16) -> (N, speech[4]): the sound's descriptors."""
        descriptor: Tensor = self.audio_encoder(mel).flatten(1)
        return descriptor

    def see(self, reference: Tensor) -> Tensor:
        """(N, 3, H, W) references, BGR in 0..1 -> (N, pictures[3], H / 8, W / 8): what is taken from them."""
        return self.encoder.see(reference)

    def speak(self, speech: Tensor, masked: Tensor, seen: Tensor) -> Tensor:
        """Speak, when sound and reference are known already.

        Args:
            speech: (N, speech[4]) from ``speech``.
            masked: (N, 3, H, W) BGR in 0..1, the lower half 0.
            seen: From ``see``, of N references or of one that all share.

        Returns:
            (N, 3, H, W) BGR in 0..1.
        """
        return self.decoder(self.encoder(masked, seen.expand(masked.shape[0], -1, -1, -1)), speech)


class FaceEncoder(nn.Module):  # type: ignore[misc]
    """Two ways down, of the masked face and of the reference, which meet at an eighth of the size."""

    def __init__(self, widths: LipSynthesizerWidths) -> None:
        """Build it with random weights."""
        super().__init__()
        steps = list(zip(widths.pictures[:-1], widths.pictures[1:], strict=True))
        self.first_inp = FirstBlock(3, widths.pictures[0], spectral=True)
        self.first_ref = FirstBlock(3, widths.pictures[0], spectral=True)
        for i, (inputs, outputs) in enumerate(steps):
            self.add_module(f"ref_down{i}", DownBlock(inputs, outputs, spectral=True))
            self.add_module(f"inp_down{i}", DownBlock(inputs, outputs, spectral=True))
        self.ca2 = ReferenceAttention(widths.pictures[-1], widths.heads)

    def see(self, reference: Tensor) -> Tensor:
        """The reference's way down, see ``LNet.see``."""
        features: Tensor = self.first_ref(reference)
        for down in (self.ref_down0, self.ref_down1, self.ref_down2):
            features = down(features)
        return features

    def forward(self, masked: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The masked face at full, half and quarter size, and both faces' channels at an eighth."""
        full = self.first_inp(masked)
        half = self.inp_down0(full)
        quarter = self.inp_down1(half)
        found = self.ca2(self.inp_down2(quarter), seen)
        return full, half, quarter, torch.cat([found, seen], dim=1)


class FaceDecoder(nn.Module):  # type: ignore[misc]
    """The way up: Fourier blocks that the sound steers, doubling, and what the encoder saw at that size."""

    def __init__(self, widths: LipSynthesizerWidths) -> None:
        """Build it with random weights."""
        super().__init__()
        full, half, quarter, eighth = widths.pictures
        for i, inputs, outputs in ((2, 2 * eighth, quarter), (1, quarter, half), (0, half, full)):
            self.add_module(f"res{i}", FourierBlocks(inputs, widths))
            self.add_module(f"up{i}", UpBlock(inputs, outputs, spectral=True))
            self.add_module(f"jump{i}", JumpBlock(outputs, spectral=True))
        self.final = FinalBlock(full, 3, spectral=True, squeeze=nn.Sigmoid())

    def forward(self, encoded: tuple[Tensor, Tensor, Tensor, Tensor], speech: Tensor) -> Tensor:
        """What ``FaceEncoder`` gives and (N, speech[4]) -> (N, 3, H, W) BGR in 0..1."""
        full, half, quarter, features = encoded
        features = self.up2(self.res2(features, speech)) + self.jump2(quarter)
        features = self.up1(self.res1(features, speech)) + self.jump1(half)
        features = self.up0(self.res0(features, speech)) + self.jump0(full)
        picture: Tensor = self.final(features)
        return picture


class FourierBlocks(nn.Module):  # type: ignore[misc]
    """Fourier blocks in a row, ``res0`` and on."""

    def __init__(self, channels: int, widths: LipSynthesizerWidths) -> None:
        """Build them with random weights."""
        super().__init__()
        for i in range(widths.blocks):
            self.add_module(f"res{i}", FourierBlock(channels, widths.speech[-1], widths.hidden))

    def forward(self, features: Tensor, speech: Tensor) -> Tensor:
        """(N, C, H, W) and (N, F) -> (N, C, H, W)."""
        for block in self.children():
            features = block(features, speech)
        return features
