"""Running the generator on batches of faces, on whatever device there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last
from talkingface.models.video_retalking.neural.devices import Batches
from talkingface.models.wav2lip.face_crops import SIDE

USUAL_BATCH = 16


class LipRunner:
    """Speaks the lips of faces; one call is one batch or several."""

    def __init__(
        self, network: Any, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, batch: int = 0
    ) -> None:
        """Take a network, whose batch norms are folded into its weights, which are laid channels last.

        Args:
            network: A ``Wav2Lip`` with its weights, in float32 on the CPU; it is changed.
            device: Where it is to run.
            dtype: What it computes in.
            batch: Faces at a time, 0 for ``USUAL_BATCH``. It is halved when memory does not do.
        """
        fold_for_inference(network)
        lay_channels_last(network)
        self._network = network.to(device=device, dtype=dtype)
        self._device, self._dtype = device, dtype
        self._batches = Batches(batch or USUAL_BATCH)

    @property
    def batch(self) -> int:
        """Faces at a time."""
        return self._batches.size

    def __call__(self, faces: NDArray[np.uint8], mels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Speak.

        Args:
            faces: (N, 96, 96, 3) BGR.
            mels: (N, 80, 16) windows in -4..4.

        Returns:
            (N, 96, 96, 3) BGR 0..255.
        """

        def speak(places: Sequence[int]) -> list[NDArray[np.float32]]:
            # Always as many at a time, as libraries choose their algorithms by the number: which faces happen to be
            # together must not show in the last bits, or a job that was interrupted would go on with other frames.
            full = [*places, *[places[-1]] * (self.batch - len(places))]
            return list(self._speak(faces[full], mels[full])[: len(places)])

        return np.stack(self._batches.run(speak, range(len(faces))))

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _speak(self, faces: NDArray[np.uint8], mels: NDArray[np.float32]) -> NDArray[np.float32]:
        pictures = torch.from_numpy(faces).to(self._device).permute(0, 3, 1, 2).to(self._dtype) / 255
        sounds = torch.from_numpy(mels)[:, None].to(self._device, self._dtype)
        masked = pictures.clone()
        masked[:, :, SIDE // 2 :] = 0
        shown = torch.cat([masked, pictures], 1).contiguous(memory_format=torch.channels_last)
        spoken = self._network(sounds, shown)
        return np.asarray((spoken.float() * 255).permute(0, 2, 3, 1).cpu().numpy())
