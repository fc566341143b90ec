"""The verbs ``probe``, ``models`` and ``doctor``: they tell, and change nothing."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkingface.cli_progress import shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.run_folder import json_text

if TYPE_CHECKING:
    from talkingface.media.probe import AudioStreamInfo, MediaInfo, VideoStreamInfo

SHOWN_SPANS = 5


def probe(tokens: Sequence[str], session: Session) -> int:
    """Show what is in a file and which faces."""
    arguments, options = parse_verb("probe", tokens, session)
    from talkingface.media.probe import probe as probe_file  # PyAV, which other verbs do not need

    path = Path(arguments.file)
    info = probe_file(path)
    faces = _find_faces(path, options.thread_count) if options.faces and info.video else None
    if options.json:
        print(json_text({**_plain(info), "faces": faces}))
        return 0
    for line in [*_stream_lines(info), *_face_lines(faces)]:
        print(line)
    return 0


def models(tokens: Sequence[str], session: Session) -> int:
    """List the models."""
    _, options = parse_verb("models", tokens, session)
    from talkingface.models.registry import available_models

    entries = available_models()
    if options.json:
        print(json_text([dataclasses.asdict(entry) for entry in entries.values()]))
        return 0
    width = max(map(len, entries))
    for entry in entries.values():
        print(f"{entry.name:<{width}}  {entry.summary or entry.target}  ({entry.origin})")
    return 0


def doctor(tokens: Sequence[str], session: Session) -> int:
    """Check the installation."""
    _, options = parse_verb("doctor", tokens, session)
    from talkingface.installation import check_installation

    checks = check_installation()
    if options.json:
        print(json_text([dataclasses.asdict(check) for check in checks]))
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{'ok' if check.ok else 'BAD':<4}{check.name:<{width}}  {check.detail}")
    return next((check.exit_code for check in checks if not check.ok), 0)


def _find_faces(path: Path, threads: int) -> dict[str, Any]:
    from talkingface.faces.identity import FaceEmbedder
    from talkingface.faces.select import point_on
    from talkingface.faces.video import track_video  # onnxruntime, which --no-faces does without

    with tempfile.TemporaryDirectory(prefix="talkingface-") as folder:
        with shown_job(keep_bars=False) as (progress, cancel):
            clip = track_video(
                path,
                threads=threads,
                folder=Path(folder),
                embedder=FaceEmbedder(),
                progress=progress,
                cancel=cancel,
            )
        return {
            "frames": clip.frames,
            "loss": clip.loss,
            "frames_without_face": clip.frames_without_face(),
            "people": [
                {
                    "face": f"index:{person.number}",
                    "point": str(point_on(clip, person)),
                    "frames": len(person.frames),
                    "width_pixels": person.face_width,
                    "seconds": [list(span) for span in person.times],
                }
                for person in clip.people
            ],
        }


def _stream_lines(info: MediaInfo) -> list[str]:
    kind = "picture" if info.is_still else info.container
    length = "" if info.duration is None or info.is_still else f", {info.duration:.2f} s"
    return [
        f"{info.path}: {kind}{length}, {info.size_bytes} bytes",
        *(_video_line(stream, info.is_still) for stream in info.video),
        *(_audio_line(stream, number) for number, stream in enumerate(info.audio)),
    ]


def _video_line(stream: VideoStreamInfo, still: bool) -> str:
    rate = "" if still or stream.average_rate is None else f", {float(stream.average_rate):.3f} frames/s on average"
    turned = f", turned {stream.rotation} degrees clockwise" if stream.rotation else ""
    interlaced = ", interlaced" if stream.interlaced else ""
    return (
        f"  video {stream.index}: {stream.codec}, {stream.width}x{stream.height}, {stream.pixel_format}"
        f"{rate}{turned}{interlaced}"
    )


def _audio_line(stream: AudioStreamInfo, number: int) -> str:
    language = f", {stream.language}" if stream.language else ""
    length = "" if stream.duration is None else f", {stream.duration:.2f} s"
    channels = f"{stream.channels} channel{'s' if stream.channels != 1 else ''}"
    return (
        f"  sound {stream.index} (--audio-stream {number}): {stream.codec}, {stream.sample_rate} Hz, "
        f"{channels}{length}{language}"
    )


def _face_lines(faces: dict[str, Any] | None) -> list[str]:
    if faces is None:
        return []
    lines = [] if faces["loss"] is None else [f"  damaged: {faces['loss']}; dub needs --allow-damaged"]
    lines += [
        f"  faces: {len(faces['people'])}; frames without one: {faces['frames_without_face']} of {faces['frames']}"
    ]
    for person in faces["people"]:
        spans = [f"{first:.2f} to {last:.2f}" for first, last in person["seconds"]]
        if len(spans) > SHOWN_SPANS:
            spans[SHOWN_SPANS - 1 :] = [f"{len(spans) - SHOWN_SPANS + 1} more up to {person['seconds'][-1][1]:.2f}"]
        lines.append(
            f"    --face {person['face']} or {person['point']}: {person['frames']} frames, {', '.join(spans)} s, "
            f"{person['width_pixels']:.0f} pixels wide"
        )
    return lines


def _plain(value: Any) -> Any:
    """Return a dataclass of the media room as JSON holds it; a rate becomes a text such as ``30000/1001``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Fraction | Path) else value
