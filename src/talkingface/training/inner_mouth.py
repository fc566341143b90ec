"""``talkingface train inner-mouth``: from talking videos to the painter of mouths that a picture does not show."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.errors import MediaError, OptionError
from talkingface.options import TrainInnerMouthOptions
from talkingface.progress import Cancellation, Progress, SilentProgress
from talkingface.training.clip_list import ListedClip, list_clips
from talkingface.training.mouth import check_packages, make_folder

if TYPE_CHECKING:
    from talkingface.training.inner_mouth_data import InnerMouths

PACK_NAME = "mouths.npz"
NETWORK_NAME = "inner_mouth"
PICTURE_USES = ("", "any", "any network", "train")
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-4
LOG_EVERY = 500


@dataclass(frozen=True)
class TrainedInnerMouth:
    """What a training run leaves.

    Attributes:
        folder: Gets ``inner_mouth.onnx``, ``inner_mouth.safetensors`` and ``card.json``.
        card: What ``card.json`` says.
    """

    folder: Path
    card: dict[str, Any]


def train_inner_mouth(
    options: TrainInnerMouthOptions, *, progress: Progress | None = None, cancel: Cancellation | None = None
) -> TrainedInnerMouth:
    """Cut mouths out of videos, learn to paint them, choose one of them, and export the painter.

    The mouths are packed into ``mouths.npz`` in the output folder, which a later run takes as it is.

    Args:
        options: What to train on, where to, and for how long.
        progress: Told about every file and step.
        cancel: Checked at every frame and step.

    Raises:
        OptionError: when the packages of the extra [train] are missing, when no clip has the name of ``mouth``, or
            when ``resume`` meets another run's state.
        MediaError: when there is no usable clip.
        OutputError: when the output folder cannot be written.
        Cancelled: when asked to stop; ``resume`` goes on from there.
    """
    check_packages()
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    packed = options.data if options.data.suffix == ".npz" else None
    listed = [] if packed else allowed(list_clips(options.data).clips)
    make_folder(options.output)
    # only now: this module answers without torch
    import torch

    from talkingface.training import export, inner_mouth_fit
    from talkingface.training.inner_mouth_data import load_mouths
    from talkingface.training.inner_mouth_network import ShippedField
    from talkingface.training.loop import LoopOptions, RunFolder

    started = time.monotonic()
    mouths = load_mouths(packed) if packed else prepare_mouths(listed, options, progress, cancel)
    wanted = _named(mouths, options.mouth) if options.mouth is not None else None
    split = inner_mouth_fit.split_mouths(mouths, seed=options.seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(options.thread_count)
    try:
        loop = LoopOptions(
            options.steps, options.minutes, LEARNING_RATE, WEIGHT_DECAY, options.seed, LOG_EVERY,
            f"{_content(mouths)} {options.seed}",
        )  # fmt: skip
        run = RunFolder(options.output, NETWORK_NAME, options.resume, progress, cancel)
        network = inner_mouth_fit.train_field(mouths, split, loop, run)
        if wanted is None:
            wanted = [inner_mouth_fit.choose_person(network, mouths, split, options.seed)]
        person = network.person(torch.tensor(wanted)).detach().mean(0, keepdim=True)
        figures = inner_mouth_fit.figures(network, mouths, split, person)
    finally:
        torch.set_num_threads(threads)
    shipped = ShippedField(network.field, person)
    file = options.output / f"{NETWORK_NAME}.onnx"
    difference = export.export_inner_mouth(shipped, file)
    export.save_weights(shipped, file.with_suffix(".safetensors"))
    card = {
        "what": "painter of the inside of mouths that a picture does not show (landmark backend)",
        "run": {"seed": options.seed, "steps": options.steps, "seconds": round(time.monotonic() - started, 1)},
        "loop": asdict(loop),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("talkingface", "torch", "numpy", "onnx", "onnxruntime")},
        "clips": len(mouths.names),
        "frames": len(mouths.opening),
        "people": split.people,
        "clips_held_out": int(split.held_clips.sum()),
        "sources": dict(Counter(item.source for item in listed)),
        "licences": sorted({item.licence for item in listed if item.licence}),
        "validation": figures,
        "chosen_mouths": [str(mouths.names[clip]) for clip in wanted],
        "onnx_difference": difference,
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()},
    }
    (options.output / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return TrainedInnerMouth(options.output, card)


def allowed(clips: Sequence[ListedClip]) -> list[ListedClip]:
    """Those clips whose manifest lets an image network learn from them.

    Raises:
        MediaError: when there is none.
    """
    found = [clip for clip in clips if clip.use.lower() in PICTURE_USES]
    if not found:
        raise MediaError(f"none of {len(clips)} clips may train an image network (column 'use')")
    return found


def prepare_mouths(
    listed: Sequence[ListedClip], options: TrainInnerMouthOptions, progress: Progress, cancel: Cancellation
) -> InnerMouths:
    """The mouths of these clips, from ``mouths.npz`` in the output folder when ``resume`` finds it there.

    Raises:
        MediaError: when no clip shows an open mouth.
        Cancelled: when asked to stop.
    """
    from talkingface.training.inner_mouth_data import joined, load_mouths, save_mouths

    file = options.output / PACK_NAME
    if options.resume and file.is_file():
        return load_mouths(file)
    progress.stage("cut out mouths", len(listed))
    parts, reasons = [], Counter[str]()
    with ThreadPoolExecutor(options.thread_count) as pool:
        try:
            for found in pool.map(lambda clip: _mouths_of_file(clip, cancel), listed):
                if isinstance(found, str):
                    reasons[found] += 1
                else:
                    parts.append(found)
                progress.advance()
        finally:
            pool.shutdown(cancel_futures=True)
    if reasons:
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        progress.message(f"{sum(reasons.values())} of {len(listed)} files are not usable: {counted}")
    mouths = joined(parts)
    save_mouths(file, mouths)
    return mouths


def _mouths_of_file(clip: ListedClip, cancel: Cancellation) -> InnerMouths | str:
    """The mouths of one file, or why there are none."""
    from talkingface.faces.identity import FaceEmbedder
    from talkingface.faces.video import track_video
    from talkingface.training.inner_mouth_data import mouths_of_clip

    try:
        found = track_video(clip.path, threads=1, max_faces=1, embedder=FaceEmbedder(), cancel=cancel)
        if not found.tracks:
            return "no face"
        return mouths_of_clip(clip.path, found.tracks[0]) or "mouth never seen open"
    except MediaError as error:
        return str(error).removeprefix(f"{clip.path}: ")


def _named(mouths: InnerMouths, names: str) -> list[int]:
    """Numbers of clips by their names.

    Raises:
        OptionError: when there is no such clip.
    """
    found = {str(name): number for number, name in enumerate(mouths.names)}
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in found:
            raise OptionError(f"--mouth: there is no clip named {name!r} that shows an open mouth")
    return [found[name] for name in wanted]


def _content(mouths: InnerMouths) -> str:
    """Digest of a data set, to know a checkpoint's own."""
    digest = hashlib.sha256()
    for values in (mouths.colours, mouths.view, mouths.clip):
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]
