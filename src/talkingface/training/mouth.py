"""``talkingface train mouth``: from a manifest of talking videos to the networks of the landmark backend."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from talkingface.errors import OptionError, OutputError
from talkingface.options import TrainMouthOptions
from talkingface.progress import Cancellation, Progress, SilentProgress
from talkingface.training.clip_list import list_clips, named_clips

if TYPE_CHECKING:
    from talkingface.training.ensemble import TrainedMouth

NEEDED_PACKAGES = ("torch", "safetensors", "onnx")


def train_mouth(
    options: TrainMouthOptions, *, progress: Progress | None = None, cancel: Cancellation | None = None
) -> TrainedMouth:
    """Train the mouth ensemble and two sync experts, validate them on people they never saw, and export them.

    The output folder gets ``clips.npz`` (the packed data set; with it alone, another machine can go on),
    checkpoints, logs, ``mouth_motion.onnx``, ``mouth_shape.npz``, ``sync_expert.onnx``, ``sync_judge.onnx``, the
    networks as safetensors, and ``card.json``. Nothing is written anywhere else: to use the networks, copy the
    ``.onnx`` files and ``mouth_shape.npz`` into the package's ``assets`` folder.

    Args:
        options: What to train on, where to, and for how long.
        progress: Told about every file and step.
        cancel: Checked at every frame and step.

    Returns:
        Where the files lie, and the figures.

    Raises:
        OptionError: when the packages of the extra [train] are missing, or ``resume`` meets another run's state.
        MediaError: when there is no usable clip; the message counts the reasons.
        OutputError: when the output folder cannot be written.
        Cancelled: when asked to stop; ``resume`` goes on from there.
    """
    check_packages()
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    if options.validation is not None:
        named_clips(options.validation)  # what is wrong with it is told before an hour of work
    packed = options.data if options.data.suffix == ".npz" else None
    listed = None if packed else list_clips(options.data)
    make_folder(options.output)
    # only now: this module answers without torch
    from talkingface.training.ensemble import train_ensemble
    from talkingface.training.extract import prepare_pack, read_pack

    if listed is None:
        pack = read_pack(options.data)
        return train_ensemble(pack, [], options, progress, cancel)
    if listed.passed_over:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(listed.passed_over.items()))
        progress.message(f"{options.data}: rows passed over: {reasons}")
    pack = prepare_pack(listed.clips, options.output, options.thread_count, progress, cancel)
    return train_ensemble(pack, listed.clips, options, progress, cancel)


def check_packages() -> None:
    """Make sure that what training needs is installed.

    Raises:
        OptionError: naming what is missing and how to get it.
    """
    missing = [name for name in NEEDED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise OptionError(f"training needs {', '.join(missing)}: pip install 'talkingface[train]'")


def make_folder(folder: Path) -> None:
    """Make the output folder, and make sure that it can be written.

    Raises:
        OutputError: when it cannot.
    """
    probe = folder / ".writable"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None
