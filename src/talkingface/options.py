"""Every question a user can be asked: one typed schema.

Command line, YAML files, Python, ``--show-config`` and ``docs/cli.md`` all derive from these dataclasses. Importing
this module loads nothing but the standard library.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkingface.errors import OptionError
from talkingface.option_fields import check_fields, option, option_fields
from talkingface.option_values import EXPRESSION_NAMES as EXPRESSION_NAMES
from talkingface.option_values import KEEP_EXPRESSION as KEEP_EXPRESSION
from talkingface.option_values import FaceChoice as FaceChoice
from talkingface.option_values import LengthRule as LengthRule
from talkingface.option_values import Pads as Pads
from talkingface.option_values import SpeakerSound as SpeakerSound
from talkingface.option_values import parse_expression as parse_expression
from talkingface.option_values import parse_face as parse_face
from talkingface.option_values import parse_length as parse_length
from talkingface.option_values import parse_pads as parse_pads
from talkingface.option_values import parse_speaker_map as parse_speaker_map

BACKENDS = ("auto", "landmark", "neural")
DEVICES = ("auto", "cpu", "cuda", "mps")
QUALITIES = ("fast", "balanced", "best")
ENHANCERS = ("auto", "none", "gfpgan", "gpen")
ENHANCED = ("mouth", "face")
DTYPES = ("fp32", "bf16", "fp16")
VIDEO_CODECS = ("h264", "hevc", "ffv1")
PIXEL_FORMATS = ("auto", "keep")
PAIRINGS = ("unpaired", "self", "cross", "all", "manifest")
SPLITS = ("val", "train", "test", "pretrain")
AUTO_LAYOUT = "auto"
# auto tells the layout from the files; data/layouts.py says how
LAYOUTS = (AUTO_LAYOUT, "video-retalking", "lrs2", "hdtf", "folder")
_PAIRING_HELP = (
    "Which faces speak which sounds: one that is not their own, their own, another person's, all, or the manifest's"
)
_LAYOUT_HELP = (
    "How the dataset's files lie: auto tells it from them; or video-retalking, lrs2, hdtf, folder, or the name of a "
    "layout that another package brings"
)

EMOTIONS = ("none", "happy", "sad", "angry", "surprise")
WEIGHT_PRECISIONS = ("fp32", "fp16")
LSE_MODES = ("tracked", "lrs")
LSE_MODE_HELP = "What SyncNet sees: tracked, the face cut out as its authors do; lrs, files that are cut out already"
DEFAULT_METRICS = (
    "sync_confidence",
    "sync_offset",
    "sync_distance",
    "lse_c",
    "lse_d",
    "av_offset",
    "aperture_correlation",
    "mouth_landmark_distance",
    "landmark_distance",
    "articulation_ratio",
    "silence_leak",
    "sharpness_ratio",
    "flicker_ratio",
    "background_change",
    "mouth_ssim",
    "face_ssim",
    "mouth_psnr",
    "face_psnr",
    "cpbd",
    "csim",
    "success_rate",
    "real_time_factor",
    "peak_memory",
)


def _known_layout(name: str) -> str:
    if name in LAYOUTS:
        return name
    from talkingface.data.layout_table import check_layout  # looks at all packages

    return check_layout(name)


@dataclass(frozen=True)
class CommonOptions:
    """What every verb asks. Each value is checked on construction."""

    debug: bool = option(False, "Show a traceback when something fails", group="Machine")

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class WorkOptions(CommonOptions):
    """What every verb asks that has much to compute."""

    threads: int = option(0, "Processor threads; 0 takes all", group="Machine", minimum=0, maximum=1024)

    @property
    def thread_count(self) -> int:
        """``threads`` as a number of at least 1."""
        return self.threads or os.cpu_count() or 1


@dataclass(frozen=True)
class SynthesisOptions(WorkOptions):
    """What a dub and a toolkit run both ask."""

    backend: str = option("auto", "Which networks speak the lips", group="Method", choices=BACKENDS)
    face: str = option(
        "auto",
        "Which face speaks: auto, index:N (0 is the most present), point:SECONDS,X,Y (pixels of the shown picture), "
        "image:PATH (a picture of the person) or all",
        group="Method",
        metavar="FACE",
        normalise=lambda text: str(parse_face(text)),
    )
    length: str = option(
        "bounce,cut",
        "When the sound is longer: bounce, loop, hold or cut; when the video is longer: cut or pad; both by a comma",
        group="Method",
        metavar="RULE",
        normalise=lambda text: str(parse_length(text)),
    )
    start: float | None = option(
        None, "Use the video from this second on", group="Method", minimum=0, metavar="SECONDS"
    )
    end: float | None = option(None, "Use the video up to this second", group="Method", minimum=0, metavar="SECONDS")
    expression: str = option(
        KEEP_EXPRESSION,
        "Expression of the whole face: keep (the clip's own), neutral, happy, sad, or a picture or video showing one",
        group="Method",
        metavar="EXPRESSION",
        normalise=parse_expression,
    )
    emotion: str = option(
        "none", "Emotion added to brows and lids, the mouth's corners following", group="Method", choices=EMOTIONS
    )
    strength: float = option(1.0, "Of the emotion", group="Method", minimum=0, maximum=1, metavar="SHARE")
    quality: str = option(
        "balanced",
        "Neural backend: fast restores nothing, balanced the mouth's region, best the canonical faces as well",
        group="Networks",
        choices=QUALITIES,
    )
    enhancer: str = option(
        "auto", "Neural backend: what restores detail; auto is as the quality says", group="Networks", choices=ENHANCERS
    )
    enhance: str = option(
        "mouth", "Neural backend: what is restored, the mouth's region or the face", group="Networks", choices=ENHANCED
    )
    keep_upper_face: bool = option(
        False, "Neural backend: take only the lower half of the face from the networks", group="Networks"
    )
    one_shot: bool = option(
        False, "Neural backend: make every frame of a shot from one reference frame of it", group="Networks"
    )
    pads: str = option(
        "0,20,0,0",
        "Neural backend: widen the face's box by so many pixels: top, bottom, left, right",
        group="Networks",
        metavar="PIXELS",
        normalise=lambda text: str(parse_pads(text)),
    )
    keep_background: float = option(
        0.0,
        "Mix the video's own sound under the new one, this loud: 0 is not at all, 1 as it is",
        group="Sound",
        minimum=0,
        maximum=4,
        metavar="GAIN",
    )
    preview: float | None = option(
        None, "Make only the first so many seconds of the result", group="Method", minimum=0.04, metavar="SECONDS"
    )
    still: bool = option(False, "Keep a picture still but for its mouth: add no natural motion", group="Method")
    allow_damaged: bool = option(
        False, "Use what can be decoded of damaged or truncated files instead of refusing them", group="Method"
    )
    video_codec: str = option("h264", "Codec of the result; ffv1 is lossless", group="Output", choices=VIDEO_CODECS)
    pixel_format: str = option(
        "auto",
        "auto: what plays everywhere, 4:2:0 of even size in 8 or 10 bits; keep: the video's own subsampling and size",
        group="Output",
        choices=PIXEL_FORMATS,
    )
    crf: int = option(18, "Quality of h264 and hevc: lower is better and larger", group="Output", minimum=0, maximum=51)
    mark: bool = option(
        True,
        "Mark the result as synthetic in its metadata",
        group="Output",
        off_help="Do not mark the result as synthetic in its metadata",
    )
    device: str = option("auto", "Where networks run", group="Machine", choices=DEVICES)
    dtype: str = option("fp32", "Neural backend: precision of the networks", group="Machine", choices=DTYPES)
    batch_size: int = option(
        0, "Neural backend: frames at a time; 0 takes as many as fit", group="Machine", minimum=0, maximum=256
    )
    compile: bool = option(False, "Neural backend: compile the networks, which pays off in long jobs", group="Machine")
    seed: int = option(0, "Seed of everything random", group="Machine", minimum=0, maximum=2**31 - 1)
    work_dir: Path | None = option(
        None, "Folder for the files of unfinished jobs, instead of one in the cache", group="Machine", metavar="FOLDER"
    )
    cache: bool = option(
        True,
        "Keep what was found in a video, so that its next dub is quicker",
        group="Machine",
        off_help="Neither use nor keep what was found in a video in earlier jobs",
    )
    cache_dir: Path | None = option(
        None, "Folder of the cache, instead of the user's usual one", group="Machine", metavar="FOLDER"
    )
    cache_size: float = option(
        4.0,
        "The cache may hold so many GB of what was found in videos; what was used longest ago goes first",
        group="Machine",
        minimum=0,
        metavar="GB",
    )
    commercial_only: bool = option(False, "Refuse networks whose licence does not allow commercial use", group="Method")
    checkpoint_dir: Path = option(Path("checkpoints"), "Where weights you bring lie", group="Folders", metavar="FOLDER")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise OptionError(f"--end {self.end:g} is not after --start {self.start:g}")

    @property
    def length_rule(self) -> LengthRule:
        """``length``, read."""
        return parse_length(self.length)

    @property
    def face_choice(self) -> FaceChoice:
        """``face``, read."""
        return parse_face(self.face)

    @property
    def expression_picture(self) -> Path | None:
        """The file whose expression is taken; None when ``expression`` is one with a name."""
        return None if self.expression in EXPRESSION_NAMES else Path(self.expression)


@dataclass(frozen=True)
class DubOptions(SynthesisOptions):
    """Options of ``talkingface dub`` and ``talkingface.dub``.

    Raises:
        OptionError: on construction, for a value that is not valid.
    """

    audio_stream: int | None = option(
        None, "Which audio stream of the sound's file, counted from 0", group="Sound", minimum=0, metavar="N"
    )
    speaker_map: str | None = option(
        None,
        "Several faces, several sounds: 'index:0=her.wav; index:1=him.wav'; without AUDIO the result carries their mix",
        group="Sound",
        metavar="MAP",
        normalise=lambda text: "; ".join(str(entry) for entry in parse_speaker_map(text)),
    )
    overwrite: bool = option(False, "Replace the result when it already exists", group="Output")
    resume: bool = option(False, "Go on with this job where an interrupted run of it ended", group="Output")
    report: Path | None = option(
        None, "Write what was done, with times and versions, as JSON", group="Output", metavar="FILE"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.speaker_map is not None and self.face != "auto":
            raise OptionError(f"--face {self.face} and --speaker-map both say who speaks; give one of them")

    @property
    def speakers(self) -> tuple[SpeakerSound, ...]:
        """``speaker_map``, read; empty without one."""
        return () if self.speaker_map is None else parse_speaker_map(self.speaker_map)


@dataclass(frozen=True)
class CacheOptions(CommonOptions):
    """Options of ``talkingface cache info`` and ``talkingface cache clear``."""

    cache_dir: Path | None = option(
        None, "Folder of the cache, instead of the user's usual one", group="Machine", metavar="FOLDER"
    )
    json: bool = option(False, "Print JSON", group="Output")


@dataclass(frozen=True)
class WeightsOptions(CommonOptions):
    """What every verb ``talkingface weights ...`` asks."""

    checkpoint_dir: Path = option(Path("checkpoints"), "Where weights you bring lie", group="Folders", metavar="FOLDER")


@dataclass(frozen=True)
class WeightsTableOptions(WeightsOptions):
    """Options of ``talkingface weights where`` and ``talkingface weights verify``."""

    json: bool = option(False, "Print JSON", group="Output")


@dataclass(frozen=True)
class WeightsListOptions(WeightsTableOptions):
    """Options of ``talkingface weights list``."""

    commercial_only: bool = option(False, "Only those whose licence allows commercial use", group="Task")


@dataclass(frozen=True)
class WeightsImportOptions(WeightsOptions):
    """Options of ``talkingface weights import``."""

    overwrite: bool = option(False, "Replace files that are there already", group="Output")


@dataclass(frozen=True)
class WeightsPullOptions(WeightsImportOptions):
    """Options of ``talkingface weights pull``."""

    shared: bool = option(
        False, "Put them in the cache, where every folder's jobs find them, instead of the folder of weights",
        group="Output",
    )  # fmt: skip
    commercial_only: bool = option(False, "Refuse weights whose licence does not allow commercial use", group="Task")


@dataclass(frozen=True)
class WeightsConvertOptions(WeightsImportOptions):
    """Options of ``talkingface weights convert``."""

    precision: str = option(
        "fp32", "Of the numbers: fp16 halves the files, and rounds", group="Output", choices=WEIGHT_PRECISIONS
    )


@dataclass(frozen=True)
class ToolkitOptions(SynthesisOptions):
    """Options of ``run_talkingface.py`` and ``talkingface run``. A model may bring a subclass with more.

    Raises:
        OptionError: on construction, for a value that is not valid.
    """

    model: str = option("video_retalking", "Model to run", group="Task", metavar="NAME", short="-m")
    dataset: str = option(
        "video-retalking", "Folder under dataset_dir to run it on", group="Task", metavar="NAME", short="-d"
    )
    split: str = option("val", "Part of the dataset", group="Task", choices=SPLITS)
    pairing: str = option(
        "unpaired",
        _PAIRING_HELP,
        group="Task",
        choices=PAIRINGS,
    )
    layout: str = option(AUTO_LAYOUT, _LAYOUT_HELP, group="Task", metavar="NAME", normalise=_known_layout)
    limit: int = option(0, "Take only the first so many pairs; 0 takes all", group="Task", minimum=0)
    metrics: tuple[str, ...] = option(
        DEFAULT_METRICS, "Scores to compute; none when empty", group="Evaluation", metavar="NAMES"
    )
    lse_mode: str = option("tracked", LSE_MODE_HELP, group="Evaluation", choices=LSE_MODES)
    dataset_dir: Path = option(Path("dataset"), "Where datasets lie", group="Folders", metavar="FOLDER")
    results_dir: Path = option(Path("results"), "Where run folders are made", group="Folders", metavar="FOLDER")

    def dub_options(self, **changes: Any) -> DubOptions:
        """Return the options of one dub of this run."""
        shared = {name: getattr(self, name) for name in option_fields(SynthesisOptions)}
        return DubOptions(**{**shared, **changes})


@dataclass(frozen=True)
class EvaluateOptions(WorkOptions):
    """Options of ``talkingface evaluate``."""

    audio: Path | None = option(
        None,
        "The sound it should speak, or a folder of sounds named like the videos; its own when not given",
        group="Inputs",
        metavar="PATH",
    )
    truth: Path | None = option(
        None, "A real video of the same speech, or a folder of them", group="Inputs", metavar="PATH"
    )
    face: Path | None = option(
        None, "The video or picture it was made from, or a folder of them", group="Inputs", metavar="PATH"
    )
    manifest: Path | None = option(
        None,
        "CSV file of the clips, instead of files: columns face, audio, generated, truth, name",
        group="Inputs",
        metavar="FILE",
    )
    generated: Path | None = option(
        None, "Folder of the generated videos that the manifest names", group="Inputs", metavar="FOLDER"
    )
    metrics: tuple[str, ...] = option(DEFAULT_METRICS, "Scores to compute", group="Evaluation", metavar="NAMES")
    lse_mode: str = option("tracked", LSE_MODE_HELP, group="Evaluation", choices=LSE_MODES)
    json: bool = option(False, "Print the report as JSON on standard output", group="Output")
    report: Path | None = option(None, "Write the report as JSON", group="Output", metavar="FILE")
    html: Path | None = option(
        None, "Write the report as a page with curves, pictures and videos", group="Output", metavar="FILE"
    )
    checkpoint_dir: Path = option(Path("checkpoints"), "Where weights you bring lie", group="Folders", metavar="FOLDER")
    device: str = option("auto", "Where optional networks run", group="Machine", choices=DEVICES)


@dataclass(frozen=True)
class PairsOptions(CommonOptions):
    """Options of ``talkingface pairs``."""

    dataset: str = option("video-retalking", "Folder under dataset_dir", group="Task", metavar="NAME", short="-d")
    split: str = option("val", "Part of the dataset", group="Task", choices=SPLITS)
    pairing: str = option("unpaired", _PAIRING_HELP, group="Task", choices=PAIRINGS)
    layout: str = option(AUTO_LAYOUT, _LAYOUT_HELP, group="Task", metavar="NAME", normalise=_known_layout)
    seed: int = option(0, "Which sounds cross and unpaired choose", group="Task", minimum=0, maximum=2**31 - 1)
    limit: int = option(0, "Take only the first so many pairs; 0 takes all", group="Task", minimum=0)
    dataset_dir: Path = option(Path("dataset"), "Where datasets lie", group="Folders", metavar="FOLDER")


@dataclass(frozen=True)
class CompareOptions(CommonOptions):
    """Options of ``talkingface compare``."""

    names: tuple[str, ...] = option(
        (), "Names of the methods, in the order of the reports; those of their files when not given", group="Task",
        metavar="NAMES",
    )  # fmt: skip
    baseline: str | None = option(
        None, "The method that the others are compared with, by name; the first when not given", group="Task",
        metavar="NAME",
    )  # fmt: skip
    metrics: tuple[str, ...] = option(
        (), "Scores to compare; when empty, all that any report has", group="Evaluation", metavar="NAMES"
    )
    seed: int = option(0, "Seed of the resampling", group="Evaluation", minimum=0, maximum=2**31 - 1)
    markdown: Path | None = option(None, "Write the table as Markdown", group="Output", metavar="FILE")
    latex: Path | None = option(None, "Write the table for LaTeX (booktabs)", group="Output", metavar="FILE")
    csv: Path | None = option(
        None, "Write every number as CSV, a line for each metric and method", group="Output", metavar="FILE"
    )
    json: bool = option(False, "Print everything as JSON on standard output", group="Output")


@dataclass(frozen=True)
class PrepareOptions(CommonOptions):
    """Options of ``talkingface prepare``."""

    dataset: str = option(
        "video-retalking", "Folder under dataset_dir to prepare", group="Task", metavar="NAME", short="-d"
    )
    dataset_dir: Path = option(Path("dataset"), "Where datasets lie", group="Folders", metavar="FOLDER")


@dataclass(frozen=True)
class ProbeOptions(WorkOptions):
    """Options of ``talkingface probe``."""

    faces: bool = option(
        True,
        "Look for faces, which decodes the whole video",
        group="Task",
        off_help="Do not look for faces, which would decode the whole video",
    )
    json: bool = option(False, "Print JSON", group="Output")


@dataclass(frozen=True)
class ListingOptions(CommonOptions):
    """Options of the verbs that only tell something: ``talkingface models`` and ``talkingface doctor``."""

    json: bool = option(False, "Print JSON", group="Output")


@dataclass(frozen=True)
class TrainMouthOptions(WorkOptions):
    """Options of ``talkingface train mouth``: the audio -> mouth geometry network of the landmark backend."""

    data: Path = option(
        Path("dataset"), "A manifest.csv with a face column, or a folder of videos", group="Task", metavar="PATH"
    )
    output: Path = option(
        Path("saved/mouth"), "Folder for checkpoints, the exported network and the log", group="Task", metavar="FOLDER"
    )
    validation: Path | None = option(
        None,
        "Text file that names clips, one a line: their people validate, instead of people drawn by the seed",
        group="Task",
        metavar="FILE",
    )
    epochs: int = option(30, "Passes over the training data", group="Training", minimum=1)
    steps: int | None = option(None, "Stop after so many optimiser steps", group="Training", minimum=1)
    minutes: float | None = option(None, "Stop after so many minutes", group="Training", minimum=0)
    resume: bool = option(False, "Go on from the last checkpoint in the output folder", group="Training")
    seed: int = option(0, "Seed of everything random", group="Machine", minimum=0, maximum=2**31 - 1)


@dataclass(frozen=True)
class TrainInnerMouthOptions(WorkOptions):
    """Options of ``talkingface train inner-mouth``: the painter of mouths that a picture does not show."""

    data: Path = option(
        Path("dataset"), "A manifest.csv, a folder of videos, or mouths.npz of an earlier run", group="Task",
        metavar="PATH",
    )  # fmt: skip
    output: Path = option(
        Path("saved/inner-mouth"), "Folder for checkpoints, the exported network and the log", group="Task",
        metavar="FOLDER",
    )  # fmt: skip
    mouth: str | None = option(
        None, "Clips whose mouths are averaged to the one painted: file names without ending, commas between; one is "
        "chosen by its figures when left out", group="Task", metavar="NAMES",
    )  # fmt: skip
    steps: int = option(8000, "Stop after so many optimiser steps", group="Training", minimum=1)
    minutes: float | None = option(None, "Stop after so many minutes", group="Training", minimum=0)
    resume: bool = option(False, "Go on from the last checkpoint in the output folder", group="Training")
    seed: int = option(0, "Seed of everything random", group="Machine", minimum=0, maximum=2**31 - 1)
