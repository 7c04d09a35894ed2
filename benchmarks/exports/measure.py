"""Whether every form that a tuned model is shipped in answers like the one that was evaluated.

    python benchmarks/exports/measure.py [--missing] [--run-dir DIR] [--asked N] [--forms FORM ...]

Writes benchmarks/results/exports.json, or --out. Without --run-dir the bundled task `tickets` is
run first (some minutes): the embedded model, tuned by LoRA and verified. Each form is made by
`advisor export` into a folder that is thrown away, and asked the same test samples as the adapter.
A form whose program or package is missing is named with the sentence that says so; GGUF files are
asked through llama.cpp where llama-cpp-python is installed, else through transformers' reader.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "exports.json"
PACKAGES = (
    "finetune-advisor", "torch", "transformers", "peft", "bitsandbytes", "gguf",
    "llama-cpp-python",
)  # fmt: skip
FORMS: dict[str, tuple[str, ...]] = {
    "merged": ("merged",),
    "merged, bfloat16": ("merged", "dtype=bfloat16"),
    "vllm": ("vllm",),
    "quantised, 8 bits": ("quantised", "bits=8"),
    "quantised, 4 bits": ("quantised", "bits=4"),
    "gguf, f16": ("gguf", "quantisation=f16", "vocabulary=beside"),
    "gguf, q8_0": ("gguf", "quantisation=q8_0", "vocabulary=beside"),
}
"""Name -> form and its options. The embedded model rewrites texts before it splits them,
which no GGUF file can say: it lies beside the weights, and Ollama cannot take it at all."""


def advisor(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON document of a command."""
    command = (sys.executable, "-m", "advisor", *words, "--json", "--quiet", "--yes")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"{' '.join(words)}: no answer\n{done.stderr[-2000:]}")
    return done.returncode, json.loads(done.stdout)


def measured(run_dir: Path, form: tuple[str, ...], asked: int) -> dict[str, Any]:
    """What one form shows against the adapter."""
    to, *options = form
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        words = ["--run-dir", str(run_dir), "--to", to, "--out", f"{place}/made"]
        for option in options:
            words += ["--option", option]
        code, found = advisor("export", *words, "--check", str(asked))
    if "error" in found:
        return {"exit_code": code, "not_made": found["error"]["message"]}
    agreed = found["agreement"] or {}
    kept = ("n", "equal", "reference_score", "exported_score", "same_prompts", "same_ends")
    return {
        "exit_code": code,
        "precision": found["exported"]["precision"],
        "asked_through": (found["exported"]["served_by"] or {}).get("backend"),
        "verdict": agreed.get("verdict"),
        **{key: agreed.get(key) for key in kept},
        "unchecked": found["exported"]["unchecked"],
        "seconds": round(time.perf_counter() - began, 1),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        pass
    try:  # it may lie on the path of modules alone
        return str(import_module(package.removesuffix("-python").replace("-", "_")).__version__)
    except ImportError:
        return "not installed"


def main() -> None:
    """Run, export each form, write the result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only where there is no result")
    parser.add_argument("--run-dir", type=Path)
    parser.add_argument("--asked", type=int, default=240)
    parser.add_argument("--forms", nargs="+", choices=sorted(FORMS), default=list(FORMS))
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    if chosen.missing and chosen.out.exists():
        return
    with tempfile.TemporaryDirectory() as place:
        run_dir = chosen.run_dir or Path(place) / "demo" / "tickets"
        if chosen.run_dir is None:
            advisor("demo", "tickets", "--run-dir", str(run_dir.parent))
        forms = {name: measured(run_dir, FORMS[name], chosen.asked) for name in chosen.forms}
    result = {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load_average": [round(one, 1) for one in os.getloadavg()],
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
        "task": "tickets",
        "forms": forms,
    }
    chosen.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name, row in forms.items():
        print(f"{name}: {row.get('equal')} of {row.get('n')} equal, {row.get('verdict')}")


if __name__ == "__main__":
    main()
