"""A face in files of every kind is dubbed: frames at their own times, the mouth changed, the rest as it was.

Some kinds that stand for the others; ``TALKINGFACE_ALL_KINDS=1`` takes all of ``tests/media/kinds.py``.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from talkingface import dub
from talkingface.media.planes import layout_of, plane_views
from talkingface.media.probe import probe
from talkingface.media.reader import VideoReader

from ..media.kinds import KINDS, Kind, times, write

CHOSEN = (
    "rate-29.97",
    "rate-variable",
    "starts-late-ts",
    "rotated-90",
    "pixels-4-3",
    "odd-size-444",
    "10-bit",
    "422-10-bit",
    "gray",
    "rgb",
    "full-range",
    "interlaced-tt",
    "hdr10",
    "vp9-webm",
    "prores-4444-alpha",
    "mpeg2-ps",
    "gif",
)
FIXED_SIZE = {"8k": 2, "dnxhd": 10, "dv-avi": 12}  # frames, for those whose frames are large
FEWER = {"gif": 12, "apng": 12}  # frames, for those that would last longer than the sound


def takes_faces(kind: Kind) -> bool:
    """Kinds whose own size leaves a face its shape and more than a few pixels."""
    return kind.size is None or kind.name in FIXED_SIZE


@pytest.mark.parametrize(
    "name", [n for n in KINDS if takes_faces(KINDS[n])] if "TALKINGFACE_ALL_KINDS" in os.environ else CHOSEN
)
def test_a_face_of_every_kind_speaks(tmp_path: Path, pictures, speech: Path, name: str) -> None:
    kind = KINDS[name]
    if kind.missing is not None:
        pytest.skip(kind.missing)
    count = (FIXED_SIZE | FEWER).get(name, 15)
    shown = [np.ascontiguousarray(picture[:, 96:416, ::-1]) for picture in pictures[:count]]
    source = write(kind, tmp_path, iter(shown))
    result = dub(source, speech, tmp_path / "out.mp4", threads=2, length="cut")
    assert result.frames_total == count
    assert result.frames_dubbed >= 0.7 * count
    with VideoReader(result.output) as reader, VideoReader(source) as original:
        made, own = list(reader.frames()), list(original.frames())
        assert reader.stream.rotation == original.stream.rotation
        tick = reader.stream.time_base
    wanted = times(kind, count)
    slack = Fraction(1, 1000) if kind.suffix in (".mkv", ".webm", ".flv") else tick / 2
    for frame, time in zip(made, wanted, strict=True):
        assert abs((frame.pts - made[0].pts) * tick - time) <= slack
    info = probe(result.output).video[0]
    assert info.codec in ("h264", "hevc")
    assert info.pixel_format in ("yuv420p", "yuvj420p", "yuv420p10le")
    assert info.width % 2 == info.height % 2 == 0
    size = (own[0].frame.width, own[0].frame.height)
    differences = [np.abs(gray(a.frame, *size) - gray(b.frame, *size)) for a, b in zip(made, own, strict=True)]
    assert max(np.median(difference) for difference in differences) < 4  # what compression does
    assert max(difference.max() for difference in differences) > 8  # the mouth


def gray(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """Luma as a small picture of 8 bits, without what was added to make the size even."""
    luma = plane_views(frame)[0][:height, :width].astype(np.float32) / (1 << (layout_of(frame).bits - 8))
    return np.asarray(cv2.resize(luma, (96, 96), interpolation=cv2.INTER_AREA))
