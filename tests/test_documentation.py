from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from talkingface.cli_verbs import VERBS, verb_parser

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")


def commands(name: str) -> list[str]:
    """Every line inside a code fence of a Markdown file that holds commands."""
    fences = re.findall(r"```(\w*)\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    shells = [fence for language, fence in fences if language in ("", "bash", "sh", "console")]
    return [line.strip() for fence in shells for line in fence.splitlines() if line.strip()]


def test_the_command_line_reference_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "write_cli_reference.py", "--check"], check=False)
    assert done.returncode == 0, "run: python tools/write_cli_reference.py"


def test_the_list_of_weights_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "write_checkpoints_readme.py", "--check"], check=False)
    assert done.returncode == 0, "run: python tools/write_checkpoints_readme.py"


@pytest.mark.parametrize("name", READMES)
def test_readmes_open_with_the_two_commands(name: str) -> None:
    run, tests = commands(name)[:2]
    assert run.startswith("python3 -m venv .venv && ")
    assert run.endswith("python run_talkingface.py --model=video_retalking --dataset=video-retalking")
    assert tests.startswith("python3 -m venv .venv && ")
    assert tests.endswith(".venv/bin/python -m pytest")
    assert run in commands(READMES[0]) and tests in commands(READMES[0])


@pytest.mark.parametrize(
    "name",
    [*READMES, "dataset/README.md", "docs/cli.md", "docs/evaluation.md", "docs/weights.md", "checkpoints/README.md"],
)
def test_documented_command_lines_are_valid(name: str) -> None:
    checked = 0
    for line in commands(name):
        words = shlex.split(line, comments=True)
        if words[:1] != ["talkingface"]:
            continue
        for verb in VERBS:
            size = len(verb.name.split())
            if words[1 : 1 + size] == verb.name.split():
                verb_parser(verb).parse(words[1 + size :])
                checked += 1
                break
        else:
            pytest.fail(f"{name}: no such verb: {line}")
    assert checked > 0


def test_links_between_documents_lead_somewhere() -> None:
    for name in (*READMES, "dataset/README.md", "checkpoints/README.md", "docs/weights.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            if "://" not in link:
                assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_every_row_of_the_media_tables_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "media.md").read_text(encoding="utf-8").partition("## Kinds and faults")[2]
    rows = [row for row in re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE) if "---" not in row[0]]
    rows = [row for row in rows if row[2] != "test"]
    assert len(rows) >= 40
    for kind, _, shown in rows:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[[^]]+])?`", shown)
        assert tests, kind
        for name, function in tests:
            source = (ROOT / name).read_text(encoding="utf-8")
            assert f"\ndef {function}(" in source, f"{kind}: {name}::{function}"


def test_built_in_configurations_are_packaged() -> None:
    files = list((ROOT / "src/talkingface/properties").rglob("*.yaml"))
    assert len(files) >= 3
    assert all(isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict) for path in files)


def test_constraints_pin_every_base_package() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    for name in ("numpy", "opencv-python-headless", "av", "onnxruntime", "PyYAML", "rich", "torch", "ruff", "mypy"):
        assert name in pins
    assert pins["torch"] == "2.13.0"


def test_the_check_script_uses_the_readme_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    pattern = re.search(r"grep -m 1 -E '([^']+)' README.md", script.read_text())
    assert pattern is not None
    assert [line for line in commands("README.md") if re.fullmatch(pattern[1].strip("^$"), line)] != []
