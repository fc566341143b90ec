"""The verb ``pairs``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from talkingface.cli_evaluate import check_report_path
from talkingface.cli_progress import shown_job
from talkingface.cli_verbs import Session, parse_verb
from talkingface.data.manifest import PROTOCOL_COLUMNS, ManifestRow, write_manifest


def pairs(tokens: Sequence[str], session: Session) -> int:
    """Write a protocol's pairs as a manifest; the dataset is only read."""
    arguments, options = parse_verb("pairs", tokens, session)
    output = Path(arguments.output_file)
    from talkingface.data.datasets import dataset_folder, make_pairs, open_dataset
    from talkingface.data.layouts import MANIFEST_NAME

    folder = dataset_folder(options.dataset, options.dataset_dir)
    dataset = open_dataset(folder, options.split, options.layout)
    check_report_path(output, [folder / MANIFEST_NAME, *dataset.faces, *dataset.sounds])
    with shown_job() as (progress, _):
        found = make_pairs(dataset, options.pairing, options.limit, progress, seed=options.seed)
    rows = [ManifestRow(pair.face, pair.audio, "", pair.truth, pair.name, "", f"{pair.name}.mp4") for pair in found]
    write_manifest(output, rows, PROTOCOL_COLUMNS)
    print(f"{output}: {len(rows)} pair{'s' if len(rows) > 1 else ''}, layout {dataset.layout}")
    return 0
