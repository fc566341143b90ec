from collections.abc import Callable
from typing import Any

import numpy as np

from talkingface.training.mouth_data import MouthClip
from talkingface.training.people import absorbed, identity_vectors, linked_groups, source_shares, split_people


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
