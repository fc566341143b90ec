import numpy as np
import pytest

from talkingface.errors import MediaError
from talkingface.faces import mesh_topology as mesh
from talkingface.faces.geometry import LOWER, gap_of, width_of
from talkingface.training.extract import generic_face
from talkingface.training.mouth_data import MEL_PER_FRAME, closed_shape, closing_direction, make_clip, on_grid


def filmed(times: np.ndarray, opening: np.ndarray, scale: float = 120.0) -> np.ndarray:
    """Landmarks in pixels of a face that turns and opens its mouth."""
    face = np.repeat(generic_face().astype(np.float64)[None], len(times), 0)
    face[:, list(mesh.INNER_LOWER_MIDDLE), 1] += opening[:, None]
    angle = 0.1 * np.sin(times)
    turn = np.stack([np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([-np.sin(angle), np.cos(angle)], 1)], 1)
    face[..., :2] = np.einsum("tij,tnj->tni", turn, face[..., :2])
    return (face * scale + np.array([300, 200, 0])).astype(np.float32)


def voice(seconds: float) -> np.ndarray:
    return (np.random.default_rng(0).normal(size=int(seconds * 16000)) * 0.05).astype(np.float32)


@pytest.mark.parametrize("rate", [25.0, 29.97, 60.0])
def test_the_opening_survives_pose_and_frame_rate(rate: float) -> None:
    times = np.arange(int(3 * rate)) / rate
    opening = 0.1 + 0.08 * np.sin(2 * np.pi * 1.5 * times)
    clip = make_clip("a", filmed(times, opening), times, voice(3.0), generic_face())
    wanted = 0.1 + 0.08 * np.sin(2 * np.pi * 1.5 * np.arange(len(clip.shape)) / 25)
    base = gap_of(generic_face()[list(mesh.MOUTH_POINTS), :2])
    seen = gap_of(clip.shape) - base
    assert np.corrcoef(seen[2:-2], wanted[2:-2])[0, 1] > 0.995
    assert abs(seen.mean() - wanted.mean()) < 0.01
    assert clip.mel.shape == (MEL_PER_FRAME * len(clip.shape), 80)
    assert clip.identity.shape[0] == 3


def test_sound_that_begins_before_the_picture_is_cut_to_it() -> None:
    times = 0.4 + np.arange(50) / 25
    sound = voice(3.0)
    sound[: int(0.4 * 16000)] = 0
    clip = make_clip("a", filmed(times, np.full(50, 0.1)), times, sound, generic_face())
    assert len(clip.shape) == 50
    assert clip.mel[:4].mean() > -14  # speech from the first frame on: the silence before it is gone


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("short", "too shortly"),
        ("small", "narrower"),
        ("hole", "frames missing"),
        ("silent", "silent"),
        ("no sound", "together too shortly"),
    ],
)
def test_useless_tracks_say_why(change: str, reason: str) -> None:
    count = 8 if change == "short" else 50
    times = np.arange(count) / 25
    if change == "hole":
        times[25:] += 0.5
    landmarks = filmed(times, np.full(count, 0.1), scale=10.0 if change == "small" else 120.0)
    sound = voice(0.3 if change == "no sound" else 3.0) * (0 if change == "silent" else 1)
    with pytest.raises(MediaError, match=reason):
        make_clip("a", landmarks, times, sound, generic_face())


def test_on_grid_interpolates_and_holds_the_ends() -> None:
    times = np.array([0.0, 0.1, 0.2])
    grid = on_grid(np.array([[0.0], [1.0], [2.0]]), times, 7)[:, 0]
    assert np.allclose(grid, [0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.0])


def test_the_closed_mouth_is_closed(talkers) -> None:
    direction = closing_direction(talkers)
    assert direction[LOWER, 1].mean() - direction[[i - 10 for i in LOWER]].mean() > 0.3
    for clip in talkers[:3]:
        closed = closed_shape(clip.shape, direction)
        assert abs(float(gap_of(closed))) < 1e-6
        assert width_of(closed) > 0.2
