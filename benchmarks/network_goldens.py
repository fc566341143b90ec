"""Largest errors of every network and every group of functions against the released programs' values.

    python benchmarks/network_goldens.py GOLDENS [--dtype float64] [--folded] [--networks DNet,LNet] [--functions-only]

GOLDENS is a folder with ``verify.py``, ``inputs.py`` and ``public/*.npz``. The tests check the same values against the
same tolerances; this shows how near they come. Exits with 1 if anything is outside its tolerance.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from function_goldens import GROUPS, Compared, Goldens

from talkingface.models.inference_folding import fold_for_inference, lay_channels_last
from talkingface.models.networks import build


def loaded(path: Path) -> ModuleType:
    """A program that lies beside the values."""
    spec = importlib.util.spec_from_file_location(f"golden_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is not a Python program")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def network_rows(folder: Path, names: list[str], dtype: torch.dtype, folded: bool) -> list[tuple[str, Compared, str]]:
    """For every network the output that comes nearest to its tolerance, and whether all of them pass."""
    verify = loaded(folder / "verify.py")

    def prepared(name: str) -> Any:
        def run(module: Any, tensors: Any) -> Any:
            fold_for_inference(module)
            lay_channels_last(module)
            return verify.run_net(name, module, tensors)

        return build(name), run

    found = []
    for name in names or list(verify.CALLS):
        rows = verify.verify_net(prepared if folded else build, name, "public", folder, dtype=dtype)
        worst = max(rows, key=lambda row: row.max_abs / row.tol if row.max_abs == row.max_abs else 0.0)
        bad = [f"{row.output}: {row.status} {row.note}" for row in rows if row.status != "PASS"]
        label = f"{worst.output} ({len(rows)} outputs)" if len(rows) > 1 else worst.output
        found.append((name, Compared(label, worst.max_abs, worst.tol), "; ".join(bad) or "pass"))
    return found


def function_rows(folder: Path) -> list[tuple[str, Compared, str]]:
    """For every group of functions the array that comes nearest to its tolerance."""
    found = []
    for group, compare in GROUPS.items():
        compared = compare(Goldens(folder, group, loaded(folder / "inputs.py").make))
        worst = max(compared, key=lambda one: (one.error > one.tolerance, one.share))
        bad = [one.name for one in compared if one.error > one.tolerance]
        label = f"{worst.name} ({len(compared)} arrays)" if len(compared) > 1 else worst.name
        verdict = f"outside: {', '.join(bad)}" if bad else "pass"
        found.append((group, Compared(label, worst.error, worst.tolerance), verdict))
    return found


def table(title: str, rows: list[tuple[str, Compared, str]]) -> bool:
    """Print rows; whether all passed."""
    print(f"\n| {title} | nearest to its tolerance | largest error | tolerance | share of it | |\n{'| --- ' * 6}|")
    for name, worst, verdict in rows:
        print(f"| {name} | {worst.name} | {worst.error:.2g} | {worst.tolerance:.2g} | {worst.share:.2f} | {verdict} |")
    return all(verdict == "pass" for _, _, verdict in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goldens", type=Path)
    parser.add_argument("--dtype", default="float32", choices=("float32", "float64"), help="of the networks")
    parser.add_argument("--folded", action="store_true", help="networks as the neural backend runs them")
    parser.add_argument("--networks", default="", help="names separated by commas; all if empty")
    parser.add_argument("--functions-only", action="store_true")
    args = parser.parse_args()
    passed = True
    if not args.functions_only:
        names = [name for name in args.networks.split(",") if name]
        rows = network_rows(args.goldens, names, getattr(torch, args.dtype), args.folded)
        passed = table(f"network, {args.dtype}{', folded' if args.folded else ''}", rows)
    if not args.networks:
        passed = table("functions", function_rows(args.goldens)) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
