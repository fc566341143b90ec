from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.data.manifest import ManifestRow
from talkingface.data.pairing import (
    Pair,
    Sample,
    Sound,
    check_pairs,
    pair_all,
    pair_cross,
    pair_manifest,
    pair_self,
    pair_unpaired,
    seeded_order,
    unique_names,
)
from talkingface.errors import MediaError


def paths(folder: str, *names: str) -> list[Path]:
    return [Path(folder) / name for name in names]


def samples_of(faces: list[Path], sounds: list[Path] | None = None, people: list[str] | None = None) -> list[Sample]:
    own = {sound.stem: sound for sound in sounds or []}
    names = people or [face.stem for face in faces]
    return [Sample(face.stem, face, own.get(face.stem), name, "val") for face, name in zip(faces, names, strict=True)]


def sounds_of(files: list[Path]) -> list[Sound]:
    return [Sound(file.stem, file) for file in files]


FACES = paths("face", "1.mp4", "2.mp4", "3.png")
SOUNDS = paths("audio", "1.wav", "2.wav")


def with_sound(path: Path) -> bool:
    return path.name != "2.mp4"


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.face.name, pair.audio.name) for pair in pairs]


def test_unpaired_gives_each_face_a_sound_that_is_not_its_own() -> None:
    pairs, notes = pair_unpaired(samples_of(FACES), sounds_of(SOUNDS), with_sound)
    assert names(pairs) == [("1.mp4", "2.wav"), ("2.mp4", "1.wav"), ("3.png", "1.wav")]
    assert notes == []
    assert all(pair.truth is None for pair in pairs)
    assert pair_unpaired(samples_of(FACES), sounds_of(SOUNDS), with_sound)[0] == pairs


def test_unpaired_uses_all_sounds_about_equally() -> None:
    faces, sounds = paths("f", *(f"f{i}.mp4" for i in range(9))), paths("a", "x.wav", "y.wav", "z.wav")
    used = [pair.audio.stem for pair in pair_unpaired(samples_of(faces), sounds_of(sounds), with_sound)[0]]
    assert {used.count(name) for name in "xyz"} == {3}


def test_unpaired_without_sound_files_takes_the_sound_of_other_faces() -> None:
    pairs, notes = pair_unpaired(samples_of(FACES), [], with_sound)
    assert names(pairs) == [("2.mp4", "1.mp4"), ("3.png", "1.mp4")]
    assert notes == ["1.mp4: left out, there is no sound that is not its own"]


def test_self_prefers_the_sound_track_and_makes_the_video_its_truth() -> None:
    pairs, notes = pair_self(samples_of([*FACES, Path("face/2.jpg")], SOUNDS), with_sound)
    assert names(pairs) == [("1.mp4", "1.mp4"), ("2.mp4", "2.wav"), ("2.jpg", "2.wav")]
    assert [pair.truth for pair in pairs] == [FACES[0], FACES[1], None]
    assert notes == ["3.png: left out, it has no sound of its own"]
    assert pairs[0].name == "1_self"


def test_all_has_every_combination_and_no_truth() -> None:
    pairs = pair_all(samples_of(FACES), sounds_of(SOUNDS), with_sound)
    assert len(pairs) == 6
    assert {pair.truth for pair in pairs} == {None}


def test_all_without_sound_files_takes_every_sound_track() -> None:
    assert names(pair_all(samples_of(FACES), [], with_sound)) == [(face.name, "1.mp4") for face in FACES]


def test_a_seed_gives_unpaired_another_order_of_sounds() -> None:
    faces, sounds = paths("f", *(f"f{i}.mp4" for i in range(6))), paths("a", *(f"s{i}.wav" for i in range(6)))
    given = [names(pair_unpaired(samples_of(faces), sounds_of(sounds), with_sound, seed)[0]) for seed in (0, 1, 2, 1)]
    assert [sound for _, sound in given[0]] == [f"s{i}.wav" for i in range(6)]
    assert given[1] == given[3] and given[1] not in (given[0], given[2])
    assert {sound for _, sound in given[1]} == {sound.name for sound in sounds}


def test_unpaired_counts_as_if_the_own_sounds_were_not_there() -> None:
    faces = paths("f", "a.mp4", "b.mp4", "c.mp4", "d.png")
    sounds = [*paths("s", "a.wav", "b.wav", "c.wav"), *paths("t", "b.mp3"), faces[0]]
    for seed in (0, 3):
        order = list(sounds)
        if seed:
            order.sort(key=lambda sound: seeded_order(seed, sound.name))
        expected = []
        for index, face in enumerate(faces):
            others = [sound for sound in order if sound != face and sound.stem != face.stem]
            expected.append((face.name, others[index % len(others)].name))
        assert names(pair_unpaired(samples_of(faces), sounds_of(sounds), with_sound, seed)[0]) == expected


def test_cross_is_the_same_everywhere() -> None:
    # Written down once: another machine or Python must find the same.
    people = ["ann", "ann", "bob", "bob", "cem", "dan"]
    faces = paths("f", *(f"{name}_{index}.mp4" for index, name in enumerate(people)))
    pairs, notes = pair_cross(samples_of(faces, people=people), with_sound, seed=7)
    assert [pair.name for pair in pairs] == [
        "ann_0_cem_4", "ann_1_dan_5", "bob_2_ann_0", "bob_3_ann_1", "cem_4_bob_2", "dan_5_bob_3",
    ]  # fmt: skip
    assert notes == [] and {pair.truth for pair in pairs} == {None}
    accented = [seeded_order(1, name) for name in ("caf\u00e9.mp4", "cafe\u0301.mp4")]
    assert accented[0] == accented[1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("people", [2, 3, 7, 40])
def test_cross_gives_no_face_its_own_person_and_uses_every_sound_once(people: int, seed: int) -> None:
    # Groups of unequal size, none more than half of all.
    who = [f"p{index}" for index in range(people) for _ in range(1 + (index * (seed + 3)) % 4)]
    while max(who.count(name) for name in who) * 2 > len(who):
        who.append(min(who, key=who.count))
    faces = paths("f", *(f"{name}_{index}.mp4" for index, name in enumerate(who)))
    pairs, notes = pair_cross(samples_of(faces, people=who), with_sound, seed)
    person = dict(zip(faces, who, strict=True))
    assert [pair.face for pair in pairs] == faces and notes == []
    assert all(person[pair.face] != person[pair.audio] for pair in pairs)
    assert sorted(pair.audio for pair in pairs) == sorted(faces)


def test_cross_seeds_differ_and_the_files_order_does_not_matter() -> None:
    who = [f"p{index // 3}" for index in range(30)]
    faces = paths("f", *(f"{name}_{index}.mp4" for index, name in enumerate(who)))
    samples = samples_of(faces, people=who)
    given = {seed: names(pair_cross(samples, with_sound, seed)[0]) for seed in range(4)}
    assert len({tuple(pairs) for pairs in given.values()}) == 4


def test_cross_lends_faces_without_a_sound_those_of_others_about_equally() -> None:
    faces = paths("f", *(f"{index}.mp4" for index in (1, 3, 4)), *(f"still{index}.png" for index in range(5)))
    pairs, notes = pair_cross(samples_of(faces), with_sound)
    used = [pair.audio.name for pair in pairs]
    assert len(pairs) == 8 and notes == []
    assert sorted(used.count(name) for name in set(used)) == [2, 3, 3]


def test_cross_takes_a_sound_file_where_the_video_has_no_track() -> None:
    pairs, _ = pair_cross(samples_of(FACES, SOUNDS), with_sound)
    assert dict(names(pairs))["1.mp4"] == "2.wav" and dict(names(pairs))["2.mp4"] == "1.mp4"


def test_cross_with_one_person_in_most_files_still_speaks_only_others() -> None:
    who = ["ann"] * 7 + ["bob", "cem"]
    faces = paths("f", *(f"{name}_{index}.mp4" for index, name in enumerate(who)))
    pairs, notes = pair_cross(samples_of(faces, people=who), with_sound, 2)
    person = dict(zip(faces, who, strict=True))
    assert len(pairs) == 9 and notes == []
    assert all(person[pair.face] != person[pair.audio] for pair in pairs)
    used = [pair.audio for pair in pairs if person[pair.face] == "ann"]
    assert {used.count(sound) for sound in used} == {3, 4}


def test_cross_without_another_person_says_so() -> None:
    pairs, notes = pair_cross(samples_of(FACES[:2], people=["ann", "ann"]), with_sound)
    assert pairs == [] and notes[0] == "1.mp4: left out, no other person has a sound"


def test_manifest_rows_may_be_self_driven_or_have_a_truth() -> None:
    a, b, c, t = Path("a.mp4"), Path("b.wav"), Path("c.png"), Path("t.mp4")
    pairs = pair_manifest([ManifestRow(a, b, ""), ManifestRow(a, None, ""), ManifestRow(c, b, "", t)])
    assert [(pair.face, pair.audio, pair.truth) for pair in pairs] == [(a, b, None), (a, a, a), (c, b, t)]


def test_equal_names_are_numbered_even_if_they_differ_only_by_case() -> None:
    pairs = [Pair(name, Path(name), Path("s")) for name in ("a_s", "A_s", "a_s", "a_s-2")]
    assert [pair.name for pair in unique_names(pairs)] == ["a_s", "A_s-2", "a_s-3", "a_s-2-2"]


def test_no_pair_is_refused_with_the_reasons() -> None:
    with pytest.raises(MediaError, match=r"val: no pair of face and sound for --pairing self: 1.png: left out"):
        check_pairs([], Path("dataset/x/val"), "self", ["1.png: left out"])
