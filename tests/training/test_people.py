from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from talkingface.errors import OptionError
from talkingface.training.face_shape import absorbed, identity_vectors, linked_groups
from talkingface.training.mouth_data import MouthClip
from talkingface.training.people import ONE_VOICE_MINUTES, TOO_ALIKE, halves, source_shares, split_people


def true_person(clip: MouthClip, talkers: list[MouthClip]) -> int:
    return next(other.person for other in talkers if other.digest == clip.digest)


def test_nobody_is_on_both_sides(talkers: list[MouthClip]) -> None:
    for seed in range(4):
        split = split_people(talkers, seed=seed)
        assert split.train and split.held
        train = {true_person(clip, talkers) for clip in split.train}
        held = {true_person(clip, talkers) for clip in split.held}
        assert not train & held
        assert len(split.train) + len(split.held) + split.left_out == len(talkers)
        assert len(split.held) >= 0.12 * len(talkers)


def test_the_split_depends_on_content_and_seed_not_on_order(talkers: list[MouthClip]) -> None:
    forward = {clip.digest for clip in split_people(talkers).held}
    assert forward == {clip.digest for clip in split_people(talkers[::-1]).held}
    assert any(forward != {clip.digest for clip in split_people(talkers, seed=seed).held} for seed in range(1, 6))


def test_named_speakers_stay_together() -> None:
    vectors = np.array([[0.0], [100.0], [200.0], [200.5]])
    assert list(linked_groups(vectors, 1.0, ["a", "a", "", ""])) == [0, 0, 1, 1]


def test_people_lie_apart(talkers: list[MouthClip]) -> None:
    vectors = identity_vectors(talkers)
    people = np.array([clip.person for clip in talkers])
    gaps = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    same = people[:, None] == people[None]
    assert gaps[same].max() < gaps[~same].min()


def test_one_speaker_does_not_outweigh_many(make_talker: Callable[..., Any]) -> None:
    crowd = [make_talker(number, person, "crowd") for person in range(12) for number in range(2)]
    lone = [make_talker(number, 50, "lone") for number in range(60)]
    shares = source_shares([*crowd, *lone])
    assert abs(sum(shares.values()) - 1) < 1e-9
    assert shares["lone"] < shares["crowd"]
    long = [make_talker(number, 50, "lone") for number in range(400)]
    assert source_shares([*crowd, *long])["lone"] == pytest.approx(0.2)
    assert source_shares(long) == {"lone": 1.0}


def test_too_few_clips_hold_nobody_out(talkers: list[MouthClip]) -> None:
    split = split_people(talkers[:3])
    assert len(split.train) == 3 and not split.held


def test_stray_clips_go_to_the_nearest_larger_group() -> None:
    vectors = np.array([[0.0], [1.0], [2.0], [9.0], [50.0], [51.0], [52.0]])
    labels = np.array([0, 0, 0, 1, 2, 2, 2])
    assert list(absorbed(labels, vectors, 2)) == [0, 0, 0, 0, 1, 1, 1]
    assert list(absorbed(np.arange(7), vectors, 2)) == list(range(7))  # nobody is larger: all stay


def test_a_lone_speaker_is_not_held_out(make_talker: Callable[..., Any]) -> None:
    split = split_people([make_talker(number, 1) for number in range(12)])
    assert len(split.train) == 12 and not split.held and split.left_out == 0


def with_looks(clip: MouthClip, person: int, number: int, sex: float = 0.0) -> MouthClip:
    """The clip with an embedding: people lie about 0.9 apart, one person's clips 0.2, and the sexes along one axis."""
    face = np.random.default_rng((7, person)).normal(size=128) * 0.055
    face[0] += sex
    looks = face + np.random.default_rng((8, person, number)).normal(size=128) * 0.0125
    return replace(clip, appearance=looks.astype(np.float32))


@pytest.fixture
def seen_talkers(make_talker: Callable[..., Any]) -> list[MouthClip]:
    """Four clips each of twelve people, every second a woman; the face shape says nothing: all have one."""
    clips = []
    for person in range(12):
        for number in range(4):
            clip = make_talker(10 * person + number, 0)
            clips.append(with_looks(replace(clip, person=person), person, number, 0.4 if person % 2 else -0.4))
    return clips


def test_looks_go_before_shape(seen_talkers: list[MouthClip]) -> None:
    split = split_people(seen_talkers)
    assert split.by_looks and split.groups == 12 and split.left_out == 0
    truth = {clip.digest: clip.person for clip in seen_talkers}
    pairs = {(truth[clip.digest], clip.person) for clip in (*split.train, *split.held)}
    assert len(pairs) == 12 == len({person for _, person in pairs})  # numbers differ, people are the same
    assert not {truth[clip.digest] for clip in split.train} & {truth[clip.digest] for clip in split.held}
    one_unknown = [replace(seen_talkers[0], appearance=None), *seen_talkers[1:]]
    assert not split_people(one_unknown).by_looks


def test_the_people_of_named_clips_validate(seen_talkers: list[MouthClip]) -> None:
    wanted = {seen_talkers[0].name, seen_talkers[9].name}
    split = split_people(seen_talkers, validation=wanted)
    assert {clip.digest for clip in split.held} == {clip.digest for clip in (*seen_talkers[:4], *seen_talkers[8:12])}
    with pytest.raises(OptionError, match="none of the 1 clips"):
        split_people(seen_talkers, validation={"somebody"})


def test_clips_nearly_like_a_held_face_are_left_out(seen_talkers: list[MouthClip]) -> None:
    one, other = (np.asarray(seen_talkers[place].appearance) for place in (0, 8))
    stray = replace(seen_talkers[8], name="stray", digest="f" * 64, appearance=0.49 * one + 0.51 * other)
    split = split_people([*seen_talkers, stray], validation={seen_talkers[0].name})
    assert split.left_out == 1 and split.groups == 12
    learnt, held = (np.stack([np.asarray(clip.appearance) for clip in part]) for part in (split.train, split.held))
    assert np.linalg.norm(learnt[:, None] - held[None], axis=2).min() >= TOO_ALIKE


def test_halves_share_nobody_and_are_alike(seen_talkers: list[MouthClip]) -> None:
    first, second = halves(seen_talkers)
    assert len(first) + len(second) == len(seen_talkers)
    people = {clip.person for clip in first}, {clip.person for clip in second}
    assert not people[0] & people[1]
    for half in people:
        women = sum(person % 2 for person in half)
        assert len(half) == 6 and women == 3
    backwards = halves(seen_talkers[::-1])
    assert {clip.digest for clip in backwards[0]} == {clip.digest for clip in first}
    assert halves([]) == ([], [])


def test_one_long_voice_does_not_fill_a_half(make_talker: Callable[..., Any], seen_talkers: list[MouthClip]) -> None:
    frames = round(ONE_VOICE_MINUTES * 60 * 25)
    lone = [with_looks(make_talker(500, 0, "lone", frames=frames), 50, 0)] * 2
    first, second = halves([*seen_talkers, *lone])
    assert {clip.source for clip in second} == {"set"}
    assert [clip.source for clip in first].count("lone") == 2
