"""SyncNet at work: pictures and sound in, an embedding for each window of 0.2 s out, in memory that hardly grows.

Windows begin at ticks of 40 ms. Pictures pass through in small groups; only embeddings are kept (4 kB a window).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from talkingface.errors import OptionError
from talkingface.media.mfcc import COLUMN_RATE, Mfcc
from talkingface.media.row_file import Rows
from talkingface.models.syncnet.lip_crops import TICK_RATE, WINDOW_TICKS, LipCrop

if TYPE_CHECKING:
    from talkingface.models.syncnet.network import SyncNet

SAMPLES_PER_TICK = 640
COLUMNS_PER_TICK = COLUMN_RATE // TICK_RATE
LIP_BATCH = 8  # windows; more are no faster on a processor and take more memory
SOUND_BATCH = 64


@dataclass(frozen=True)
class WindowEmbeddings:
    """Embeddings of windows of 0.2 s.

    Attributes:
        vectors: (W, D) float32.
        ticks: (W,) int64, rising: each window begins at second ``tick / 25`` of the file's clock.
        length: Ticks from second 0 to the end of what was seen or heard.
    """

    vectors: NDArray[np.float32]
    ticks: NDArray[np.int64]
    length: int

    def frozen(self) -> WindowEmbeddings:
        """The same windows, all of them the first."""
        return WindowEmbeddings(np.broadcast_to(self.vectors[:1], self.vectors.shape), self.ticks, self.length)


class SyncNetEmbedder:
    """Runs the network in batches."""

    def __init__(self, network: SyncNet, device: str = "cpu", lip_batch: int = LIP_BATCH) -> None:
        """Take a network.

        Args:
            network: With its weights.
            device: ``cpu``, ``cuda``, ``cuda:1`` ... or ``mps``; see ``choose_device``.
            lip_batch: Windows of pictures at a time.
        """
        self.device = device
        self._network = network.eval().to(device)
        self._lip_batch = lip_batch

    def embed_lips(self, crops: Iterable[LipCrop], length: int) -> WindowEmbeddings:
        """Embed every window of five pictures.

        Args:
            crops: In time; no window spans the beginning of a track.
            length: Ticks from second 0 to the clip's end.
        """
        vectors = self._room(length)
        ticks: list[int] = []
        waiting: list[LipCrop] = []
        for crop in crops:
            if crop.begins:
                self._flush(waiting, vectors, ticks)
                waiting = []
            waiting.append(crop)
            if len(waiting) == self._lip_batch + WINDOW_TICKS - 1:
                self._flush(waiting, vectors, ticks)
                waiting = waiting[self._lip_batch :]
        self._flush(waiting, vectors, ticks)
        return WindowEmbeddings(vectors[: len(ticks)], np.array(ticks, np.int64), length)

    def embed_sound(self, samples: Rows, check: Callable[[], None] | None = None) -> WindowEmbeddings:
        """Embed a sound.

        Args:
            samples: Mono 16 kHz, int16 or -1..1, beginning at second 0 of the file's clock; in memory or on disk.
            check: Called every now and then; what it raises ends the work.

        Returns:
            A window at every tick from second 0 on; one fewer than there could be, as the released program does.
        """
        import torch

        length = len(samples) // SAMPLES_PER_TICK
        windows = max(0, length - WINDOW_TICKS)
        heard = Mfcc(samples)
        vectors = self._room(windows)
        for start in range(0, windows, SOUND_BATCH):
            if check is not None:
                check()
            stop = min(windows, start + SOUND_BATCH)
            count = (stop - start - 1 + WINDOW_TICKS) * COLUMNS_PER_TICK
            columns = heard.columns(start * COLUMNS_PER_TICK, count).T.astype(np.float32)
            views = np.lib.stride_tricks.sliding_window_view(columns, WINDOW_TICKS * COLUMNS_PER_TICK, axis=1)
            batch = np.ascontiguousarray(views[:, ::COLUMNS_PER_TICK].transpose(1, 0, 2)[:, None])
            with _exactly(torch):
                made = self._network.forward_aud(torch.from_numpy(batch).to(self.device))
                vectors[start:stop] = made.cpu().numpy()
        return WindowEmbeddings(vectors, np.arange(windows, dtype=np.int64), length)

    def embed_silence(self, length: int) -> WindowEmbeddings:
        """Embeddings of so many ticks of digital silence, all of which are the same."""
        one = self.embed_sound(np.zeros((WINDOW_TICKS + 1) * SAMPLES_PER_TICK, np.int16)).vectors
        windows = max(0, length - WINDOW_TICKS)
        return WindowEmbeddings(np.broadcast_to(one, (windows, one.shape[1])), np.arange(windows), length)

    def _flush(self, crops: list[LipCrop], vectors: NDArray[np.float32], ticks: list[int]) -> None:
        if len(crops) < WINDOW_TICKS:
            return
        import torch

        frames = torch.from_numpy(np.stack([crop.picture for crop in crops]))
        made = [crop.tick for crop in crops[: len(crops) - WINDOW_TICKS + 1]]
        with _exactly(torch):
            batch = frames.to(self.device).permute(3, 0, 1, 2).float().contiguous()
            vectors[len(ticks) : len(ticks) + len(made)] = self._network.forward_frames(batch).cpu().numpy()
        ticks += made

    def _room(self, windows: int) -> NDArray[np.float32]:
        """Room for all embeddings at once: many small blocks among the network's large ones would tear memory apart."""
        return np.zeros((windows, self._network.widths.embedding), np.float32)


def choose_device(asked: str) -> str:
    """The torch device to run on.

    Args:
        asked: ``auto`` for a CUDA device where there is one, else the processor; or a device's name.

    Raises:
        OptionError: there is no such device.
    """
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=torch.device(asked)).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise OptionError(f"torch cannot run on the device {asked!r}: {reason}; use cpu") from error
    return asked


def _exactly(torch: Any) -> AbstractContextManager[Any]:
    """No gradients, and no TF32 on CUDA: its ten bits would move distances in their third digit."""
    stack = ExitStack()
    stack.enter_context(torch.inference_mode())
    stack.enter_context(torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False))
    return stack
