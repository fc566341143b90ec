from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from talkingface.errors import OptionError
from talkingface.evaluation.registry import METRICS
from talkingface.option_fields import option_fields
from talkingface.options import (
    DEFAULT_METRICS,
    CacheOptions,
    CompareOptions,
    DubOptions,
    EvaluateOptions,
    FaceChoice,
    LengthRule,
    ListingOptions,
    PairsOptions,
    PrepareOptions,
    ProbeOptions,
    SpeakerSound,
    ToolkitOptions,
    TrainInnerMouthOptions,
    TrainMouthOptions,
    parse_expression,
    parse_face,
    parse_length,
    parse_speaker_map,
)

SCHEMAS = (
    CacheOptions, DubOptions, ToolkitOptions, EvaluateOptions,
    CompareOptions, PairsOptions, PrepareOptions, ProbeOptions, TrainMouthOptions,
    TrainInnerMouthOptions, ListingOptions,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bounce", LengthRule("bounce", "cut")),
        ("loop", LengthRule("loop", "cut")),
        ("hold,pad", LengthRule("hold", "pad")),
        ("pad", LengthRule("bounce", "pad")),
        ("cut", LengthRule("cut", "cut")),
        ("cut,pad", LengthRule("cut", "pad")),
        ("pad,cut", LengthRule("cut", "pad")),
        ("cut,cut", LengthRule("cut", "cut")),
        (" Loop , cut ", LengthRule("loop", "cut")),
    ],
)
def test_length_rules(text: str, expected: LengthRule) -> None:
    assert parse_length(text) == expected
    assert parse_length(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected", "picture"),
    [
        ("keep", "keep", None),
        (" Happy ", "happy", None),
        ("smile", "happy", None),
        ("smile.jpg", "smile.jpg", Path("smile.jpg")),
        ("pictures/ann", "pictures/ann", Path("pictures/ann")),
        ("her.video.mp4", "her.video.mp4", Path("her.video.mp4")),
    ],
)
def test_expressions_are_names_or_files(text: str, expected: str, picture: Path | None) -> None:
    assert parse_expression(text) == expected
    options = DubOptions(expression=text)
    assert options.expression == expected
    assert options.expression_picture == picture


def test_an_expression_that_is_neither_is_refused_by_the_nearest_name() -> None:
    with pytest.raises(OptionError, match=r"--expression.*'hapy'.*'happy'.*picture"):
        DubOptions(expression="hapy")
    with pytest.raises(OptionError, match="surprise"):
        DubOptions(emotion="surprised")
    with pytest.raises(OptionError, match="from 0 to 1"):
        DubOptions(strength=1.2)


@pytest.mark.parametrize("text", ["loop,hold", "bounce,bounce", "pad,pad", "bounce,cut,pad", "cut,cut,cut"])
def test_contradicting_length_rules_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="two things at once"):
        parse_length(text)


@pytest.mark.parametrize("text", ["bonce", "", "loop,", "loop;pad"])
def test_unknown_length_words_name_the_known(text: str) -> None:
    with pytest.raises(OptionError, match="bounce"):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", FaceChoice()),
        ("index:0", FaceChoice("index", index=0)),
        ("INDEX: 12", FaceChoice("index", index=12)),
        ("point:1.5,320,240.25", FaceChoice("point", time=1.5, x=320, y=240.25)),
        ("all", FaceChoice("all")),
        ("image:some where/Ann.png", FaceChoice("image", image=Path("some where/Ann.png"))),
    ],
)
def test_face_choices(text: str, expected: FaceChoice) -> None:
    assert parse_face(text) == expected
    assert parse_face(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "index:",
        "index:-1",
        "index:1.5",
        "point:1,2",
        "point:1,2,x",
        "point:nan,1,1",
        "auto:1",
        "left",
        "all:1",
        "image:",
        "image",
    ],
)
def test_other_faces_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="index:N"):
        parse_face(text)


def test_a_python_object_is_checked_on_construction() -> None:
    with pytest.raises(OptionError, match="--crf: '52' is not a whole number from 0 to 51"):
        DubOptions(crf=52)
    with pytest.raises(OptionError, match="did you mean 'landmark'"):
        DubOptions(backend="landmarks")
    with pytest.raises(OptionError, match="--face: 'left' is not a face"):
        DubOptions(face="left")
    with pytest.raises(OptionError, match="--overwrite"):
        DubOptions(overwrite=1)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="--end 1 is not after --start 2"):
        DubOptions(start=2, end=1)
    assert DubOptions(report="r.json").report == Path("r.json")  # type: ignore[arg-type]
    assert DubOptions(start=1).start == 1.0


def test_canonical_forms_are_kept() -> None:
    options = DubOptions(length="pad", face="Index:3")
    assert (options.length, options.face) == ("bounce,pad", "index:3")
    assert options.length_rule.video_longer == "pad"
    assert options.face_choice.index == 3


def test_thread_count_takes_all_processors_for_zero() -> None:
    assert DubOptions().thread_count == (os.cpu_count() or 1)
    assert DubOptions(threads=3).thread_count == 3


def test_a_run_hands_its_options_to_each_dub() -> None:
    dub = ToolkitOptions(crf=30, seed=7, length="loop").dub_options(overwrite=True)
    assert dub == DubOptions(crf=30, seed=7, length="loop", overwrite=True)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_field_is_a_described_option_with_a_valid_default(schema: type) -> None:
    fields = option_fields(schema)
    assert list(fields) == [field.name for field in dataclasses.fields(schema)]
    for field in fields.values():
        assert field.text.help and not field.text.help.endswith(".")
        assert field.check(field.default) == field.default
    schema()


def test_default_metrics_are_all_that_need_nothing_else_and_syncnets() -> None:
    syncnet = ("lse_c", "lse_d", "av_offset")  # what users come for: without its weights the table says what is missing
    wanted = tuple(name for name, metric in METRICS.items() if not metric.requires or name in syncnet)
    assert sorted(wanted) == sorted(DEFAULT_METRICS)


def test_speaker_maps() -> None:
    entries = parse_speaker_map("index:0 = her voice.wav; point:1,20,30=b=c.wav;")
    assert entries == (
        SpeakerSound(FaceChoice("index", index=0), Path("her voice.wav")),
        SpeakerSound(FaceChoice("point", time=1, x=20, y=30), Path("b=c.wav")),
    )
    options = DubOptions(speaker_map="INDEX:0=a.wav")
    assert options.speaker_map == "index:0=a.wav"
    assert options.speakers == (SpeakerSound(FaceChoice("index", index=0), Path("a.wav")),)
    assert DubOptions().speakers == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        (" ; ", "empty"),
        ("index:0", "FACE=SOUND"),
        ("index:0=", "FACE=SOUND"),
        ("left=a.wav", "left"),
        ("index:0=a.wav;index:0=b.wav", "two sounds"),
        ("all=a.wav;index:0=b.wav", "two sounds"),
    ],
)
def test_other_speaker_maps_are_refused(text: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        DubOptions(speaker_map=text)


def test_a_face_and_a_map_contradict_each_other() -> None:
    with pytest.raises(OptionError, match="one of them"):
        DubOptions(face="index:1", speaker_map="index:0=a.wav")
