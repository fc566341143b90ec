"""The verb ``compare``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talkingface.cli_evaluate import check_report_path
from talkingface.cli_progress import output_console
from talkingface.cli_verbs import Session, parse_verb
from talkingface.errors import OptionError
from talkingface.run_folder import json_text, write_text


def compare(tokens: Sequence[str], session: Session) -> int:
    """Put methods side by side. The reports are only read."""
    arguments, options = parse_verb("compare", tokens, session)
    paths = [Path(report) for report in arguments.reports]
    outputs = [path for path in (options.markdown, options.latex, options.csv) if path is not None]
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise OptionError("two tables would be written to the same file; give each its own")
    from talkingface.evaluation import compare_tables  # only now: numpy
    from talkingface.evaluation.compare import compare_methods
    from talkingface.evaluation.method_report import read_reports

    reports = read_reports(paths, options.names)
    for path in outputs:
        check_report_path(path, [report.path for report in reports])
    comparison = compare_methods(reports, options.baseline, options.metrics, options.seed)
    if options.markdown is not None:
        write_text(options.markdown, compare_tables.comparison_to_markdown(comparison))
    if options.latex is not None:
        write_text(options.latex, compare_tables.comparison_to_latex(comparison))
    if options.csv is not None:
        write_text(options.csv, compare_tables.comparison_to_csv(comparison))
    if options.json:
        print(json_text(compare_tables.comparison_to_json(comparison)))
        return 0
    console = output_console()
    for table in compare_tables.comparison_to_console(comparison):
        console.print(table)
    for number, line in enumerate(compare_tables.remarks(comparison)):
        warning = "warning: " if number < len(comparison.warnings) else ""
        console.print(warning + line, style="yellow" if warning else "", markup=False, highlight=False, soft_wrap=True)
    return 0
