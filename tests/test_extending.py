"""The package of docs/extending.md, taken out of the page, installed and run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest

from talkingface.cli import main
from talkingface.data.datasets import open_dataset
from talkingface.data.layout_table import check_layout, other_layouts
from talkingface.data.sample import build_sample
from talkingface.errors import MediaError, OptionError
from talkingface.evaluation.registry import available_metrics
from talkingface.models.registry import available_models, load_model
from talkingface.options import ToolkitOptions
from talkingface.progress import Cancellation, SilentProgress

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^## [^\n]*: `([\w.]+)`\n.*?^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMAND = re.findall(r"^```bash\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
MODULES = tuple(name.removesuffix(".py") for name in FILES if name.endswith(".py"))


def install(site: Path, project: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay a package's description beside its modules, as an installer does."""
    about = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (about / "METADATA").write_text(head)
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page's package, installed."""
    site = tmp_path / "site"
    site.mkdir()
    for name, text in FILES.items():
        (site / name).write_text(text)
    for module in MODULES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    install(site, tomllib.loads(FILES["pyproject.toml"])["project"], monkeypatch)
    return site


@pytest.fixture
def people(workplace: Path) -> Path:
    """``dataset/people``: two people in folders of their own."""
    build_sample(workplace / "sample", SilentProgress(), Cancellation())
    video = next((workplace / "sample" / "val" / "face").glob("*.mp4"))
    sounds = sorted((workplace / "sample" / "val" / "audio").glob("*.wav"))
    folder = workplace / "dataset" / "people"
    for name, sound in zip(("anna", "bert"), sounds, strict=True):
        (folder / name).mkdir(parents=True)
        shutil.copy(video, folder / name / "video.mp4")
        shutil.copy(sound, folder / name / "speech.wav")
    return folder


def luma_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as source:
        return [frame.to_ndarray(format="gray") for frame in source.decode(video=0)]


def test_the_page_holds_a_package_with_one_of_each() -> None:
    assert set(FILES) == {"pyproject.toml", "covered_mouth.py", "folder_each.py", "face_share.py"}
    points = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    assert set(points) == {"talkingface.models", "talkingface.datasets", "talkingface.metrics"}
    assert len(COMMAND) == 1


def test_a_run_with_a_model_a_dataset_and_a_metric_from_outside(extension: Path, people: Path) -> None:
    words = shlex.split(COMMAND[0])
    assert words[0] == "talkingface"
    assert main(words[1:]) == 0
    (folder,) = (people.parents[1] / "results").iterdir()
    assert folder.name.startswith("covered_mouth-people-")
    report = json.loads((folder / "report.json").read_text())
    assert report["configuration"]["grey"] == {"value": 90, "origin": "command line"}
    made = {Path(pair["face"]).parent.name: pair for pair in report["pairs"]}
    assert set(made) == {"anna", "bert"}
    for name, pair in made.items():
        assert Path(pair["audio"]).parent.name != name  # unpaired: another's sound
        assert pair["report"]["backend"] == "covered_mouth"
        frames, source = luma_of(Path(pair["output"])), luma_of(people / name / "video.mp4")
        assert len(frames) == 10
        middle = np.abs(frames[5].astype(int) - source[5].astype(int)) > 30
        assert 0.01 < middle.mean() < 0.3
    means = report["evaluation"]["means"]
    assert 0 <= means["face_share"]["value"] <= 1
    assert means["background_change"]["value"] is not None


def test_what_comes_from_outside_is_listed_without_being_imported(
    extension: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert available_models()["covered_mouth"].origin == "package my-talking-faces 1.0"
    assert other_layouts()["folder_each"].origin == "package my-talking-faces 1.0"
    assert main(["models"]) == 0
    assert "covered_mouth" in capsys.readouterr().out
    assert not {"covered_mouth", "folder_each"} & set(sys.modules)
    assert available_metrics()["face_share"].unit == "share of frames"
    assert load_model("covered_mouth").options_class().grey == 128


def test_a_layout_from_outside_is_an_option_like_any_other(extension: Path, people: Path) -> None:
    assert ToolkitOptions(layout="folder_each").layout == "folder_each"
    with pytest.raises(OptionError, match="--layout: there is no 'folder_eech'; did you mean 'folder_each'"):
        ToolkitOptions(layout="folder_eech")
    assert [sample.name for sample in open_dataset(people, "val", "folder_each").samples] == ["anna", "bert"]
    with pytest.raises(OptionError, match="there is no layout 'lrs3'; did you mean 'lrs2'"):
        open_dataset(people, "val", "lrs3")
    assert main(["pairs", "-d", "people", "--layout=folder_each", "--pairing=cross", "-o", "p.csv"]) == 0
    assert len(Path("p.csv").read_text().splitlines()) == 3


BROKEN = """
from talkingface.errors import MediaError

not_callable = 5


def fails(folder, split, rows):
    raise ValueError("no idea")


def unreadable(folder, split, rows):
    raise MediaError("the list is torn")


def wrong(folder, split, rows):
    return ["a.mp4"]


def hides(folder, split, rows):
    raise AssertionError("a built-in layout was taken")
"""


def test_layouts_that_do_not_work_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    points = {name: f"broken_layouts:{name}" for name in ("not_callable", "fails", "unreadable", "wrong", "missing")}
    points |= {"elsewhere": "no_such_module:list", "hdtf": "broken_layouts:hides", "auto": "broken_layouts:hides"}
    project = {"name": "broken", "version": "2.0", "entry-points": {"talkingface.datasets": points}}
    install(site, project, monkeypatch)
    (site / "broken_layouts.py").write_text(BROKEN)
    monkeypatch.delitem(sys.modules, "broken_layouts", raising=False)
    for name, message in (
        ("not_callable", r"layout 'not_callable' \(package broken 2\.0\) cannot be used: .* is no function"),
        ("fails", r"layout 'fails' \(package broken 2\.0\) failed on .*: ValueError: no idea"),
        ("wrong", r"layout 'wrong' \(package broken 2\.0\) gives a list instead of a Listing"),
        ("missing", r"layout 'missing' .* cannot be loaded from broken_layouts:missing: AttributeError"),
        ("elsewhere", r"layout 'elsewhere' .* cannot be loaded from no_such_module:list: ModuleNotFoundError"),
    ):
        with pytest.raises(OptionError, match=message):
            open_dataset(tmp_path, "val", check_layout(name))
    with pytest.raises(MediaError, match="the list is torn"):
        open_dataset(tmp_path, "val", "unreadable")
    assert open_dataset(tmp_path, "val", "hdtf").samples == ()
    assert not {"hdtf", "auto"} & set(other_layouts())
