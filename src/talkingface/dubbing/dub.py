"""``talkingface.dub``: analyse, listen, plan, synthesise, finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from threadpoolctl import threadpool_limits

from talkingface.allocator import give_back_large_blocks
from talkingface.cache import GIGABYTE, Cache, cache_folder
from talkingface.dubbing.finish import finish, result_sound
from talkingface.dubbing.job import Job, job_keys, job_parent
from talkingface.dubbing.known_analysis import obtain_analysis
from talkingface.dubbing.looks import looks_of_people
from talkingface.dubbing.method import FACE_WEIGHTS, DubMethod
from talkingface.dubbing.networks import networks_of
from talkingface.dubbing.plan import schedule
from talkingface.dubbing.plan_faces import plan_voices
from talkingface.dubbing.report import check_report, describe, write_report
from talkingface.dubbing.result import DubResult, StageClock, weight_hashes
from talkingface.dubbing.still import animate_picture
from talkingface.dubbing.synthesise import synthesise
from talkingface.dubbing.voices import cast_voices, hear_all
from talkingface.dubbing.work_folder import WorkFolder, work_folder
from talkingface.errors import Cancelled, OutputError
from talkingface.media.encoding import encode_spec
from talkingface.media.output import check_output
from talkingface.media.probe import MediaInfo, probe
from talkingface.media.segments import SegmentWriter
from talkingface.models.video_retalking.backends import (
    LANDMARK_WEIGHTS,
    BackendChoice,
    choose_backend,
    landmark_look,
    weight_files,
)
from talkingface.models.video_retalking.licences import refuse_unlicensed
from talkingface.models.video_retalking.pipeline import FramePipeline
from talkingface.option_fields import with_changes
from talkingface.options import DubOptions, LengthRule
from talkingface.progress import Cancellation, Progress, SilentProgress

SEGMENT_FRAMES = 250  # a kill loses at most so many


def dub(
    face: str | Path,
    /,
    audio: str | Path | None,
    output: str | Path,
    options: DubOptions | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
    method: DubMethod | None = None,
    **changes: Any,
) -> DubResult:
    """Make the person in a video speak another sound.

    Args:
        face: By position, as ``face=`` is the option that chooses among faces: a video of the person, in anything
            FFmpeg reads.
        audio: The sound to speak: a sound file, or a video whose sound is taken. With ``speaker_map`` it is what the
            result carries, and None takes the mix of the map's sounds.
        output: The file to write: .mp4, .m4v, .mov or .mkv. It appears only when whole.
        options: How; the defaults when None.
        progress: Told about stages, frames and everything a user should know.
        cancel: Lets another thread stop the work.
        method: How lips are spoken, when another model than VideoReTalking does it; the options that choose among its
            backends and networks say nothing then.
        **changes: Single options by name, on top of ``options``: ``dub(..., crf=16, overwrite=True)``.

    Returns:
        What was done.

    Raises:
        OptionError: an option that does not exist or is out of range.
        MediaError: an input that cannot be read or has no picture or sound.
        NoFaceError: no face, or not the one asked for.
        WeightsMissingError: the backend asked for lacks weights.
        OutputError: the result cannot be written.
        Cancelled: when ``cancel`` was thrown. Nothing lies under or beside the output's name then; what is done stays
            in the job's folder, where ``resume=True`` finds it.
    """
    settings = with_changes(options or DubOptions(), changes)
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    job = Job(Path(face), None if audio is None else Path(audio), Path(output), settings)
    clock = StageClock()
    check_output(job.output, settings.overwrite, job.inputs, settings.video_codec)
    if settings.report is not None:
        check_report(settings.report, [*job.inputs, job.output])
    backend = choose_backend(settings) if method is None else BackendChoice(method.name, method.why)
    if method is None:
        refuse_unlicensed(backend.name, settings.commercial_only)
    progress.message(backend.why)
    notes: list[str] = []

    def say(text: str) -> None:
        notes.append(text)
        progress.message(text)

    picture = probe(job.face)
    if settings.still and not picture.is_still:
        say(f"{picture.path.name}: is no picture; --still says nothing of a video")
    give_back_large_blocks()
    cache = Cache(cache_folder(settings.cache_dir), settings.cache_size * GIGABYTE)
    with clock.stage("look up"):
        if method is not None:
            keys = job_keys(job, cancel, [method.name, method.key], method.files)
        else:
            keys = job_keys(job, cancel, backend.name, weight_files(settings) if backend.name == "neural" else {})
        cache.trim()
    parent = settings.work_dir or job_parent(cache, say)
    with (
        work_folder(parent, keys.job, settings.resume, say) as folder,
        _one_thread_for_small_work(),
        ExitStack() as meanwhile,
        _resumable(folder),
    ):
        with clock.stage("listen"):
            heard = hear_all(job.audio, settings, folder, cancel)
        for text in heard.notes:
            say(text)
        with clock.stage("look up"):
            # before the long work, as a reference picture or weights may be of no use
            neural = networks_of(settings, cancel, say) if method is None and backend.name == "neural" else None
            if neural is not None:
                meanwhile.enter_context(neural.torch_threads(settings.thread_count))
            look = landmark_look(settings) if method is None and neural is None else None
        source = job.face
        if picture.is_still:
            with clock.stage("animate"):
                source = _animated(picture, folder, heard.duration, settings, progress, cancel, say)
        with clock.stage("analyse"):
            analysis = obtain_analysis(
                job, keys, source, picture, heard.duration, folder, cache, progress=progress, cancel=cancel, say=say
            )
        voices = cast_voices(heard, analysis, source, folder, say, cancel)
        spec, encode_notes = encode_spec(
            analysis.clip.info.video[0], settings.video_codec, settings.crf, settings.thread_count,
            settings.pixel_format,
        )  # fmt: skip
        for text in encode_notes:
            say(text)
        with clock.stage("plan"):
            planned = schedule(
                analysis.clip.frame_pts,
                spec.time_base,
                heard.duration,
                LengthRule() if picture.is_still else settings.length_rule,  # a picture lasts as long as is wanted
                analysis.last_duration,
                keep_lead=settings.start is None or picture.is_still,
            )
            pipelines: Sequence[FramePipeline]
            if method is not None:
                making = partial(method.pipeline, analysis, folder.path, cancel)
                pipelines = plan_voices(analysis, voices, planned, folder, cancel, networks=making)
            elif neural is not None:
                pipelines = neural.plan(analysis, voices, planned, source, folder, settings.thread_count, cancel)
            else:
                assert look is not None  # the landmark backend's
                looks = looks_of_people(look, voices, analysis, source, settings.thread_count, say, cancel)
                pipelines = plan_voices(analysis, voices, planned, folder, cancel, looks)
        writer = SegmentWriter(folder.path / "segments", spec, SEGMENT_FRAMES, resume=folder.found)
        folder.kept_progress = True
        resumed = writer.frames_done
        if resumed:
            say(f"{resumed} of {len(planned.order)} frames were made by the interrupted run")
        with clock.stage("synthesise"), writer:
            made = synthesise(
                source,
                analysis,
                planned,
                pipelines,
                writer,
                threads=settings.thread_count,
                progress=progress,
                cancel=cancel,
            )
        with clock.stage("finish"):
            cancel.check()
            check_output(job.output, settings.overwrite, job.inputs, settings.video_codec)  # much time has passed
            sound = result_sound(heard, job, picture, planned, folder, say, cancel)
            metadata = analysis.clip.info.metadata
            finish(made.segments, spec, sound, planned, job.output, metadata, settings, cancel)
        shown = neural.described() if neural is not None else look.described() if look is not None else {}
        result = describe(
            job, backend.name, analysis, voices, planned, made.spoken, spec, notes, clock, resumed, shown,
            {**weight_hashes(LANDMARK_WEIGHTS if method is None else FACE_WEIGHTS), **keys.weights},
        )  # fmt: skip
    if settings.report is not None:
        write_report(settings.report, result.report)
    return result


def _animated(
    picture: MediaInfo, folder: WorkFolder, seconds: float, settings: DubOptions, progress: Progress,
    cancel: Cancellation, say: Callable[[str], None],
) -> Path:  # fmt: skip
    """Make a clip of a picture, and say so."""
    clip = animate_picture(
        picture,
        folder.sub("picture"),
        seconds,
        settings.seed,
        progress,
        cancel,
        still=settings.still,
        allow_damaged=settings.allow_damaged,
        say=say,
    )
    how = "kept still but for its mouth" if settings.still else "natural slight motion was added"
    say(f"{picture.path.name}: is a picture; {how}")
    if settings.start is not None or settings.end is not None:
        say(f"{picture.path.name}: --start and --end say nothing of a picture")
    return clip


@contextmanager
def _one_thread_for_small_work() -> Iterator[None]:
    """Keep OpenCV and BLAS from spreading small matrices over threads that the decoder and encoder need.

    Measured: with BLAS threads free to spin, a dub beside x264 on two cores takes about three times as long.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _resumable(folder: WorkFolder) -> Iterator[None]:
    """Tell a user whose job ends early that it can be gone on with."""
    try:
        yield
    except (Cancelled, OutputError) as error:
        if not folder.kept_progress:
            raise
        raise type(error)(f"{error}; the same command with --resume goes on with what is done") from error
