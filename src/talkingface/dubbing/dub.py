"""``talkingface.dub``: analyse, listen, plan, synthesise, finish."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from talkingface.dubbing.analyse import Analysis, analyse
from talkingface.dubbing.finish import finish
from talkingface.dubbing.listen import Speech, listen
from talkingface.dubbing.plan import Schedule, schedule
from talkingface.dubbing.report import Job, describe
from talkingface.dubbing.result import DubResult, StageClock
from talkingface.dubbing.still import animate_picture
from talkingface.dubbing.synthesise import synthesise
from talkingface.errors import NoFaceError, OptionError, OutputError
from talkingface.faces.select import select_track
from talkingface.faces.track import FaceTrack
from talkingface.media.encoding import encode_spec
from talkingface.media.output import check_output
from talkingface.media.probe import probe
from talkingface.media.segments import SegmentWriter
from talkingface.models.video_retalking.backends import choose_backend, landmark_pipeline
from talkingface.options import DubOptions
from talkingface.progress import Cancellation, Progress, SilentProgress


def dub(
    face: str | Path,
    /,
    audio: str | Path,
    output: str | Path,
    options: DubOptions | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancellation | None = None,
    **changes: Any,
) -> DubResult:
    """Make the person in a video speak another sound.

    Args:
        face: By position, as ``face=`` is the option that chooses among faces: a video of the person, in anything
            FFmpeg reads.
        audio: The sound to speak: a sound file, or a video whose sound is taken.
        output: The file to write: .mp4, .m4v, .mov or .mkv. It appears only when whole.
        options: How; the defaults when None.
        progress: Told about stages, frames and everything a user should know.
        cancel: Lets another thread stop the work.
        **changes: Single options by name, on top of ``options``: ``dub(..., crf=16, overwrite=True)``.

    Returns:
        What was done.

    Raises:
        OptionError: an option that does not exist or is out of range.
        MediaError: an input that cannot be read or has no picture or sound.
        NoFaceError: no face, or not the one asked for.
        WeightsMissingError: the backend asked for lacks weights.
        OutputError: the result cannot be written.
        Cancelled: when ``cancel`` was thrown; nothing is left behind.
    """
    settings = _settings(options, changes)
    progress, cancel = progress or SilentProgress(), cancel or Cancellation()
    face, audio, output = Path(face), Path(audio), Path(output)
    clock = StageClock()
    check_output(output, settings.overwrite, [face, audio], settings.video_codec)
    if settings.report is not None:
        _check_report(settings.report, [face, audio, output])
    backend = choose_backend(settings.backend, settings.device, settings.checkpoint_dir)
    progress.message(backend.why)
    notes: list[str] = []

    def say(text: str) -> None:
        notes.append(text)
        progress.message(text)

    with _work_folder(settings.work_dir) as folder, _one_thread_for_small_work():
        with clock.stage("listen"):
            speech = listen(audio)
        picture = probe(face)
        source = face
        if picture.is_still:
            with clock.stage("animate"):
                source = animate_picture(picture, folder, speech.duration, settings.seed, progress, cancel)
            say(f"{face.name}: is a picture; natural slight motion was added")
            if settings.start is not None or settings.end is not None:
                say(f"{face.name}: --start and --end say nothing of a picture")
                settings = replace(settings, start=None, end=None)
        with clock.stage("analyse"):
            analysis = analyse(
                source,
                folder,
                start=settings.start,
                end=settings.end,
                threads=settings.thread_count,
                progress=progress,
                cancel=cancel,
            )
        if picture.is_still:  # errors shall name the picture, not the clip made of it
            info = replace(analysis.clip.info, path=face)
            analysis = replace(analysis, clip=replace(analysis.clip, info=info))
        for text in speech.notes:
            say(text)
        if analysis.clip.damaged:
            say(f"{face}: {analysis.clip.damaged} damaged packet(s) were skipped")
        track, reason = select_track(analysis.clip, settings.face_choice)
        spec, encode_notes = encode_spec(
            analysis.clip.info.video[0], settings.video_codec, settings.crf, settings.thread_count
        )
        for text in encode_notes:
            say(text)
        with clock.stage("plan"):
            planned = schedule(
                analysis.clip.frame_pts,
                spec.time_base,
                speech.duration,
                settings.length_rule,
                analysis.last_duration,
                keep_lead=settings.start is None,
            )
            numbers, pipeline = _plan_face(analysis, track, planned, speech)
        with clock.stage("synthesise"), SegmentWriter(folder / "segments", spec) as writer:
            made = synthesise(
                source,
                analysis.clip.frame_pts,
                planned,
                numbers,
                pipeline,
                analysis.layout,
                writer,
                threads=settings.thread_count,
                progress=progress,
                cancel=cancel,
            )
        with clock.stage("finish"):
            cancel.check()
            check_output(output, settings.overwrite, [face, audio], settings.video_codec)  # much time has passed
            metadata = analysis.clip.info.metadata
            finish(made.segments, spec, speech.track, planned, output, metadata, settings.mark)
        result = describe(
            Job(face, audio, output, settings, backend.name), analysis, track, reason, planned, made.spoken, spec,
            notes, clock,
        )  # fmt: skip
    if settings.report is not None:
        _write_report(settings.report, result.report)
    return result


def _settings(options: DubOptions | None, changes: dict[str, Any]) -> DubOptions:
    if not changes:
        return options or DubOptions()
    try:
        return replace(options or DubOptions(), **changes)
    except TypeError as error:
        raise OptionError(f"{error}; see talkingface.options.DubOptions for the options there are") from error


def _plan_face(analysis: Analysis, track: FaceTrack, planned: Schedule, speech: Speech) -> tuple[Any, Any]:
    """For every frame of the result its number in the pipeline's plan (-1: no face), and the planned pipeline."""
    rows_by_frame = np.full(analysis.clip.frames, -1, np.int64)
    rows_by_frame[track.frames] = np.arange(len(track))
    rows = rows_by_frame[planned.order]
    seen = rows >= 0
    if not seen.any():
        raise NoFaceError(
            f"{analysis.clip.info.path}: the face chosen is first seen at {track.times[0]:.2f} s, when the result "
            f"({planned.duration:.2f} s long) is over; use --start"
        )
    bank = analysis.banks[track.number]
    if not len(bank):
        raise NoFaceError(
            f"{analysis.clip.info.path}: the mouth of the face chosen is never in the picture; choose another face "
            "with --face, or use a video that shows the whole face"
        )
    numbers = np.where(seen, np.cumsum(seen) - 1, -1)
    pipeline = landmark_pipeline(bank, analysis.layout)
    pipeline.plan(track, rows[seen], planned.times[seen], speech.samples)
    return numbers, pipeline


@contextmanager
def _work_folder(parent: Path | None) -> Iterator[Path]:
    """A folder of this job's own, gone when the job ends, however it ends."""
    made_parent = parent is not None and not parent.exists()
    try:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="talkingface-", dir=parent))
    except OSError as error:
        raise OutputError(f"{parent or tempfile.gettempdir()}: cannot work there ({error.strerror})") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if made_parent and parent is not None:
            with suppress(OSError):  # somebody else may use it by now
                parent.rmdir()


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


def _check_report(path: Path, taken: list[Path]) -> None:
    if any(path.absolute() == other.absolute() for other in taken):
        raise OutputError(f"{path}: --report names a file this job reads or writes; choose another")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise OutputError(f"{path}: the report cannot be written there; name a file in an existing folder")


def _write_report(path: Path, report: dict[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(
            json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
        )
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: the report cannot be written ({error.strerror})") from error
