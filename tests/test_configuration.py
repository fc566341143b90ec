from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from talkingface.configuration import configure, read_yaml, split_names
from talkingface.errors import OptionError
from talkingface.option_fields import option_fields, plain_value
from talkingface.options import ToolkitOptions

pytestmark = pytest.mark.usefixtures("workplace")


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def test_later_layers_win_and_every_value_knows_its_origin() -> None:
    one = write("one.yaml", "crf: 20\nseed: 1\nthreads: 1\nlength: loop\n")
    two = write("two.yaml", "seed: 2\nthreads: 2\nlength: hold\n")
    found = configure([one, two], {"threads": 3, "length": "cut"}, ["--length=pad"])
    values = {
        name: getattr(found.options, name) for name in ("video_codec", "crf", "seed", "threads", "length", "start")
    }
    assert values == {
        "video_codec": "h264", "crf": 20, "seed": 2, "threads": 3, "length": "bounce,pad", "start": None,
    }  # fmt: skip
    assert {name: found.origins[name] for name in values} == {
        "video_codec": "built-in overall.yaml",
        "crf": "one.yaml",
        "seed": "two.yaml",
        "threads": "run()",
        "length": "command line",
        "start": "default",
    }
    assert found.origins["backend"] == "built-in model/video_retalking.yaml"
    assert found.origins["pairing"] == "built-in dataset/video-retalking.yaml"


def test_command_line_config_files_come_after_those_of_python() -> None:
    one, two, three = (write(f"{n}.yaml", f"seed: {n}") for n in (1, 2, 3))
    assert configure([one], {}, ["--config_files", "2.yaml 3.yaml"]).options.seed == 3
    assert configure([three], {}, ["--config-files=1.yaml,2.yaml"]).options.seed == 2
    assert configure([], {}, ["--config-files", "1.yaml", "2.yaml", "--crf", "3"]).origins["seed"] == "2.yaml"
    assert configure([], {}, ["--config_files", "2.yaml", "--config_files", "1.yaml"]).options.seed == 1
    assert (one, two) == (Path("1.yaml"), Path("2.yaml"))


def test_values_are_read_by_the_type_of_the_option() -> None:
    file = write(
        "a.yaml", "crf: '21'\nstart: 1e-1\nmark: 'off'\nmetrics: sharpness_ratio, sync_offset\nresults_dir: a=b\n"
    )
    options = configure([file]).options
    assert (options.crf, options.start, options.mark) == (21, 0.1, False)
    assert options.metrics == ("sharpness_ratio", "sync_offset")
    assert options.results_dir == Path("a=b")
    assert configure([], {"metrics": ["sync_offset"]}).options.metrics == ("sync_offset",)
    assert configure([], {}, ["--metrics", ""]).options.metrics == ()
    assert configure([write("b.yaml", "start: 5")], {}, ["--start=none"]).options.start is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crff: 20", r"there is no option 'crff' in bad\.yaml; did you mean 'crf'"),
        ("crf: 99", r"crf in bad\.yaml: '99' is not a whole number from 0 to 51"),
        ("crf: [1]", r"crf in bad\.yaml"),
        ("crf: {value: 1}", r"crf in bad\.yaml"),
        ("crf:", r"crf in bad\.yaml: 'None'"),
        ("crf: 1/0", r"'1/0' is not a whole number"),
        ("crf: 1\ncrf: 2", "the key 'crf' is there twice"),
        ("- crf", "must hold lines of 'key: value'"),
        ("just text", "must hold lines"),
        ("crf: [", "is not YAML"),
        ("crf: !!python/object/apply:os.abort []", "is not YAML"),
        ("backend: neurl", r"backend in bad\.yaml: there is no 'neurl'; did you mean 'neural'"),
        ("model: sadtalker", "there is no model 'sadtalker'; known: video_retalking, wav2lip"),
        ("model: video_retaking", "did you mean 'video_retalking'"),
        ("dataset: video-retaling", r"there is no dataset .*did you mean 'video-retalking'"),
        ("metrics: [ssim]", "there is no metric 'ssim'"),
        ("metrics: [sharpness]", "did you mean 'sharpness_ratio'"),
        ("start: 3\nend: 2", "--end 2 is not after --start 3"),
    ],
)
def test_bad_files_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        configure([write("bad.yaml", text)])


def test_missing_and_odd_files() -> None:
    with pytest.raises(OptionError, match=r"config file nothing\.yaml: cannot be read: No such file"):
        configure(["nothing.yaml"])
    with pytest.raises(OptionError, match="cannot be read"):
        read_yaml(Path())
    assert read_yaml(write("empty.yaml", "# only a comment\n")) == {}


def test_python_keywords_are_checked_alike() -> None:
    with pytest.raises(OptionError, match=r"there is no option 'sead' in run\(\); did you mean 'seed'"):
        configure([], {"sead": 1})
    with pytest.raises(OptionError, match=r"seed in run\(\)"):
        configure([], {"seed": 1.5})


def test_the_model_may_come_from_any_layer_and_brings_its_options(other_package: Path) -> None:
    file = write("m.yaml", "model: scripted\nloudness: 0.25\n")
    found = configure([file])
    assert type(found.model).__name__ == "Scripted"
    assert (found.options.model, found.options.loudness) == ("scripted", 0.25)  # type: ignore[attr-defined]
    assert configure([file], {}, ["--loudness", "0.75"]).origins["loudness"] == "command line"
    with pytest.raises(OptionError, match="there is no option 'loudness'"):
        configure([file], {"model": "video_retalking"})
    with pytest.raises(OptionError, match="there is no option --loudness"):
        configure([file], {}, ["-m", "video_retalking", "--loudness=1"])


def test_the_dataset_may_be_any_folder_present() -> None:
    Path("data/hdtf").mkdir(parents=True)
    found = configure([], {}, ["-d", "hdtf", "--dataset_dir", "data"])
    assert found.options.dataset == "hdtf"
    assert found.origins["pairing"] == "built-in overall.yaml"


def test_the_resolved_file_gives_the_same_run_again() -> None:
    first = configure([], {"length": "pad", "work_dir": "w x: #y"}, ["--crf=3", "--metrics=sync_offset", "--end=2.5"])
    again = configure([write("config.yaml", first.to_yaml())])
    assert again.options == first.options
    assert "crf: 3  # command line\n" in first.to_yaml()
    assert set(again.origins.values()) == {"config.yaml"}
    assert first.to_json()["crf"] == {"value": 3, "origin": "command line"}


def test_the_built_in_overall_file_repeats_the_defaults() -> None:
    path = Path(__file__).parents[1] / "src/talkingface/properties/overall.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    fields = option_fields(ToolkitOptions)
    assert content == {name: plain_value(fields[name].default) for name in content}
    assert set(fields) - set(content) == {"start", "end", "preview", "work_dir", "cache_dir", "debug"}


def test_names_are_split_but_a_file_with_a_space_is_kept() -> None:
    write("my file.yaml", "crf: 1")
    assert split_names(["a,b c", "my file.yaml"]) == ["a", "b", "c", "my file.yaml"]
