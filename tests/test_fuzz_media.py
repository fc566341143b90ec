from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "fuzz_media.py"


def test_mutated_media_end_in_a_documented_way(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--count=15", "--seed=7", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^slowest: ", done.stdout, re.MULTILINE)
    assert not (tmp_path / "kept").exists()
