"""Runs the real `advisor demo` and keeps its result: a picture and the figures behind it.

    python scripts/make_screenshot.py

Writes docs/images/demo.svg (the table that the command shows, drawn by rich from the run's own
document) and benchmarks/results/demo.json. Progress goes to the terminal while it runs.
"""

from __future__ import annotations

import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from advisor.render.report import show_demo
from advisor.stages.profile.hardware import measure_machine

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "demo.svg"
RESULT = ROOT / "benchmarks" / "results" / "demo.json"
WIDTH = 84


def run_demo() -> dict[str, Any]:
    """The document of a fresh run of every bundled task: no answer or vector kept from before.

    Raises subprocess.CalledProcessError when the command fails.
    """
    program = Path(sys.executable).with_name("advisor")
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "demo", "--json", "--run-dir", folder]
        fresh = {**os.environ, "ADVISOR_HOME": str(Path(folder) / "home"), "ADVISOR_CACHE": ""}
        told = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, env=fresh
        )
    document: dict[str, Any] = json.loads(told.stdout)
    return document


def draw(tasks: list[dict[str, Any]]) -> str:
    """The demo's closing table as SVG, without the fonts that rich would fetch from the web."""
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        markup=False,
        highlight=False,
    )
    console.print(Text("$ make demo", style="bold green"))
    show_demo(console, tasks)
    own_fonts = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(
        title="advisor demo", theme=MONOKAI, code_format=own_fonts, unique_id="advisor-demo"
    )


def machine() -> str:
    """This machine in a few words."""
    found = measure_machine()
    gpu = found.gpu or ("no GPU" if found.gpus == 0 else "GPU unknown")
    return f"{found.cpu_cores} cores, {platform.machine()}, {platform.system()}, {gpu}"


def main() -> int:
    """Run, draw, keep."""
    document = run_demo()
    figures = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "python": platform.python_version(),
        "advisor_version": document["advisor_version"],
        "tasks": [{k: v for k, v in task.items() if k != "run_dir"} for task in document["tasks"]],
    }
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(document["tasks"]), encoding="utf-8")
    RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {PICTURE.relative_to(ROOT)}, {RESULT.relative_to(ROOT)}. Now: make docs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
