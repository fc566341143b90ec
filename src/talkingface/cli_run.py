"""The verbs ``run`` (also ``run_talkingface.py``) and ``prepare``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from talkingface.cli_progress import output_console, shown_job
from talkingface.cli_verbs import Session, Verb, find_verb, parse_verb, verb_parser
from talkingface.configuration import Configuration, configure
from talkingface.errors import MediaError
from talkingface.models.registry import load_model
from talkingface.option_arguments import GROUPS
from talkingface.option_fields import option_fields, plain_value
from talkingface.quick_start import run_configured

if TYPE_CHECKING:
    from rich.console import Console

    from talkingface.run_result import RunResult


def run(tokens: Sequence[str], session: Session) -> int:
    """Run a model on a dataset, score it, show the scores."""
    early, _ = verb_parser(_verb_of_model(tokens)).parse_known(tokens)  # answers --help
    configuration = configure(arguments=tokens)
    session.debug = configuration.options.debug
    console = output_console()
    show_configuration(console, configuration)
    if early.show_config:
        return 0
    with shown_job(keep_bars=False) as (progress, cancel):
        result = run_configured(configuration, progress, cancel)
    show_result(console, result)
    return result.exit_code


def _verb_of_model(tokens: Sequence[str]) -> Verb:
    """The verb ``run`` with the options of the model whose help is asked for."""
    verb, asking = find_verb("run"), ("-h", "--help")
    if not any(word in asking for word in tokens):
        return verb
    known, _ = verb_parser(verb).parse_known([word for word in tokens if word not in asking])
    model = getattr(known, "model", None)
    return verb if model is None else replace(verb, schema=load_model(model).options_class)


def prepare(tokens: Sequence[str], session: Session) -> int:
    """Make sure that a dataset is there, and say what it holds."""
    _, options = parse_verb("prepare", tokens, session)
    from talkingface.data.datasets import SAMPLE_DATASET, open_dataset, prepare_dataset
    from talkingface.options import SPLITS

    with shown_job() as (progress, cancel):
        folder = prepare_dataset(options.dataset, options.dataset_dir, progress, cancel)
    empty = True
    for split in SPLITS:
        dataset = open_dataset(folder, split)
        if dataset.faces or dataset.sounds:
            empty = False
            rows = f", {len(dataset.rows)} rows in its manifest" if dataset.rows else ""
            where = folder / split if dataset.has_splits or not dataset.faces else folder
            layout = "" if dataset.layout == SAMPLE_DATASET else f", layout {dataset.layout}"
            print(f"{where}: {len(dataset.faces)} faces, {len(dataset.sounds)} sounds{rows}{layout}")
            if where == folder:
                break  # without splits, every split is all there is
    if empty:
        raise MediaError(f"{folder}: holds no videos or sounds; put videos in val/face and sounds in val/audio")
    return 0


def show_configuration(console: Console, configuration: Configuration) -> None:
    """Print every option under its group, with its value and origin."""
    from rich.text import Text

    options = configuration.options
    fields = option_fields(type(options))
    groups = dict.fromkeys(field.text.group for field in fields.values())
    width = max(map(len, fields))
    values = {name: _shown(plain_value(getattr(options, name))) for name in fields}
    value_width = min(30, max(map(len, values.values())))
    for group in sorted(groups, key=lambda name: GROUPS.index(name) if name in GROUPS else len(GROUPS)):
        console.print(Text(group, style="bold magenta"))
        for name, field in fields.items():
            if field.text.group == group:
                line = Text(f"  {name:<{width}}  ", style="cyan")
                line.append(f"{values[name]:<{value_width}}", style="yellow")
                line.append(f"  {configuration.origins[name]}", style="dim")
                console.print(line, soft_wrap=True)


def show_result(console: Console, result: RunResult) -> None:
    """Print the score table, failures and where everything lies."""
    from rich.text import Text

    from talkingface.evaluation.report import reasons, result_to_table

    if result.evaluation is not None:
        console.print(result_to_table(result.evaluation))
        for line in (*(f"n/a: {reason}" for reason in reasons(result.evaluation)), *result.evaluation.notes):
            console.print(Text(line), soft_wrap=True)
    for name, reason in result.failures.items():
        console.print(Text(f"{name}: {reason}", style="red"), soft_wrap=True)
    if result.evaluation_failure:
        console.print(Text(f"scoring failed: {result.evaluation_failure}", style="red"), soft_wrap=True)
    style = "green" if result.exit_code == 0 else "bold red"
    console.print(Text(f"{result.status} (success rate {result.success_rate:.0%})", style=style), soft_wrap=True)
    console.print(Text(f"videos and reports: {result.folder}"), soft_wrap=True)


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(value) or "none" if isinstance(value, list) else str(value)
