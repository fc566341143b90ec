"""The painter of inner mouths: from pixels with places to a network that ships."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="export needs onnx")
pytest.importorskip("safetensors", reason="export needs safetensors")

from talkingface.errors import MediaError, OptionError  # noqa: E402
from talkingface.options import TrainInnerMouthOptions  # noqa: E402
from talkingface.training import inner_mouth, inner_mouth_fit  # noqa: E402
from talkingface.training.clip_list import ListedClip  # noqa: E402
from talkingface.training.inner_mouth import allowed, train_inner_mouth  # noqa: E402
from talkingface.training.inner_mouth_data import InnerMouths, joined, load_mouths, save_mouths  # noqa: E402
from talkingface.training.inner_mouth_fit import (  # noqa: E402
    MouthTables,
    choose_person,
    figures,
    held_error,
    split_mouths,
    teeth_detail,
    train_field,
)
from talkingface.training.inner_mouth_network import FieldWithCodes  # noqa: E402
from talkingface.training.loop import LoopOptions, RunFolder  # noqa: E402
from talkingface.weights.embedded import onnx_runtime  # noqa: E402

SKIN, VIEWS = np.array([[100.0, 125.0, 180.0]], np.float32), 4


def mouth_of(number: int, person: int) -> InnerMouths:
    """A clip whose teeth are bright above and dark below; some people's are whiter."""
    random = np.random.default_rng((number, person))
    pixels = 60
    places = random.uniform(0, 0.15, size=(VIEWS * pixels, 6))
    places[:, 0] = random.uniform(-0.3, 0.3, len(places))
    bright = np.where(places[:, 1] < 0.07, 120 + 25 * person, 20)
    identity = np.zeros((1, 8), np.float32)
    identity[0, person] = 1
    return InnerMouths(
        places.astype(np.float16),
        np.repeat(bright[:, None], 3, 1).astype(np.uint8),
        np.repeat(np.arange(VIEWS, dtype=np.int32), pixels),
        np.tile(np.array([0.15, 0.65, 0.06, 0.0, 0.15], np.float32), (VIEWS, 1)),
        np.zeros(VIEWS, np.int32),
        SKIN,
        0.7 * SKIN,
        identity + random.normal(size=(1, 8)).astype(np.float32) * 0.02,
        np.array([f"clip{number}-{person}"]),
    )


@pytest.fixture(scope="module")
def mouths() -> InnerMouths:
    return joined([mouth_of(number, person) for person in range(5) for number in range(5)])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_mouth_fit, "BATCH", 256)
    monkeypatch.setattr(inner_mouth_fit, "CANDIDATES", 6)
    monkeypatch.setattr(inner_mouth, "LOG_EVERY", 10)


def test_clips_are_joined_and_kept(mouths: InnerMouths, tmp_path: Path) -> None:
    assert len(mouths.names) == 25 and len(mouths.opening) == 25 * VIEWS
    assert (np.diff(mouths.view) >= 0).all() and mouths.view[-1] == 25 * VIEWS - 1
    assert (np.bincount(mouths.clip) == VIEWS).all()
    save_mouths(tmp_path / "mouths.npz", mouths)
    again = load_mouths(tmp_path / "mouths.npz")
    np.testing.assert_array_equal(again.places, mouths.places)
    np.testing.assert_array_equal(again.names, mouths.names)


def test_what_is_no_pack_is_said(tmp_path: Path) -> None:
    (tmp_path / "mouths.npz").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="no packed file"):
        load_mouths(tmp_path / "mouths.npz")
    with pytest.raises(MediaError, match="no clip shows an open mouth"):
        joined([])


def test_nobody_is_on_both_sides(mouths: InnerMouths) -> None:
    split = split_mouths(mouths, share=0.2)
    person = np.array([int(name.split("-")[1]) for name in mouths.names])
    assert split.people == 5
    held = set(person[split.held_clips])
    assert held and not held & set(person[~split.held_clips])
    assert not set(split.train) & set(split.held)
    assert len(split.train) + len(split.held) == len(mouths.view)


def test_the_field_learns_and_codes_tell_people_apart(mouths: InnerMouths, tmp_path: Path) -> None:
    split = split_mouths(mouths, share=0.2)
    untrained = FieldWithCodes(len(mouths.names), len(mouths.opening), 16)
    tables = MouthTables(mouths)
    start = held_error(untrained, tables, split.held, torch.zeros(1, 12))
    options = LoopOptions(steps=150, learning_rate=1e-2, weight_decay=1e-4, log_every=50)
    network = train_field(mouths, split, options, RunFolder(tmp_path, "inner_mouth"), width=16, batch=512)
    assert held_error(network, tables, split.held, torch.zeros(1, 12)) < 0.6 * start
    person = np.array([int(name.split("-")[1]) for name in mouths.names])
    known = sorted(set(person[~split.held_clips]))
    place = torch.tensor([[0.0, 0.03, 0.03, 0.03, 0.1, 0.0]])
    opening, lips = torch.from_numpy(mouths.opening[:1]), tables.lips[:1]
    white = [
        float(
            network.field(
                place, opening, lips, network.person(torch.tensor([int(np.flatnonzero(person == who)[0])])),
                torch.zeros(1, 4),
            ).mean().detach()
        )
        for who in (known[0], known[-1])
    ]  # fmt: skip
    assert white[1] > white[0]


def test_the_shipped_mouth_is_one_that_was_learnt(mouths: InnerMouths, tmp_path: Path) -> None:
    split = split_mouths(mouths, share=0.2)
    network = train_field(mouths, split, LoopOptions(steps=3), RunFolder(tmp_path, "n"), width=8, batch=64)
    chosen = choose_person(network, mouths, split)
    assert not split.held_clips[chosen]
    assert chosen == choose_person(network, mouths, split)
    code = network.person(torch.tensor([chosen])).detach()
    assert set(figures(network, mouths, split, code)) == {
        "chosen_mouth", "mean_code", "flat_depth", "best_flat_colour",
    }  # fmt: skip
    assert teeth_detail(network, MouthTables(mouths), split.held[:50], code) >= 0


def test_the_verb_writes_everything_and_goes_on(mouths: InnerMouths, tmp_path: Path) -> None:
    save_mouths(tmp_path / "mouths.npz", mouths)
    options = TrainInnerMouthOptions(
        data=tmp_path / "mouths.npz", output=tmp_path / "out", steps=12, threads=1, mouth="clip3-2,clip0-1"
    )
    result = train_inner_mouth(options)
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card == result.card
    assert card["people"] == 5 and card["onnx_difference"] < 1e-3 and card["chosen_mouths"] == ["clip3-2", "clip0-1"]
    session = onnx_runtime().InferenceSession(str(tmp_path / "out" / "inner_mouth.onnx"))
    feed = {
        "places": np.zeros((7, 6), np.float32),
        "opening": np.zeros((1, 5), np.float32),
        "lips": np.zeros((1, 3), np.float32),
    }
    assert session.run(None, feed)[0].shape == (7, 3)
    before = (tmp_path / "out" / "inner_mouth.safetensors").read_bytes()
    again = TrainInnerMouthOptions(
        data=tmp_path / "mouths.npz", output=tmp_path / "out", steps=12, threads=1, mouth="clip3-2,clip0-1", resume=True
    )
    train_inner_mouth(again)
    assert (tmp_path / "out" / "inner_mouth.safetensors").read_bytes() == before
    with pytest.raises(OptionError, match="there is no clip named"):
        train_inner_mouth(
            TrainInnerMouthOptions(data=tmp_path / "mouths.npz", output=tmp_path / "o2", steps=1, mouth="nobody")
        )


def test_clips_for_geometry_alone_train_no_picture() -> None:
    clips = [ListedClip(Path("a.mp4"), "s", use="geometry networks only"), ListedClip(Path("b.mp4"), "s", use="train")]
    assert [clip.path.name for clip in allowed(clips)] == ["b.mp4"]
    with pytest.raises(MediaError, match="may train an image network"):
        allowed(clips[:1])
    assert Counter(clip.use for clip in allowed(clips[1:])) == {"train": 1}
