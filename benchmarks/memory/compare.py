"""Sets our estimates beside every peer's on the rows that both answer, through the peer harness."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor import __version__  # noqa: E402
from benchmarks.memory import table  # noqa: E402
from benchmarks.memory.normalize import CORE_FIELDS  # noqa: E402

OURS = "advisor"
TARGET = ROOT / "benchmarks" / "results" / "memory_peers.json"
METHODS = ("all", "full", "lora", "qlora")
_PIN = re.compile(r"^make \S+\s+([\w.-]+)==([\w.]+)", re.MULTILINE)
_UNSLOTH = re.compile(r"(unsloth)==([\d.]+)")
Predictions = dict[str, dict[str, dict[str, str]]]
"""Contestant -> row -> the harness's line."""


def run_harness(options: argparse.Namespace, peers: str, out: Path) -> None:
    """Let the harness ask peers and, with them, ourselves."""
    contestant = f"{sys.executable} {Path(__file__).with_name('contestant.py')}"
    command = [sys.executable, str(options.harness / "run_peers.py"), "--out", str(out)]
    command += [word for path in options.rows for word in ("--rows", str(path))]
    command += [word for path in options.configs for word in ("--configs", str(path))]
    command += ["--peers", peers, "--stream", f"{OURS}={contestant}"]
    command += ["--venvs", str(options.venvs or options.harness / ".peers")]
    subprocess.run(command, check=True, stdout=sys.stderr)


def predictions(paths: Sequence[Path]) -> Predictions:
    """Every contestant's answers; a later file replaces an earlier one's."""
    found: Predictions = {}
    for path in paths:
        for line in table.read(path):
            found.setdefault(line["peer"], {})[line["id"]] = line
    return found


def kept(line: Mapping[str, str], row: Mapping[str, str], *, core: bool, single: bool) -> bool:
    """Whether a row takes part: the harness's own filters."""
    if single and int(line["gpus"]) > 1:
        return False
    if not core:
        return row.get("quality") != "C"
    stated = not CORE_FIELDS & set(line["assumed"].split())
    return stated and line["approx_method"] != "1" and row.get("quality") != "C"


def method_of(line: Mapping[str, str]) -> str:
    """full, lora, qlora, or other for methods that the harness only approximates."""
    return "other" if line["approx_method"] == "1" else line["method"]


def pair(
    ours: Mapping[str, Mapping[str, str]],
    theirs: Mapping[str, Mapping[str, str]],
    measured: Mapping[str, float],
) -> dict[str, Any]:
    """Errors of two contestants on the rows that both answer, overall and by method."""
    both = [
        name
        for name, line in theirs.items()
        if line["status"] == "ok" and ours.get(name, {}).get("status") == "ok" and name in measured
    ]
    found = {}
    for method in METHODS:
        names = [n for n in both if method in ("all", method_of(theirs[n]))]
        if names:
            found[method] = {
                "n": len(names),
                "ours": _errors([(measured[n], float(ours[n]["peak_gib"])) for n in names]),
                "theirs": _errors([(measured[n], float(theirs[n]["peak_gib"])) for n in names]),
            }
    return found


def _errors(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    whole = table.summary([(m, p, p, p) for m, p in pairs])
    return {key: whole[key] for key in ("median_abs", "p90_abs", "bias", "under5")}


def versions(harness: Path) -> dict[str, str]:
    """Pinned versions of the peers, as the harness installs them."""
    script = (harness / "setup.sh").read_text(encoding="utf-8")
    return {"advisor": __version__} | dict(_PIN.findall(script) + _UNSLOTH.findall(script)[:1])


def compare(found: Predictions, rows: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    """Views of rows -> peer -> errors of both on the rows that both answer."""
    measured = {n: gib for n, row in rows.items() if (gib := table.measured_gib(row))}
    ours = found[OURS]
    views = {"core, one GPU": (True, True), "core": (True, False), "all": (False, False)}
    document: dict[str, Any] = {}
    for view, (core, single) in views.items():
        chosen = {
            n: gib
            for n, gib in measured.items()
            if n in ours and kept(ours[n], rows[n], core=core, single=single)
        }
        pairs = {peer: pair(ours, theirs, chosen) for peer, theirs in found.items() if peer != OURS}
        document[view] = {
            OURS: pair(ours, ours, chosen).get("all", {}).get("ours"),
            "peers": {peer: errors for peer, errors in sorted(pairs.items()) if errors},
        }
    return document


def behind(document: Mapping[str, Any]) -> list[str]:
    """Where a peer is better than we are."""
    found = []
    for view, content in document.items():
        for peer, methods in content["peers"].items():
            for method, errors in methods.items():
                for key in ("median_abs", "p90_abs"):
                    if errors["theirs"][key] < errors["ours"][key]:
                        figures = f"{errors['theirs'][key]:.3f} < {errors['ours'][key]:.3f}"
                        found.append(f"{view}: {peer} {method} {key} {figures} (n {errors['n']})")
    return found


def main() -> int:
    """Run, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--harness", required=True, type=Path, help="folder with run_peers.py")
    parser.add_argument("--venvs", type=Path, help="peers' environments; default: HARNESS/.peers")
    parser.add_argument("--rows", required=True, action="append", type=Path)
    parser.add_argument("--configs", required=True, action="append", type=Path)
    parser.add_argument("--peers", default="all", help="peers to run now; none to use --answers")
    parser.add_argument("--answers", action="append", default=[], type=Path, help="earlier runs")
    parser.add_argument("--write", action="store_true", help=f"replace {TARGET.name}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answers.csv"
        run_harness(options, options.peers, out)
        found = predictions([*options.answers, out])
    document = compare(found, dict(table.keyed(options.rows)))
    result = {
        "as_of": datetime.now(UTC).date().isoformat(),
        "versions": versions(options.harness),
        "views": document,
        "behind": behind(document),
    }
    if options.write:
        TARGET.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("\n".join(result["behind"]) or "ahead of every peer")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
