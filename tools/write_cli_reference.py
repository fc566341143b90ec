"""Write ``docs/cli.md`` from the options schema and the table of verbs.

``python tools/write_cli_reference.py`` writes it; ``--check`` only tells, by its exit status, whether it is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from talkingface.cli import EXIT_CODES
from talkingface.cli_verbs import VERBS, Verb
from talkingface.evaluation.registry import METRICS
from talkingface.option_arguments import GROUPS, default_text
from talkingface.option_fields import OptionField, option_fields
from talkingface.options import ToolkitOptions

REFERENCE = Path(__file__).parents[1] / "docs" / "cli.md"
INTRODUCTION = """\
# Command line

<!-- Written by tools/write_cli_reference.py; change the options schema, not this file. -->

`talkingface VERB ...`, or `python -m talkingface VERB ...`. `talkingface VERB --help` shows a verb's options.
Options are written `--key=value` or `--key value`; hyphens and underscores in a key are the same. A value that is not
valid, or a key that does not exist, is an error that names the nearest valid ones.
"""
CONFIGURATION = """\
The same keys, with underscores, are YAML keys and keywords of `talkingface.quick_start.run`. Later layers win:

1. the defaults below,
2. the package's own `overall.yaml`, `model/<model>.yaml` and `dataset/<dataset>.yaml`,
3. your files, `--config_files a.yaml b.yaml` (spaces or commas between them),
4. keywords given to `run()`,
5. the command line.

`--show-config` prints every value and the layer it comes from, and stops. The run folder's `config.yaml` holds the
same, and can itself be given to `--config_files`.
"""


def reference() -> str:
    """Return the whole document."""
    parts = [INTRODUCTION, *(verb_section(verb) for verb in VERBS), metric_section(), exit_section()]
    return "\n".join(parts)


def verb_section(verb: Verb) -> str:
    """Return one verb's section."""
    lines = [f"## talkingface {verb.name}", "", f"{verb.summary}.", ""]
    if verb.example:
        lines += ["```", verb.example, "```", ""]
    if issubclass(verb.schema, ToolkitOptions):
        lines += ["`python run_talkingface.py ...` is the same.", "", CONFIGURATION]
    if verb.arguments:
        lines += ["| argument | meaning |", "| --- | --- |"]
        for argument in verb.arguments:
            name = ", ".join(f"`{flag} {argument.metavar}`" for flag in argument.flags) or f"`{argument.metavar}`"
            name += " ..." if argument.several else ""
            lines.append(f"| {name} | {argument.help} |")
        lines.append("")
    fields = option_fields(verb.schema).values()
    lines += ["| option | value | default | meaning |", "| --- | --- | --- | --- |"]
    for field in sorted(fields, key=lambda field: GROUPS.index(field.text.group)):
        lines.append(f"| {names(field)} | {field.expectation} | {default(field)} | {field.text.help} |")
    return "\n".join([*lines, ""])


def names(field: OptionField) -> str:
    """Return every spelling of an option."""
    spellings = [field.flag, *([field.text.short] if field.text.short else [])]
    if field.kind is bool:
        spellings.append(field.flag.replace("--", "--no-", 1))
    return ", ".join(f"`{spelling}`" for spelling in spellings)


def default(field: OptionField) -> str:
    """Return an option's default."""
    return f"`{default_text(field)}`"


def metric_section() -> str:
    """Return the table of metrics."""
    lines = ["## Metrics", "", "| metric | unit | better | needs a real video of the same speech | meaning |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for metric in METRICS.values():
        truth = "yes" if metric.needs_truth else "no"
        lines.append(f"| `{metric.name}` | {metric.unit or '-'} | {metric.direction} | {truth} | {metric.help} |")
    return "\n".join([*lines, ""])


def exit_section() -> str:
    """Return the table of exit statuses."""
    lines = ["## Exit status", "", "| status | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    lines += [
        "",
        "An error is one line on standard error; `--debug` shows a traceback before it. When several pairs of a run "
        "fail, the run ends with their status if they share one, else with 1.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Write the document, or with ``--check`` compare it."""
    text = reference()
    if sys.argv[1:] == ["--check"]:
        return 0 if REFERENCE.is_file() and REFERENCE.read_text(encoding="utf-8") == text else 1
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
