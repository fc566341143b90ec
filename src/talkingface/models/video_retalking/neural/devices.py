"""Where networks run, in which precision, and how many frames at a time."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from talkingface.errors import OptionError

Item = TypeVar("Item")
Made = TypeVar("Made")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FRAME_BYTES = 600 << 20  # about what all networks' activations of one frame take at once, in float32
MOST_ON_CPU, MOST = 1, 16  # more frames at a time gain nothing; on a processor D-Net is a fifth slower for each of four
SHARE = 0.7  # of the free memory
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def usable_gpu() -> str | None:
    """``cuda`` or ``mps`` when this machine and this torch have one, else None."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return None


def chosen_device(asked: str) -> torch.device:
    """Decide where networks run.

    Args:
        asked: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        OptionError: it is not usable here.
    """
    if asked == "auto":
        return torch.device(usable_gpu() or "cpu")
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not usable[asked]:
        raise OptionError(f"--device {asked}: PyTorch {torch.__version__} finds none here; use --device auto or cpu")
    return torch.device(asked)


def chosen_dtype(asked: str, device: torch.device) -> torch.dtype:
    """Decide on a precision.

    Args:
        asked: ``fp32``, ``bf16`` or ``fp16``.
        device: Where it is to be used.

    Raises:
        OptionError: the device cannot compute in it.
    """
    if asked == "fp16" and device.type == "cpu":
        raise OptionError("--dtype fp16 needs a GPU; processors compute in fp32 or bf16")
    return DTYPES[asked]


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device; 2 GB where nobody tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2 << 30


def fitting_batch(asked: int, device: torch.device, dtype: torch.dtype) -> int:
    """Frames at a time: as many as were asked for, or, for 0, as fit into the memory that is free."""
    if asked:
        return asked
    frame = FRAME_BYTES * int(dtype.itemsize) // 4
    most = MOST_ON_CPU if device.type == "cpu" else MOST
    return max(1, min(most, int(SHARE * free_bytes(device)) // frame))


class Batches:
    """Runs work some frames at a time; fewer from then on when memory is not enough. No work is lost."""

    def __init__(self, size: int) -> None:
        """Begin.

        Args:
            size: Frames at a time, at least 1.
        """
        self.size = size

    def run(self, work: Callable[[Sequence[Item]], Sequence[Made]], items: Sequence[Item]) -> list[Made]:
        """Do the work for all items.

        Args:
            work: Gives one result for each item of a batch.
            items: Any number.

        Raises:
            RuntimeError: memory is not enough for one frame, or the work raised it for another reason.
        """
        made: list[Made] = []
        while len(made) < len(items):
            batch = items[len(made) : len(made) + self.size]
            try:
                made += work(batch)
                continue
            except RuntimeError as error:
                if len(batch) == 1 or not is_out_of_memory(error):
                    raise
            # outside the handler: the error's traceback holds what filled the memory
            self.size = max(1, len(batch) // 2)
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return made


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory is used up, on any device."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)
