"""Whose lips fit the video's own sound."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from talkingface.dubbing import voice_fit as module
from talkingface.dubbing.voice_fit import MAX_OFFSET, summed_distances, voice_fit, windows_of
from talkingface.faces.identity import FaceEmbedder
from talkingface.faces.people import Person
from talkingface.faces.select import select_people
from talkingface.faces.track import FaceTrack
from talkingface.faces.video import ClipTracks, track_video
from talkingface.media.audio import read_audio, to_mono_16k
from talkingface.media.probe import probe
from talkingface.models.syncnet.landmark_expert import Embeddings
from talkingface.options import parse_face


def track(first: float, last: float, number: int = 0, rate: float = 25) -> FaceTrack:
    times = np.arange(first, last, 1 / rate)
    points = np.random.default_rng(number).uniform(0, 90, (1, 478, 3)).astype(np.float32)
    points = points + np.zeros((len(times), 1, 1), np.float32)
    return FaceTrack(
        np.round(times * rate).astype(np.int64), times, points, np.ones(len(times), np.float32), 640, 360, number
    )


def seconds(person: Person, until: float = 600) -> list[tuple[float, float]]:
    return [
        (float(face.times[low]), round(float(face.times[high - 1] - face.times[low]), 1))
        for face, low, high in windows_of(person, until)
    ]


def test_a_minute_of_each_person_is_enough() -> None:
    long = Person(0, (track(100, 700, rate=5),))
    assert np.allclose(seconds(long), [(100 + 12 * n, 11.8) for n in range(5)], atol=0.3)
    assert np.allclose(seconds(long, until=118), [(100, 11.8), (112, 5.8)], atol=0.3)
    assert seconds(long, until=50) == []


def test_short_stretches_are_left_out() -> None:
    person = Person(0, (track(0, 3), track(10, 10.5, 1), track(20, 24, 2)))
    assert np.allclose(seconds(person), [(0, 3), (20, 4)], atol=0.1)


def unit(rows: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(0, 1, (rows, 96)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_least_distance_is_where_lips_and_sound_belong_together() -> None:
    sound = unit(100, 0)
    for late in (-3, 0, 5):
        mouth = Embeddings(np.roll(sound, late, 0), np.ones(100, np.bool_))
        total, counts = summed_distances(mouth, sound)
        assert int(np.argmin(total / counts)) == MAX_OFFSET + late
        assert counts[MAX_OFFSET] == 100 and counts[0] == 85
    seen = np.arange(100) < 40
    _, counts = summed_distances(Embeddings(sound, seen), sound)
    assert counts[MAX_OFFSET] == 40


def video_with(path: Path, sound: np.ndarray | None) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        audio = None if sound is None else output.add_stream("aac", rate=16_000, layout="mono")
        for _ in range(75):
            output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        output.mux(stream.encode(None))
        if audio is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, 0
            output.mux(audio.encode(frame))
            output.mux(audio.encode(None))
    return path


def clip_of(path: Path) -> ClipTracks:
    faces = [track(0, 3), track(0, 3, 1)]
    return ClipTracks(probe(path), np.arange(75) / 25, np.arange(75), faces, [], 0)


def test_without_a_sound_nobody_fits(tmp_path: Path) -> None:
    path = video_with(tmp_path / "mute.mp4", None)
    assert voice_fit(clip_of(path), path, tmp_path) == {}
    path = video_with(tmp_path / "silent.mp4", np.zeros(48_000, np.float32))
    assert voice_fit(clip_of(path), path, tmp_path) == {}


def test_every_person_is_judged_by_all_windows_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 48_000).astype(np.float32)
    path = video_with(tmp_path / "noise.mp4", noise)
    seen: list[int] = []

    def compare(self: Any, face: FaceTrack, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        seen.append(face.number)
        curve = np.full(31, 1.4)
        curve[MAX_OFFSET + (2 if face.number == 1 else 9)] = 1.0  # nine frames away is no match
        return curve * 20, np.full(31, 20)

    monkeypatch.setattr(module._Judge, "_compare", compare)
    fits = voice_fit(clip_of(path), path, tmp_path)
    assert sorted(seen) == [0, 1]
    by_track = {person.tracks[0].number: fits[person.number] for person in clip_of(path).people}
    assert by_track == {0: pytest.approx(0), 1: pytest.approx(0.4)}


@pytest.fixture(scope="module")
def scenes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("scenes", Path(__file__).parents[1] / "faces/scenes.py")
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["scenes"] = loaded  # its dataclasses look themselves up
    spec.loader.exec_module(loaded)
    if not loaded.CLIPS.is_dir():
        pytest.skip("the test clips are not here")
    return loaded


@pytest.mark.parametrize("who", ["vrt_face3", "vrt_face5"])
def test_of_two_people_the_one_who_speaks_is_chosen(tmp_path: Path, scenes: ModuleType, who: str) -> None:
    sound = to_mono_16k(read_audio(scenes.CLIPS / f"{who}.mp4"))[: 3 * 16_000]
    left, right = scenes.CLIPS / "vrt_face3.mp4", scenes.CLIPS / "vrt_face5.mp4"
    path = tmp_path / "two.mp4"
    scenes.write_scene(path, scenes.side_by_side(left, right, 75), sound=sound)
    clip = track_video(path, threads=1, folder=tmp_path, embedder=FaceEmbedder())
    found = select_people(clip, parse_face("auto"), lambda: voice_fit(clip, path, tmp_path))
    assert "lips fit the video's own sound" in found.reason
    (person,) = found.people
    assert (person.tracks[0].boxes[0, 0] < 320) == (who == "vrt_face3")
