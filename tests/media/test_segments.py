from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from talkingface.errors import OutputError
from talkingface.media.encoding import EncodeSpec, encode_spec
from talkingface.media.planes import plane_views
from talkingface.media.reader import DecodedFrame, VideoReader
from talkingface.media.segments import SegmentWriter


def decoded(path: Path, codec: str, threads: int = 2) -> tuple[list[DecodedFrame], EncodeSpec]:
    with VideoReader(path) as reader:
        return list(reader.frames()), encode_spec(reader.stream, codec, None, threads)[0]


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 15, 16, 17])
def test_segments_of_any_length_hold_their_frames(
    make_video: Callable[..., Path], tmp_path: Path, codec: str, count: int
) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=count), codec)
    with SegmentWriter(tmp_path / "work", spec, 8) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
    segments = writer.close()
    assert [segment.frames for segment in segments] == [8] * (count // 8) + [count % 8] * (count % 8 > 0)
    for number, segment in enumerate(segments):
        mine = frames[number * 8 : number * 8 + 8]
        assert (segment.first_pts, segment.last_pts) == (mine[0].pts, mine[-1].pts)
        with av.open(str(segment.path)) as container:
            stamps = [frame.pts * frame.time_base for frame in container.decode(video=0)]
        assert stamps == [(frame.pts - mine[0].pts) * spec.time_base for frame in mine]


def test_journal_lists_what_is_finished(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=20), "h264")
    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt), SegmentWriter(work, spec, 8) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
        raise KeyboardInterrupt
    journal = json.loads((work / "journal.json").read_text())
    assert [entry["frames"] for entry in journal["segments"]] == [8, 8]
    for entry in journal["segments"]:
        assert hashlib.sha256((work / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    assert journal["way"]["spec"]["time_base"] == str(spec.time_base)
    assert sorted(path.name for path in work.iterdir()) == [
        "journal.json",
        "segment_00000.mp4",
        "segment_00001.mp4",
    ], "the unfinished segment is gone"


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_same_input_and_threads_give_the_same_bytes(
    make_video: Callable[..., Path], tmp_path: Path, codec: str
) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=30), codec)
    digests = []
    for run in range(2):
        with SegmentWriter(tmp_path / str(run), spec, 20) as writer:
            for frame in frames:
                writer.write(frame.frame, frame.pts)
        digests.append([hashlib.sha256(segment.path.read_bytes()).hexdigest() for segment in writer.close()])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_memory_nobody_wrote_does_not_matter(make_video: Callable[..., Path], tmp_path: Path, codec: str) -> None:
    """x264 gave other bytes now and then, as fresh memory happened to be; glibc can fill it with a pattern."""
    path = make_video("v.mp4", frames=16)
    script = (
        "import sys; from pathlib import Path; from talkingface.media.reader import VideoReader\n"
        "from talkingface.media.writer import SegmentWriter, encode_spec\n"
        "source, folder, codec = sys.argv[1:]\n"
        "with VideoReader(source) as reader:\n"
        "    with SegmentWriter(Path(folder), encode_spec(reader.stream, codec, None, 2)[0]) as writer:\n"
        "        for frame in reader.frames(): writer.write(frame.frame, frame.pts)\n"
    )
    digests = set()
    for pattern in ("1", "170", "254"):
        work = tmp_path / pattern
        command = [sys.executable, "-c", script, str(path), str(work), codec]
        subprocess.run(command, check=True, env={**os.environ, "MALLOC_PERTURB_": pattern})
        digests.add(hashlib.sha256((work / "segment_00000.mp4").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_frames_are_left_as_they_were(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=12), "h264")
    before = [(frame.frame.pts, frame.frame.pict_type, plane_views(frame.frame)[0].tobytes()) for frame in frames]
    with SegmentWriter(tmp_path, spec) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts + 1000)
    after = [(frame.frame.pts, frame.frame.pict_type, plane_views(frame.frame)[0].tobytes()) for frame in frames]
    assert before == after


def test_one_frame_can_be_shown_again(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=1), "h264")
    with SegmentWriter(tmp_path, spec) as writer:
        for number in range(10):
            writer.write(frames[0].frame, number * 512)
    assert writer.close()[0].frames == 10


def test_sources_key_frames_are_not_forced(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mkv", codec="ffv1", frames=30), "h264")
    with SegmentWriter(tmp_path, spec) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
    with av.open(str(writer.close()[0].path)) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) < 5


def test_time_must_rise(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=2), "h264")
    with SegmentWriter(tmp_path, spec) as writer:
        writer.write(frames[0].frame, 10)
        with pytest.raises(ValueError, match="10 after 10"):
            writer.write(frames[1].frame, 10)


@pytest.mark.parametrize("tick", [Fraction(1, 90_000), Fraction(1, 1_000_000), Fraction(1001, 30_000)])
def test_any_time_base_is_exact(make_video: Callable[..., Path], tmp_path: Path, tick: Fraction) -> None:
    frames, spec = decoded(make_video("v.mkv", codec="ffv1", frames=6), "h264")
    spec = EncodeSpec(**{**vars(spec), "time_base": tick})
    stamps = [7, 8, 9, 11, 12, 30]
    with SegmentWriter(tmp_path, spec) as writer:
        for frame, stamp in zip(frames, stamps, strict=True):
            writer.write(frame.frame, stamp)
    with av.open(str(writer.close()[0].path)) as container:
        assert [frame.pts * frame.time_base for frame in container.decode(video=0)] == [(s - 7) * tick for s in stamps]


def test_full_disk_is_reported_and_leaves_no_part(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mkv", codec="ffv1", size=(320, 240), frames=20), "ffv1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OutputError, match="cannot be written"), SegmentWriter(tmp_path / "work", spec) as writer:
            for frame in frames * 5:
                writer.write(frame.frame, writer._last_pts + 1 if writer._last_pts is not None else 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (tmp_path / "work").iterdir()] == []


def test_a_folder_that_cannot_be_made(make_video: Callable[..., Path], tmp_path: Path) -> None:
    _, spec = decoded(make_video("v.mp4", frames=1), "h264")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        SegmentWriter(tmp_path / "file" / "work", spec)


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_encoders_stay_silent(
    make_video: Callable[..., Path], tmp_path: Path, codec: str, capfd: pytest.CaptureFixture[str]
) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=3), codec)
    with SegmentWriter(tmp_path, spec) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_a_resumed_writer_ends_with_the_same_bytes(make_video: Callable[..., Path], tmp_path: Path, codec: str) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=30), codec)

    def write(work: Path, stop: int, resume: bool) -> SegmentWriter:
        writer = SegmentWriter(work, spec, 8, resume=resume)
        for number in range(writer.frames_done, stop):
            writer.write(frames[number].frame, frames[number].pts, unchanged=number % 5 == 0)
        return writer

    whole = write(tmp_path / "whole", 30, False).close()
    first = write(tmp_path / "parts", 19, False)
    del first  # as a killed process would leave it: the open segment is never finished
    second = write(tmp_path / "parts", 30, True)
    assert second.frames_done == 24
    parts = second.close()
    assert second.unchanged == [0, 5, 10, 15, 20, 25]
    assert [part.frames for part in parts] == [8, 8, 8, 6]
    assert [part.path.read_bytes() for part in parts] == [part.path.read_bytes() for part in whole]
    third = SegmentWriter(tmp_path / "parts", spec, 8, resume=True)
    assert third.frames_done == 30
    assert [(s.frames, s.first_pts, s.last_pts, s.unchanged) for s in third.close()] == [
        (s.frames, s.first_pts, s.last_pts, s.unchanged) for s in parts
    ]


@pytest.mark.parametrize("fault", ["changed", "missing", "journal"])
def test_what_is_not_whole_is_made_again(make_video: Callable[..., Path], tmp_path: Path, fault: str) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=24), "h264")
    work = tmp_path / "work"
    with SegmentWriter(work, spec, 8) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
    (work / "segment_00007.mp4.part").write_bytes(b"half")
    if fault == "changed":
        content = bytearray((work / "segment_00001.mp4").read_bytes())
        content[-20] ^= 1
        (work / "segment_00001.mp4").write_bytes(content)
    elif fault == "missing":
        (work / "segment_00001.mp4").unlink()
    else:
        (work / "journal.json").write_text("{ half")
    again = SegmentWriter(work, spec, 8, resume=True)
    assert again.frames_done == (0 if fault == "journal" else 8)
    left = {path.name for path in work.iterdir()}
    assert left == ({"journal.json"} if fault == "journal" else {"journal.json", "segment_00000.mp4"})


def test_segments_of_another_encoding_are_not_taken_over(make_video: Callable[..., Path], tmp_path: Path) -> None:
    frames, spec = decoded(make_video("v.mp4", frames=16), "h264")
    with SegmentWriter(tmp_path / "work", spec, 8) as writer:
        for frame in frames:
            writer.write(frame.frame, frame.pts)
    assert SegmentWriter(tmp_path / "work", replace(spec, crf=30), 8, resume=True).frames_done == 0
