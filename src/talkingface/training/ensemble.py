"""Train the mouth ensemble and two sync experts on one packed data set, validate and export them."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from talkingface.errors import MediaError
from talkingface.options import TrainMouthOptions
from talkingface.progress import Cancellation, Progress
from talkingface.training import export, mouth_figures, mouth_fit, sync_expert
from talkingface.training.card import make_card
from talkingface.training.clip_list import ListedClip, named_clips
from talkingface.training.examples import Example, direction_and_examples
from talkingface.training.loop import LoopOptions, RunFolder
from talkingface.training.mouth_network import Ensemble, MouthMotion, SyncExpert
from talkingface.training.mouth_rows import prepare_rows, speech_of_clip
from talkingface.training.packing import PACK_VERSION, ClipPack
from talkingface.training.people import PeopleSplit, halves, source_shares, split_people
from talkingface.training.speech_embedding import load_speech_embedding

log = logging.getLogger("talkingface.training")

MEMBERS = 4
EXPERTS = 2
SYNC_STEPS = 0.75  # times the steps of a mouth network: half of the people are learnt by heart sooner
RECIPE_VERSION = 3  # a change of networks, losses or augmentation refuses older checkpoints
MIN_CLIPS = 2


@dataclass(frozen=True)
class TrainedMouth:
    """What a training run leaves.

    Attributes:
        folder: The output folder.
        files: Exported file names.
        figures: On validation people: ``mouth`` (network and baselines), ``sync`` (the expert at work), ``judge``
            (the one that scores) and ``experts_agree`` (share of clips whose offsets are within a frame).
        card: Everything ``card.json`` says.
    """

    folder: Path
    files: tuple[str, ...]
    figures: dict[str, Any]
    card: dict[str, Any]


def train_ensemble(
    pack: ClipPack,
    listed: Sequence[ListedClip],
    options: TrainMouthOptions,
    progress: Progress,
    cancel: Cancellation,
) -> TrainedMouth:
    """Split by person, train the sync experts and the mouth networks, export all.

    The expert at work and the judge learn from different people; only the one at work realigns clips.

    Args:
        pack: The packed data set.
        listed: Where its clips come from, for the card; may be empty.
        options: Length, seed, output folder.
        progress: Told about every step.
        cancel: Checked at every step.

    Raises:
        MediaError: when there are too few clips.
        OptionError: when ``resume`` meets another run's state.
        Cancelled: when asked to stop.
    """
    if len(pack.clips) < MIN_CLIPS:
        raise MediaError(f"{options.data}: {len(pack.clips)} usable clip is too few to train on")
    started = time.monotonic()
    validation = frozenset[str]() if options.validation is None else named_clips(options.validation)
    split = split_people(pack.clips, seed=options.seed, validation=validation)
    _say_split(split, progress)
    direction, train, held = direction_and_examples(split.train, split.held)
    shares = source_shares(split.train)
    steps = options.steps or options.epochs * steps_an_epoch(train)
    with _threads(options.thread_count):
        trainer = _Trainer(pack, options, steps, progress, cancel)
        experts = _train_experts(train, held, trainer, round(steps * SYNC_STEPS), progress)
        # sound and picture of found footage often lie a frame apart; held-out clips stay as they are
        aligned = sync_expert.realign(experts.work, train)
        embedding = load_speech_embedding()
        rows = prepare_rows(
            aligned, shares, mouth_fit.rows_needed(steps), mouth_fit.BATCH, embedding, options.seed, progress, cancel
        )
        held = [replace(example, speech=speech_of_clip(embedding, example.clip)) for example in held]
        members: list[MouthMotion] = []
        for number in range(MEMBERS):
            seed = options.seed + number
            plan = trainer.plan(f"mouth_{number + 1}", seed, steps, 0.03)
            members.append(mouth_fit.train_member(aligned, rows, held, *plan))
        figures = _figures(members, experts, held)
        # people it never saw, and some of each source it saw
        sample = [
            *held, *(replace(example, speech=speech_of_clip(embedding, example.clip)) for example in train[::10])
        ]  # fmt: skip
        openings = mouth_figures.gap_statistics(partial(mouth_figures.predict, Ensemble(members)), sample)
    export.save_shape_model(options.output / "mouth_shape.npz", pack.reference, direction, openings)
    parity = _export(options.output, members, experts)
    progress.message(summary(figures))
    card = make_card(
        pack, listed, split, shares, figures,
        {"seed": options.seed, "members": MEMBERS, "steps": steps, "seconds": round(time.monotonic() - started, 1)},
        options.output, (*parity, "mouth_shape.npz"),
    )  # fmt: skip
    card["onnx_difference"] = parity
    (options.output / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return TrainedMouth(options.output, (*parity, "mouth_shape.npz", "card.json"), figures, card)


def steps_an_epoch(examples: Sequence[Example]) -> int:
    """Batches that together have as many frames as the data."""
    frames = sum(len(example.displacement) for example in examples)
    return max(1, round(frames / (mouth_fit.BATCH.rows * mouth_fit.BATCH.frames)))


def summary(figures: dict[str, Any]) -> str:
    """The figures in one line."""
    mouth, sync = figures["mouth"], figures["sync"]
    if not mouth:
        return "no validation people: the data holds too few to leave any out"
    network = mouth["network"]
    return (
        f"on people never seen: gap correlation {network['gap_correlation']:.3f} "
        f"(loudness alone {mouth['loudness']['gap_correlation']:.3f}, "
        f"another sound {mouth['network_other_sound']['gap_correlation']:.3f}), "
        f"lip error {network['lip_error']:.4f} (mean mouth {network['lip_error_mean_mouth']:.4f}); "
        f"sync offset within one frame {sync['offset_within_one']:.2f} "
        f"(the judge's {figures['judge']['offset_within_one']:.2f})"
    )


@dataclass(frozen=True)
class _Trainer:
    """Makes the plan of each network's training."""

    pack: ClipPack
    options: TrainMouthOptions
    steps: int
    progress: Progress
    cancel: Cancellation

    def plan(self, name: str, seed: int, steps: int, weight_decay: float) -> tuple[LoopOptions, RunFolder]:
        minutes = None if self.options.minutes is None else max(self.options.minutes, 1e-3) / (MEMBERS + EXPERTS)
        content = [PACK_VERSION, RECIPE_VERSION, name, seed, steps, sorted(clip.digest for clip in self.pack.clips)]
        fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        loop = LoopOptions(
            steps=steps, minutes=minutes, weight_decay=weight_decay, seed=seed,
            log_every=max(1, min(200, steps // 5)), fingerprint=fingerprint,
        )  # fmt: skip
        return loop, RunFolder(self.options.output, name, self.options.resume, self.progress, self.cancel)


@dataclass(frozen=True)
class _Experts:
    """The sync expert of product and training, and the one that scores; ``apart`` when no person taught both."""

    work: SyncExpert
    judge: SyncExpert
    apart: bool


def _train_experts(
    train: Sequence[Example], held: Sequence[Example], trainer: _Trainer, steps: int, progress: Progress
) -> _Experts:
    by_clip = {id(example.clip): example for example in train}
    parts = halves([example.clip for example in train])
    apart = min(len(part) for part in parts) >= MIN_CLIPS
    if not apart:
        progress.message(
            "too few people for two: both sync experts learn from the same, and the judge is not another's"
        )
        parts = ([example.clip for example in train],) * 2
    trained = []
    for number, (name, part) in enumerate(zip(("sync_expert", "sync_judge"), parts, strict=True)):
        plan = trainer.plan(name, trainer.options.seed + number, steps, 0.05)
        examples = [by_clip[id(clip)] for clip in part]
        trained.append(sync_expert.train_sync_expert(examples, held, source_shares(part), *plan))
    return _Experts(trained[0], trained[1], apart)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _say_split(split: PeopleSplit, progress: Progress) -> None:
    minutes = sum(clip.minutes for clip in split.train)
    progress.message(
        f"{len(split.train)} clips, {minutes:.1f} minutes to learn from; {len(split.held)} clips of "
        f"{split.held_groups} of {split.groups} {'people' if split.by_looks else 'groups of alike faces'} "
        f"to validate on; "
        f"{split.left_out} left out because their face is too like one of those"
    )


def _figures(members: list[MouthMotion], experts: _Experts, held: Sequence[Example]) -> dict[str, Any]:
    apart = {"experts_share_nobody": experts.apart}
    if not held:
        return {"mouth": {}, "sync": {}, "judge": {}} | apart
    mouth: dict[str, Any] = mouth_figures.with_baselines(partial(mouth_figures.predict, Ensemble(members)), held)
    for number, member in enumerate(members):
        mouth[f"member_{number + 1}"] = mouth_figures.validate(partial(mouth_figures.predict, member), held)
    return {
        "mouth": mouth,
        "sync": sync_expert.validate(experts.work, held),
        "judge": sync_expert.validate(experts.judge, held),
        "experts_agree": sync_expert.agreement(experts.work, experts.judge, held),
    } | apart


def _export(folder: Path, members: list[MouthMotion], experts: _Experts) -> dict[str, float]:
    for number, member in enumerate(members):
        export.save_weights(member, folder / f"mouth_{number + 1}.safetensors")
    export.save_weights(experts.work, folder / "sync_expert.safetensors")
    export.save_weights(experts.judge, folder / "sync_judge.safetensors")
    return {
        "mouth_motion.onnx": export.export_mouth(members, folder / "mouth_motion.onnx"),
        "sync_expert.onnx": export.export_sync(experts.work, folder / "sync_expert.onnx"),
        "sync_judge.onnx": export.export_sync(experts.judge, folder / "sync_judge.onnx"),
    }
