"""Write checkpoints/README.md from the catalog of weights. With --check, only say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from talkingface.weights.catalog import CATALOG, NOT_USED, CatalogEntry
from talkingface.weights.store import SUBFOLDERS, size_text

TARGET = Path(__file__).resolve().parents[1] / "checkpoints" / "README.md"

OPENING = f"""# Checkpoints

<!-- Written by tools/write_checkpoints_readme.py from src/talkingface/weights/catalog.py. -->

Weights you bring lie here, or under `--checkpoint_dir`; nothing here but this file is tracked.

The `landmark` backend, which is the default, needs nothing here: its networks ship inside the package. Nothing is ever
downloaded unless you ask for it:

```
talkingface weights list                     # which there are, which are here, their licences
talkingface weights pull DNet LNet ENet      # download, going on where an earlier download ended, and check
talkingface weights import ~/Downloads/*.pth # put files you have in their places, recognised by their content
talkingface weights verify                   # hash where known, every tensor's name, shape and numbers
talkingface weights convert --precision fp16 # safetensors, without optimisers' moments and stale copies
```

Files are looked for in this folder, then in {", ".join(f"`{name}/`" for name in SUBFOLDERS if name)} in it, then in the
folder `weights` of the user's cache and in torch's own cache (`~/.cache/torch/hub/checkpoints`). A file that
`weights convert` wrote may take its place: `<name>.safetensors`. Files are read without running anything in them; one
that is damaged, incomplete or of another network is refused by name. More: [docs/weights.md](../docs/weights.md).

Commercial use is *unknown* where nobody states a licence of the weights themselves. `--commercial-only` refuses
those too.
"""


def readme() -> str:
    """The file's whole text."""
    brought = [entry for entry in CATALOG.values() if not entry.embedded and entry.stage != NOT_USED]
    unused = [entry for entry in CATALOG.values() if entry.stage == NOT_USED]
    embedded = [entry for entry in CATALOG.values() if entry.embedded]
    parts = [
        OPENING,
        "## Files you can bring\n",
        _table(
            ("name", "file", "size", "what", "for", "licence", "commercial use", "SHA-256 (or its beginning)"), brought
        ),
        "## Where they come from\n",
        "\n".join(f"- {entry.name}: {_sources(entry)}" for entry in brought) + "\n",
        "What lies at github.com/vinthony is the release of VideoReTalking's authors; huggingface.co/camenduru is a "
        "mirror by others.\n",
        "## Files of the released programs that are not used\n",
        _table(("name", "file", "size", "what", "licence", "commercial use"), unused),
        "## Inside the package\n",
        _table(("name", "what", "licence", "commercial use"), embedded),
    ]
    return "\n".join(parts)


def _table(titles: tuple[str, ...], entries: list[CatalogEntry]) -> str:
    lines = [titles, ("---",) * len(titles)]
    lines += [tuple(_cell(title, entry) for title in titles) for entry in entries]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(title: str, entry: CatalogEntry) -> str:
    place = f"`{entry.released}`"
    if entry.torch_folder:
        place = f"torch's cache: `{entry.torch_folder}/{entry.files[0]}`"
    return {
        "name": f"`{entry.name}`",
        "file": place,
        "size": "unknown" if entry.size is None else size_text(entry.size),
        "what": entry.help,
        "for": entry.stage,
        "licence": entry.licence,
        "commercial use": entry.commercial_word,
        "SHA-256 (or its beginning)": f"`{entry.sha256}`" if entry.sha256 else "unknown",
    }[title]


def _sources(entry: CatalogEntry) -> str:
    return "; ".join([*(f"<{url}>" for url in entry.urls), *([entry.note] if entry.note else [])])


def main() -> int:
    """Write it, or compare."""
    text = readme()
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
