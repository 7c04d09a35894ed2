"""Retrieval as a user meets it, beside its rivals; writes benchmarks/results/retrieval.json.

    python benchmarks/retrieval/measure.py [--missing] [--only NAME] [--rivals PYTHON] [--rounds 3]

Parts: `score` (recall on SQuAD articles, every paragraph or every article a document), `rivals`
(time and recall against others) and `words` (a word index of many passages). Then every
`measure_*.py` beside this file is run, each of which has a result of its own. `--only` measures one
of the three again and keeps the others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.retrieval import rivals, score, words  # noqa: E402
from benchmarks.retrieval.squad import DEVELOPMENT, Squad  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "retrieval.json"
SHARED = Path(os.environ.get("ADVISOR_SHARED", ROOT.parent / "shared"))
SQUAD = SHARED / "data" / "squad_v2_sample" / "dev-sample.json"
PARTS = ("score", "rivals", "words")
CHOSEN = (
    "The kind of fusion, its weight, k1 and b were chosen on every second question of the articles "
    f"{' and '.join(DEVELOPMENT)}; `held_out` leaves these questions out. Compared there were ranks"
    " and scores (by minimum and maximum, by maximum, by mean and deviation); scores by minimum"
    " and maximum with 0.4 for meaning shared the first place at recall@1 and reciprocal rank."
    " Figures of the other questions stood in the same tables and did not decide."
)


def part(name: str, squad: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """The figures of one part."""
    if name == "words":
        return {**words.measured(chosen.passages), **score.surroundings(words.PACKAGES)}
    if name == "rivals":
        return rivals.measured(rivals.Task(squad, chosen.rivals, chosen.rounds))
    task = Squad.read(squad)
    kinds = {kind: score.scored(task, kind) for kind in ("paragraphs", "articles")}
    return {**kinds, "chosen_on": CHOSEN, **score.surroundings()}


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--missing", action="store_true", help="only what there is no result of")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--squad", type=Path, default=SQUAD)
    parser.add_argument("--rivals", default=os.environ.get("ADVISOR_RIVALS"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passages", type=int, default=100_000)
    chosen = parser.parse_args()
    kept: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.is_file() else {}
    for name in [chosen.only] if chosen.only else PARTS:
        if chosen.missing and name in kept:
            print(f"{RESULT.name}: {name} is measured already")
        elif name != "words" and not chosen.squad.is_file():
            print(f"{RESULT.name}: {name} is left out, the data is not here ({chosen.squad})")
        else:
            kept[name] = part(name, chosen.squad, chosen)
            RESULT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            left_out = kept[name].get("left_out", {})
            print(f"{RESULT.name}: {name} measured", *(f"; {k}: {v}" for k, v in left_out.items()))
    for script in () if chosen.only else sorted(HERE.glob("measure_*.py")):
        flags = ["--missing"] if chosen.missing else []
        subprocess.run([sys.executable, str(script), *flags], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
