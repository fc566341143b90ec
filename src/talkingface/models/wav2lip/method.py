"""Wav2Lip as a method of ``dub``: its weights, its hearing, a pipeline for each person."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.result import weight_hashes
from talkingface.media.decibel_mel import DecibelMel
from talkingface.media.row_file import RowFile
from talkingface.models.video_retalking.emotion import Look
from talkingface.models.wav2lip.face_crops import FaceCropper
from talkingface.models.wav2lip.pads import Pads
from talkingface.models.wav2lip.pipeline import Wav2LipPipeline
from talkingface.progress import Cancellation

if TYPE_CHECKING:
    from talkingface.models.wav2lip.lip_runner import LipRunner  # loads torch

EMBEDDED_WEIGHTS = (
    "face_detector_short.onnx",
    "face_detector_full.onnx",
    "face_mesh_attention.onnx",
    "face_identity.onnx",
    "sync_expert.onnx",  # who speaks in a clip of several people
)


@dataclass(frozen=True)
class Wav2LipMethod:
    """See ``dubbing.method.DubMethod``.

    Attributes:
        runner: The network, ready.
        checkpoint: The file its weights came from.
        sha256: Of that file.
        dtype: What it computes in.
        device: Where.
        pads: Of the face's box.
        smooth: Steady the box in time.
        region: What is put back; see ``face_crops.paste_mask``.
    """

    runner: LipRunner
    checkpoint: Path
    sha256: str
    dtype: str
    device: str
    pads: Pads
    smooth: bool
    region: str
    name: str = "wav2lip"

    @property
    def why(self) -> str:
        """What speaks the lips."""
        return f"Wav2Lip by {self.checkpoint}, in {self.dtype} on {self.device}; its weights are not for commercial use"

    @property
    def key(self) -> Any:
        """The weights and all options that the dub's do not have."""
        return [self.name, self.sha256, self.dtype, self.device, str(self.pads), self.smooth, self.region]

    @property
    def weights(self) -> Mapping[str, str]:
        """SHA-256 of the checkpoint and of the embedded files that find faces."""
        return {**weight_hashes(EMBEDDED_WEIGHTS), self.checkpoint.name: self.sha256}

    def hear(self, speech: RowFile, folder: Path, cancel: Cancellation) -> DecibelMel:
        """The sound's spectrogram, made some columns at a time, with edges as Wav2Lip was trained with."""
        return DecibelMel(speech, mirrored=True)

    def pipeline(self, analysis: Analysis, folder: Path, look: Look | None, cancel: Cancellation) -> Wav2LipPipeline:
        """A pipeline for one person; expressions stay what they are."""
        rotation = analysis.clip.info.video[0].rotation
        cropper = FaceCropper(analysis.layout, rotation, self.region)
        return Wav2LipPipeline(self.runner, cropper, rotation, self.pads, self.smooth)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
