"""Pass 2, with a pipeline that paints a square."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from talkingface.dubbing.analysis_store import Analysis
from talkingface.dubbing.plan import Schedule
from talkingface.dubbing.synthesise import speak_frames, synthesise
from talkingface.errors import OutputError
from talkingface.faces.video import ClipTracks
from talkingface.media.encoding import encode_spec
from talkingface.media.planes import PlaneLayout, layout_of, plane_views
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader
from talkingface.media.segments import SegmentWriter
from talkingface.models.video_retalking.stages import RegionPatch
from talkingface.progress import Cancellation, SilentProgress


class Painter:
    """Stands for a planned pipeline: a white square on frames with an even number, nothing on the others."""

    def __init__(self, x0: int = 100) -> None:
        self.asked: list[int] = []
        self.x0 = x0

    batch = 1

    def frames(self, numbers: Sequence[int], planes: Sequence[list[np.ndarray]]) -> list[list[RegionPatch]]:
        return [self.frame(number, own) for number, own in zip(numbers, planes, strict=True)]

    def frame(self, number: int, planes: list[np.ndarray]) -> list[RegionPatch]:
        self.asked.append(number)
        if number % 2:
            return []
        alpha = np.zeros((32, 40), np.float32)
        alpha[4:-4, 4:-4] = 1
        shapes = [(32, 40), (16, 20), (16, 20)]
        return [RegionPatch(self.x0, 60, [np.full(shape, 200, np.float32) for shape in shapes], alpha)]


def gray_frame() -> av.VideoFrame:
    frame = av.VideoFrame(320, 200, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([77]) * plane.buffer_size)
    return frame


def test_the_decoders_frame_is_never_altered() -> None:
    frame = gray_frame()
    made = speak_frames([frame], [0], [Painter()], layout_of(frame))[0]
    assert made is not frame
    assert all((plane == 77).all() for plane in plane_views(frame))
    luma, blue, red = plane_views(made)
    assert (luma[64:88, 104:136] == 200).all()
    assert (luma == 200).sum() == 24 * 32
    for chroma in (blue, red):
        assert (chroma[32:44, 52:68] == 200).all()
        assert (chroma == 77).sum() == chroma.size - 12 * 16


def test_a_frame_without_a_patch_is_passed_as_it_is() -> None:
    frame = gray_frame()
    assert speak_frames([frame], [1], [Painter(), Painter(20)], layout_of(frame))[0] is frame


def test_several_people_speak_in_one_frame() -> None:
    frame = gray_frame()
    made = speak_frames([frame], [0], [Painter(), Painter(20)], layout_of(frame))[0]
    luma = plane_views(made)[0]
    assert (luma[64:88, 104:136] == 200).all()
    assert (luma[64:88, 24:56] == 200).all()
    assert (luma == 200).sum() == 2 * 24 * 32


def run(face: Path, folder: Path, order: list[int], painter: Any, resume: bool = False) -> Any:
    info = probe(face)
    spec, _ = encode_spec(info.video[0], "ffv1", 18, 2)
    planned = Schedule(np.array(order), np.arange(len(order)) * 512, Fraction(1, 12_800), 512, 1.0)
    layout = PlaneLayout("yuv420p", 512, 288, 8, 1, 1, False, "bt709")
    with VideoReader(face) as reader:
        marks = np.array([frame.mark for frame in reader.frames()])
    clip = ClipTracks(info, np.arange(30) / 25, np.arange(30) * 512, [], [], 0)
    analysis = Analysis(clip, {}, layout, 512, None, marks)
    with SegmentWriter(folder, spec, segment_frames=8, resume=resume) as writer:
        return synthesise(
            face, analysis, planned, [painter], writer,
            threads=2, progress=SilentProgress(), cancel=Cancellation(),
        )  # fmt: skip


def test_frames_come_in_the_order_planned(tmp_path: Path, face: Path, decode) -> None:
    order = [*range(12), *range(10, 3, -1), 3, 3, 3]
    painter = Painter()
    synthesised = run(face, tmp_path, order, painter)
    segments = synthesised.segments
    assert synthesised.spoken.tolist() == [number % 2 == 0 for number in range(len(order))]
    assert painter.asked == list(range(len(order)))
    assert [segment.frames for segment in segments] == [8, 8, 6]
    source = decode(face).frames
    made = [frame for segment in segments for frame in decode(segment.path).frames]
    assert len(made) == len(order)
    for number, (index, planes) in enumerate(zip(order, made, strict=True)):
        painted = number % 2 == 0
        assert bool((planes[0][64:88, 104:136] == 200).all()) == painted
        np.testing.assert_array_equal(planes[0][100:], source[index][0][100:])
        if not painted:
            np.testing.assert_array_equal(planes[0], source[index][0])


def test_what_the_pipeline_raises_is_raised_and_nothing_half_done_stays(tmp_path: Path, face: Path) -> None:
    class Broken(Painter):
        def frame(self, number: int, planes: list[np.ndarray]) -> list[RegionPatch]:
            if number == 5:
                raise OutputError("the brush broke")
            return super().frame(number, planes)

    with pytest.raises(OutputError, match="brush"):
        run(face, tmp_path / "segments", list(range(10)), Broken())
    assert not list((tmp_path / "segments").glob("*.part"))


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path, face: Path) -> None:
    class Stopping(Painter):
        def frame(self, number: int, planes: list[np.ndarray]) -> list[RegionPatch]:
            if number == 19:
                raise OutputError("the brush broke")
            return super().frame(number, planes)

    order = [*range(12), *range(10, 3, -1), *range(4, 14)]
    whole = run(face, tmp_path / "whole", order, Painter())
    with pytest.raises(OutputError):
        run(face, tmp_path / "parts", order, Stopping())
    painter = Painter()
    again = run(face, tmp_path / "parts", order, painter, resume=True)
    assert painter.asked[0] in (8, 16)  # frames that waited for the encoder when it broke are lost
    assert painter.asked == list(range(painter.asked[0], len(order)))
    np.testing.assert_array_equal(again.spoken, whole.spoken)
    for one, other in zip(again.segments, whole.segments, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
    third = Painter()
    assert len(run(face, tmp_path / "parts", order, third, resume=True).segments) == len(whole.segments)
    assert third.asked == []


def test_frames_are_made_together_and_groups_end_with_segments(tmp_path: Path, face: Path, monkeypatch) -> None:
    class Together(Painter):
        batch = 5

        def __init__(self) -> None:
            super().__init__()
            self.groups: list[list[int]] = []

        def frames(self, numbers: Sequence[int], planes: Sequence[list[np.ndarray]]) -> list[list[RegionPatch]]:
            self.groups.append(list(numbers))
            return super().frames(numbers, planes)

    monkeypatch.setattr("talkingface.dubbing.synthesise.GROUPS_END", 8)
    order = [*range(12), *range(10, 3, -1), 3]
    together = Together()
    made = run(face, tmp_path / "together", order, together)
    assert together.groups == [[0, 1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11, 12], [13, 14, 15], [16, 17, 18, 19]]
    alone = run(face, tmp_path / "alone", order, Painter())
    for one, other in zip(made.segments, alone.segments, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()
