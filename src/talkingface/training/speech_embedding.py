"""Google's speech embedding in torch: what a moment of speech sounds like, learnt from far more speech than we have.

The network of Lin, Kilgour, Roblek and Sharifi, "Training Keyword Spotters with Limited and Synthesized Speech Data"
(ICASSP 2020), is Apache-2.0. It was trained to tell words of thousands apart in windows of 0.76 s (76 columns of
``PHONETIC_MEL``) and moves on by 80 ms. Here it is made dense: pooling in time no longer halves in the last step, and
what follows is dilated, so one pass gives a window every 40 ms, with the very numbers that the original gives for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from talkingface.errors import WeightsMissingError
from talkingface.media.mel import PHONETIC_BANDS
from talkingface.models.video_retalking.landmark.hearing import EMBEDDING_AFTER, EMBEDDING_BEFORE
from talkingface.weights.embedded import asset_path

EMBEDDING_VALUES = 96
HIDDEN_VALUES = 192  # of the block before the last, which hears 0.2 s to either side: closer to the moment
SPEECH_VALUES = EMBEDDING_VALUES + HIDDEN_VALUES
WINDOW_COLUMNS = 76
# channels and how a block pools (in time, in frequency); the first block has one convolution of 3 x 3 before its two
_BLOCKS = ((24, 2, (2, 2)), (48, 4, (1, 2)), (72, 4, (2, 2)), (96, 4, (1, 2)), (96, 4, (2, 2)))
_SLOPE, _LOWEST = 0.2, -0.4


class SpeechEmbedding(nn.Module):  # type: ignore[misc]  # torch is not followed: its stubs differ by build
    """Log-mel at 100 Hz to 288 numbers at 25 Hz: the embedding (96), and what its last block was made from (192).

    The embedding hears 0.38 s to either side.
    """

    def __init__(self) -> None:
        super().__init__()
        before = _BLOCKS[0][0]
        self.first = nn.Conv2d(1, before, 3, padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(before, eps=1e-3)
        layers: list[nn.Module] = []
        for channels, count, _ in _BLOCKS:
            for number in range(count):
                across_frequency = number % 2 == 0
                kernel, padding = ((1, 3), (0, 1)) if across_frequency else ((3, 1), (0, 0))
                layers.append(nn.Conv2d(before, channels, kernel, padding=padding))
                before = channels
        self.layers = nn.ModuleList(layers)
        self.last = nn.Conv2d(before, EMBEDDING_VALUES, (3, 1), dilation=(2, 1), bias=False)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, 32) columns of ``PHONETIC_MEL`` -> (B, (M - 76) // 4 + 1, 288); window k begins at column 4 k."""
        hidden = self._limited(self.norm(functional.relu(self.first(mel[:, None]))))
        place, before_last = 0, hidden
        for number, (_, count, pool) in enumerate(_BLOCKS):
            before_last = hidden
            for layer in self.layers[place : place + count]:
                hidden = self._limited(layer(hidden))
            place += count
            step = (1, 2) if number == len(_BLOCKS) - 1 else pool
            hidden = functional.max_pool2d(hidden, pool, step)
        embedding = self.last(hidden)[..., 0].transpose(1, 2)
        shorter = (before_last.shape[2] - embedding.shape[1]) // 2  # the middle of each window
        middle = before_last[:, :, shorter : shorter + embedding.shape[1]]
        return torch.cat([embedding, middle.permute(0, 2, 3, 1).flatten(2)], 2)

    @staticmethod
    def _limited(values: Tensor) -> Tensor:
        return functional.leaky_relu(values, _SLOPE).clamp_min(_LOWEST)


def padded_with_silence(mel: Tensor) -> Tensor:
    """(B, 4 T, 32) -> what gives T embeddings: each row's own quietest value stands for what is not known."""
    quiet = mel.amin((1, 2), keepdim=True)
    before = quiet.expand(-1, EMBEDDING_BEFORE, PHONETIC_BANDS)
    return torch.cat([before, mel, quiet.expand(-1, EMBEDDING_AFTER, PHONETIC_BANDS)], 1)


def load_speech_embedding(path: Path | None = None) -> SpeechEmbedding:
    """The trained network, frozen, from the ONNX file that ships (or another of its kind).

    Raises:
        WeightsMissingError: when the installation lacks it, or the file lacks weights of the network.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path or asset_path("speech_embedding.onnx"))).graph
    stored: dict[str, NDArray[np.float32]] = {
        weight.name.removesuffix(".half"): numpy_helper.to_array(weight).astype(np.float32)
        for weight in graph.initializer
    }
    network = SpeechEmbedding()
    wanted = [name for name in network.state_dict() if name != "norm.num_batches_tracked"]  # counts training steps
    missing = sorted(set(wanted) - set(stored))
    if missing:
        raise WeightsMissingError(f"{path or 'speech_embedding.onnx'}: has no {', '.join(missing)}")
    network.load_state_dict({name: torch.from_numpy(stored[name].copy()) for name in wanted}, strict=False)
    network.eval().requires_grad_(False)
    return network
