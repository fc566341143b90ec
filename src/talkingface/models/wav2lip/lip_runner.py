"""Running the generator on batches of faces, on whatever device there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from talkingface.models.inference_folding import fold_for_inference
from talkingface.models.wav2lip.face_crops import SIDE

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class LipRunner:
    """Speaks the lips of faces; one call is one batch or several."""

    def __init__(self, network: Any, device: str = "cpu", dtype: str = "fp32", batch: int = 16) -> None:
        """Take a network, whose batch norms are folded into its weights.

        Args:
            network: A ``Wav2Lip`` with its weights, in float32 on the CPU; it is changed.
            device: ``cpu``, ``cuda`` or ``mps``.
            dtype: A key of ``DTYPES``.
            batch: Faces at a time. It is halved when the device's memory does not do.
        """
        fold_for_inference(network)
        self._network = network.to(device=device, dtype=DTYPES[dtype])
        self._device, self._dtype = device, DTYPES[dtype]
        self.batch = batch

    def __call__(self, faces: NDArray[np.uint8], mels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Speak.

        Args:
            faces: (N, 96, 96, 3) BGR.
            mels: (N, 80, 16) windows in -4..4.

        Returns:
            (N, 96, 96, 3) BGR 0..255.
        """
        made = np.empty(faces.shape, np.float32)
        start = 0
        while start < len(faces):
            stop = min(len(faces), start + self.batch)
            try:
                made[start:stop] = self._speak(faces[start:stop], mels[start:stop])
            except torch.cuda.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch //= 2
                continue
            start = stop
        return made

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _speak(self, faces: NDArray[np.uint8], mels: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(faces)
        # Always as many at a time, as libraries choose their algorithms by the number: which faces happen to be
        # together must not show in the last bits, or a job that was interrupted would go on with other frames.
        places = np.minimum(np.arange(self.batch), count - 1)
        pictures = torch.from_numpy(faces[places]).to(self._device).permute(0, 3, 1, 2).to(self._dtype) / 255
        sounds = torch.from_numpy(np.ascontiguousarray(mels[places]))[:, None].to(self._device, self._dtype)
        masked = pictures.clone()
        masked[:, :, SIDE // 2 :] = 0
        spoken = self._network(sounds, torch.cat([masked, pictures], 1))[:count]
        return np.asarray((spoken.float() * 255).permute(0, 2, 3, 1).cpu().numpy())
