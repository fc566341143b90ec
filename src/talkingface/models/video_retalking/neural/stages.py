"""The three stages on the networks, each for some frames at a time: canonicalise, speak, refine.

Between the stages pictures are tensors where the networks run. RGB in -1..1 for D-Net and the restorers, BGR in 0..1
for L-Net and E-Net, as each was trained. Maps (N, 2, 3) carry places of the wanted picture to places of the other one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from talkingface.models.video_retalking.neural.face_frames import undone
from talkingface.models.video_retalking.neural.network_set import NetworkSet
from talkingface.models.video_retalking.neural.settings import NeuralSettings
from talkingface.models.video_retalking.neural.square_crop import sampled
from talkingface.models.video_retalking.neural.upper_face_emotion import ACTION_UNITS
from talkingface.restore.face_mask import FACE, MOUTH, region, softened

Maps = NDArray[np.float64]
EMOTION_SIZE = 128  # pixels across that GANimation was trained at
# by action unit (FACS). Angry and surprise are the released program's; its sad is nothing at all. Only the upper half
# of the face is taken of it, so a sad mouth's corners and a smile's count for what they do to the cheeks and lids.
EMOTION_UNITS = {
    "angry": {4: 0.3},
    "surprise": {5: 0.2},
    "sad": {1: 0.3, 4: 0.2, 15: 0.2},
    "happy": {6: 0.3, 12: 0.3},
}


class Refined(NamedTuple):
    """What stage 3 makes of spoken faces, aligned as the restorer wants them.

    Attributes:
        picture: (N, 3, S, S) BGR in 0..1, restored.
        share: (N, 1, S, S) 0..1, how much of it is shown.
        face: (N, 1, S, S) 0..1, where there is skin that a new face may lie on.
    """

    picture: Tensor
    share: Tensor
    face: Tensor


class CanonicalStage:
    """Stage 1: the same expression in every frame, by D-Net, with detail given back by GPEN when that is wanted."""

    def __init__(self, networks: NetworkSet) -> None:
        self.networks = networks

    def __call__(self, crops: Tensor, windows: Tensor) -> Tensor:
        """(N, 3, 256, 256) RGB in -1..1 and (N, 73, 26) -> (N, 3, 256, 256) RGB in -1..1."""
        edited: Tensor = self.networks.editor(crops, windows).fake_image
        return edited.clamp(-1, 1)

    def enhanced(self, faces: Tensor, to_crop: Maps) -> Tensor:
        """Restore canonical faces.

        Args:
            faces: From a call.
            to_crop: From the restorer's aligned picture to the crop, both by 256 and S pixels.

        Returns:
            (N, 3, S, S) RGB in -1..1: the crops at the restorer's own size, so that what it adds is not lost again.
        """
        restorer, parser = self.networks.reference_restorer, self.networks.parser
        assert restorer is not None and parser is not None  # the settings say that both are there
        size = restorer.widths.size
        aligned = sampled(faces, to_crop, size, size, torch.zeros_like(faces[:, :, :1, :1]))
        restored = restorer(aligned).clamp(-1, 1)
        mask = softened(region(parser.parse(aligned), FACE).float()).to(aligned.dtype)
        mixed = torch.lerp(aligned, restored, mask)
        large = functional.interpolate(faces, size=(size, size), mode="bilinear", align_corners=False)
        scale = np.array([faces.shape[-1] / size])
        back = np.stack([undone(one) for one in to_crop])  # from the crop by 256 pixels to the aligned picture
        back = np.concatenate([back[..., :2] * scale, back[..., 2:]], -1)
        return sampled(mixed, back, size, size, large)


class SpeakingStage:
    """Stage 2: lips, by L-Net, enlarged by E-Net."""

    def __init__(self, networks: NetworkSet) -> None:
        self.networks = networks
        self.size = 4 * networks.upsampler.widths.low_size

    def reference(self, canonical: Tensor, to_crop: Maps, faces: Tensor) -> Tensor:
        """What L-Net sees of the person: the canonical face in the frame's box.

        Args:
            canonical: (N, 3, C, C) RGB in -1..1.
            to_crop: From the box's picture to the canonical one.
            faces: (N, 3, 384, 384) BGR in 0..1, the frames' boxes, for what lies beyond the canonical picture.
        """
        picture = (canonical.flip(1) + 1) / 2
        return sampled(picture, to_crop, self.size, self.size, faces)

    def __call__(self, mel: Tensor, faces: Tensor, references: Tensor) -> Tensor:
        """(N, 1, 80, 16) and two of (N, 3, 384, 384), BGR in 0..1 -> the same faces, speaking, BGR in 0..1."""
        masked = faces.clone()
        masked[:, :, self.size // 2 :] = 0
        made = self.networks.upsampler(mel, torch.cat([masked, references], 1), references, self.networks.lip_noise)
        spoken: Tensor = made.image.clamp(0, 1)
        return spoken


class RefiningStage:
    """Stage 3: detail, by a restorer, in the mouth's region or the face."""

    def __init__(self, networks: NetworkSet, settings: NeuralSettings) -> None:
        self.networks = networks
        self.settings = settings
        self.size = 0 if networks.restorer is None else networks.restorer.widths.size

    def __call__(self, aligned: Tensor, spoken: Tensor, to_box: Maps) -> Refined | None:
        """Restore.

        Args:
            aligned: (N, 3, S, S) BGR in 0..1, the frames, aligned as the restorer wants them.
            spoken: (N, 3, 384, 384) BGR in 0..1, from stage 2.
            to_box: From the aligned picture to the spoken one.

        Returns:
            None when nothing is to be restored.
        """
        restorer, parser = self.networks.restorer, self.networks.parser
        if restorer is None or parser is None:
            return None
        pasted = sampled(spoken, to_box, self.size, self.size, aligned).flip(1) * 2 - 1
        if self.settings.enhancer == "gfpgan":
            restored = restorer.restore(pasted, self.networks.restorer_noise)
        else:
            restored = restorer(pasted)
        side = min(self.settings.parsed_at, self.size)
        small = pasted if side == self.size else functional.interpolate(pasted, size=(side, side), mode="area")
        logits = parser.parse(small)
        face = self._enlarged(softened(region(logits, FACE).float()))
        share = face if self.settings.enhance == "face" else self._enlarged(softened(region(logits, MOUTH).float()))
        restored = self._own_colour(restored.float().clamp(-1, 1), pasted.float(), face)
        return Refined((restored.flip(1) + 1) / 2, share, face)

    def _enlarged(self, mask: Tensor) -> Tensor:
        if mask.shape[-1] == self.size:
            return mask
        return functional.interpolate(mask, size=(self.size, self.size), mode="bilinear", align_corners=False)

    @staticmethod
    def _own_colour(restored: Tensor, given: Tensor, face: Tensor) -> Tensor:
        """Restorers shift a skin's tone: give back the face's mean colour."""
        weight = face / face.sum((2, 3), keepdim=True).clamp(min=1)
        return (restored + ((given - restored) * weight).sum((2, 3), keepdim=True)).clamp(-1, 1)


class EmotionStage:
    """Beside stage 2: what an emotion changes in the upper half of the face, by GANimation."""

    def __init__(self, networks: NetworkSet, settings: NeuralSettings) -> None:
        self.network = networks.emotion
        units = EMOTION_UNITS.get(settings.emotion, {})
        strengths = [settings.strength * units.get(unit, 0.0) for unit in ACTION_UNITS]
        self.units = torch.tensor([strengths], device=networks.device, dtype=networks.dtype)

    def __call__(self, faces: Tensor) -> Tensor | None:
        """(N, 3, 384, 384) BGR in 0..1 -> what is to be added to them, the same shape; None for no emotion.

        Only the difference is enlarged, so that the frame's own detail stays sharp.
        """
        if self.network is None:
            return None
        small = functional.interpolate(faces, size=(EMOTION_SIZE, EMOTION_SIZE), mode="area") * 2 - 1
        changed = self.network.express(small, self.units.expand(len(faces), -1))
        size = faces.shape[-2:]
        difference = (changed - small).float() / 2
        return functional.interpolate(difference, size=size, mode="bicubic", align_corners=False)
