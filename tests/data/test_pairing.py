from __future__ import annotations

from pathlib import Path

import pytest

from talkingface.data.manifest import ManifestRow
from talkingface.data.pairing import (
    Pair,
    check_pairs,
    pair_all,
    pair_manifest,
    pair_self,
    pair_unpaired,
    unique_names,
)
from talkingface.errors import MediaError


def paths(folder: str, *names: str) -> list[Path]:
    return [Path(folder) / name for name in names]


FACES = paths("face", "1.mp4", "2.mp4", "3.png")
SOUNDS = paths("audio", "1.wav", "2.wav")


def with_sound(path: Path) -> bool:
    return path.name != "2.mp4"


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.face.name, pair.audio.name) for pair in pairs]


def test_unpaired_gives_each_face_a_sound_that_is_not_its_own() -> None:
    pairs, notes = pair_unpaired(FACES, SOUNDS, with_sound)
    assert names(pairs) == [("1.mp4", "2.wav"), ("2.mp4", "1.wav"), ("3.png", "1.wav")]
    assert notes == []
    assert all(pair.truth is None for pair in pairs)
    assert pair_unpaired(FACES, SOUNDS, with_sound)[0] == pairs


def test_unpaired_uses_all_sounds_about_equally() -> None:
    faces, sounds = paths("f", *(f"f{i}.mp4" for i in range(9))), paths("a", "x.wav", "y.wav", "z.wav")
    used = [pair.audio.stem for pair in pair_unpaired(faces, sounds, with_sound)[0]]
    assert {used.count(name) for name in "xyz"} == {3}


def test_unpaired_without_sound_files_takes_the_sound_of_other_faces() -> None:
    pairs, notes = pair_unpaired(FACES, [], with_sound)
    assert names(pairs) == [("2.mp4", "1.mp4"), ("3.png", "1.mp4")]
    assert notes == ["1.mp4: left out, there is no sound that is not its own"]


def test_self_prefers_the_sound_track_and_makes_the_video_its_truth() -> None:
    pairs, notes = pair_self([*FACES, Path("face/2.jpg")], SOUNDS, with_sound)
    assert names(pairs) == [("1.mp4", "1.mp4"), ("2.mp4", "2.wav"), ("2.jpg", "2.wav")]
    assert [pair.truth for pair in pairs] == [FACES[0], FACES[1], None]
    assert notes == ["3.png: left out, it has no sound of its own"]
    assert pairs[0].name == "1_self"


def test_all_has_every_combination_and_no_truth() -> None:
    pairs = pair_all(FACES, SOUNDS)
    assert len(pairs) == 6
    assert {pair.truth for pair in pairs} == {None}


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
