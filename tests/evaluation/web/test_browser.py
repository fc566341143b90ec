"""The page in a real browser, where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from talkingface.evaluation.result import EvaluationRow
from talkingface.evaluation.web import write_web_report
from talkingface.progress import Cancellation, SilentProgress

BROWSER = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --mute-audio --timeout=8000 --virtual-time-budget=4000"
)
# A window of Chromium cannot be as narrow as a phone; a frame in it can.
AROUND = """<!DOCTYPE html><body><iframe width="390" height="800" srcdoc="{page}"></iframe><pre></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {{
  const page = frame.contentDocument, film = page.querySelector("video");
  for (const part of page.querySelectorAll("details")) part.open = true;
  const tell = () => {{
    document.querySelector("pre").textContent = JSON.stringify({{
      wide: page.documentElement.scrollWidth, inside: page.documentElement.clientWidth,
      film: [film.videoWidth, film.videoHeight, film.readyState], seconds: film.duration,
      sorts: page.querySelectorAll("table.sortable button").length,
    }});
  }};
  film.addEventListener("loadeddata", tell);
  tell();
}};
</script></body>"""


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_the_page_fits_a_phone_and_its_film_plays(
    tmp_path: Path, report: dict[str, Any], rows: list[EvaluationRow]
) -> None:
    made = tmp_path / "report.html"
    write_web_report(made, report, rows, progress=SilentProgress(), cancel=Cancellation(), threads=1)
    around = tmp_path / "around.html"
    around.write_text(AROUND.format(page=html.escape(made.read_text(encoding="utf-8"))), encoding="utf-8")
    profile = tmp_path / "profile"
    profile.mkdir()
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={profile}", "--dump-dom", around.as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    said = re.search(r"<pre>(\{.*?\})</pre>", shown)
    assert said is not None
    seen = json.loads(html.unescape(said[1]))
    assert seen["wide"] <= seen["inside"] <= 390
    assert seen["film"][:2] == [128, 48] and seen["film"][2] >= 2
    assert seen["seconds"] == pytest.approx(2.0, abs=0.1)
    assert seen["sorts"] == 3  # its script runs
