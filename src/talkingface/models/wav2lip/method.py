"""Wav2Lip as a method of ``dub``: its weights, and a pipeline for each person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.dubbing.analysis_store import Analysis
from talkingface.models.wav2lip.face_crops import FaceCropper
from talkingface.models.wav2lip.pipeline import Wav2LipPipeline
from talkingface.options import Pads
from talkingface.progress import Cancellation

if TYPE_CHECKING:
    from talkingface.models.wav2lip.lip_runner import LipRunner  # loads torch


@dataclass(frozen=True)
class Wav2LipMethod:
    """See ``dubbing.method.DubMethod``.

    Attributes:
        runner: The network, ready.
        checkpoint: The file its weights came from.
        where: The device it runs on and what it computes in.
        pads: Of the face's box.
        smooth: Steady the box in time.
        region: What is put back; see ``face_crops.paste_mask``.
    """

    runner: LipRunner
    checkpoint: Path
    where: str
    pads: Pads
    smooth: bool
    region: str
    name: str = "wav2lip"

    @property
    def why(self) -> str:
        """What speaks the lips."""
        return f"Wav2Lip by {self.checkpoint}, {self.where}; its weights are not for commercial use"

    @property
    def key(self) -> Any:
        """All that the dub's options do not have."""
        return [self.where, str(self.pads), self.smooth, self.region]

    @property
    def files(self) -> Mapping[str, Path]:
        """The checkpoint."""
        return {self.checkpoint.name: self.checkpoint}

    def pipeline(self, analysis: Analysis, folder: Path, cancel: Cancellation) -> Wav2LipPipeline:
        """A pipeline for one person."""
        rotation = analysis.clip.info.video[0].rotation
        cropper = FaceCropper(analysis.layout, rotation, self.region)
        return Wav2LipPipeline(self.runner, cropper, rotation, self.pads, self.smooth)
