"""What a command loads and what it costs before it does anything."""

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = {"numpy", "pydantic", "rich", "torch", "transformers", "yaml"}
NO_ML = {
    "accelerate",
    "datasets",
    "faiss",
    "numpy",
    "peft",
    "scipy",
    "sentence_transformers",
    "torch",
    "transformers",
    "trl",
}
HELP_SECONDS = 0.15
ESTIMATE_SECONDS = 0.5
YARDSTICK = ("-c", "import click, pydantic, rich.table, yaml")
YARDSTICK_SECONDS = 0.11
"""CPU time of the yardstick on the machine the budgets were written for.

A busy or slower machine makes all work dearer, CPU time too (1.9 times was seen in CI), so the
budgets are stretched by what the yardstick, run in turn with the command, takes there.
"""
SPREAD = 1.5

ESTIMATE = ("estimate", "--model", "70b", "--method", "qlora")
PROBE = """
import json, sys
from advisor.cli.main import main
sys.argv = ["advisor", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    code = stop.code
print(json.dumps({"code": code, "loaded": sorted({m.partition(".")[0] for m in sys.modules})}), file=sys.stderr)
"""


def loaded_by(cwd: Path, *words: str) -> set[str]:
    outcome = subprocess.run(
        [sys.executable, "-c", PROBE, *words], cwd=cwd, capture_output=True, text=True, check=False
    )
    told = json.loads(outcome.stderr.strip().splitlines()[-1])
    assert told["code"] in (0, None), outcome.stderr
    return set(told["loaded"])


def cpu_seconds(cwd: Path, *words: str) -> float:
    """User and system time of one `python WORDS`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_loads_nothing_beyond_click(tmp_path: Path):
    assert loaded_by(tmp_path, "--help") & (LIGHT | NO_ML) == set()


def test_importing_the_package_costs_nothing(tmp_path: Path):
    code = "import sys; before = set(sys.modules); import advisor; print(len(set(sys.modules) - before))"
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert int(outcome.stdout) <= 2  # advisor itself and __future__


@pytest.mark.parametrize("words", [ESTIMATE, (*ESTIMATE, "--json"), ("rules", "list"), ("doctor",)])
def test_light_commands_load_no_ml_library(tmp_path: Path, words: tuple[str, ...]):
    assert loaded_by(tmp_path, *words) & NO_ML == set()


@pytest.mark.parametrize(
    ("words", "budget"), [(("--help",), HELP_SECONDS), (ESTIMATE, ESTIMATE_SECONDS)]
)
def test_start_up_stays_inside_its_budget(tmp_path: Path, words: tuple[str, ...], budget: float):
    pairs = [
        (cpu_seconds(tmp_path, *YARDSTICK), cpu_seconds(tmp_path, "-m", "advisor", *words))
        for _ in range(5)
    ]
    yardstick, command = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    slowness = max(1.0, yardstick / YARDSTICK_SECONDS)
    assert command < budget * slowness * SPREAD


def test_the_probe_sees_what_is_loaded(tmp_path: Path):
    """A probe that reported nothing would make every test above pass."""
    assert "click" in loaded_by(tmp_path, "--help")
    assert "pydantic" in loaded_by(tmp_path, "doctor")


def test_no_face_loads_an_ml_library(tmp_path: Path, root: Path):
    """Every module without a leading underscore is a face, and faces are light."""
    names = []
    for package in ("advisor", "rag_baseline", "trainers"):
        for file in sorted((root / package).rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            if not any(part.startswith("_") for part in parts):
                names.append(".".join(parts))
    code = (
        "import importlib, json, sys\n"
        f"for name in {names!r}:\n    importlib.import_module(name)\n"
        "print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr[-2000:]
    assert len(names) > 80
    assert set(json.loads(outcome.stdout)) & NO_ML == set()
