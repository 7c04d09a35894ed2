"""Weighs the decision rules on published outcomes and writes what comes out into `rules/`.

`python benchmarks/decisions/fit.py` prints the words that differ from the rule files; with
`--write` the words, `rules/acceptance.yaml` and `rules/gains.yaml` are written. Nothing here
decides what a rule says or in which direction it speaks.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from advisor.resources import rules_root  # noqa: E402
from advisor.rulebook.load import load_rulebook  # noqa: E402
from advisor.schema.rule import Acceptance, GainBand, Rulebook, Strength  # noqa: E402
from benchmarks.decisions.cases import Case, load  # noqa: E402
from benchmarks.decisions.chances import calibrate  # noqa: E402
from benchmarks.decisions.design import Key, make_design  # noqa: E402
from benchmarks.decisions.gains import gain_bands  # noqa: E402
from benchmarks.decisions.weigh import reworded, words_for  # noqa: E402

DEVELOPMENT = Path(__file__).with_name("development.jsonl")


def refit(rulebook: Rulebook, cases: Sequence[Case]) -> Rulebook:
    """The rulebook with strengths, chances and gains as these cases alone tell them."""
    design = make_design(rulebook, cases)
    tie = rulebook.tie or rulebook.strengths["weak"]
    return reworded(rulebook, words_for(design, tie)).model_copy(
        update={"acceptance": calibrate(design, tie), "gains": gain_bands(cases)}
    )


def changes(rulebook: Rulebook, fitted: Rulebook) -> dict[Key, tuple[Strength, Strength]]:
    """Effects whose word in the files is not what the fit finds: old and new word."""
    found: dict[Key, tuple[Strength, Strength]] = {}
    for old, new in zip(rulebook.rules, fitted.rules, strict=True):
        for place, (was, now) in enumerate(zip(old.then, new.then, strict=True)):
            if was.strength and now.strength and was.strength != now.strength:
                found[old.id, place] = was.strength, now.strength
    return found


def write_word(root: Path, key: Key, word: Strength) -> None:
    """Put another word into a rule file, touching nothing else."""
    rule_id, place = key
    path = root / "decisions" / f"{rule_id}.yaml"
    head, _, tail = path.read_text(encoding="utf-8").partition("\nthen:\n")
    lines = tail.split("\n")
    lines[place] = re.sub(r"strength: \w+", f"strength: {word}", lines[place])
    path.write_text(head + "\nthen:\n" + "\n".join(lines), encoding="utf-8")


def acceptance_text(acceptance: Acceptance) -> str:
    """The file `rules/acceptance.yaml`."""
    offsets = "".join(f"  {name}: {value}\n" for name, value in acceptance.offsets.items())
    return (
        "# How a score becomes the chance of lying within two points of the best approach.\n"
        "# logit(p) = intercept + per_point_behind * points behind the best, at most most_behind\n"
        "# + the offset of the approach.\n"
        "# Written by benchmarks/decisions/fit.py; do not edit.\n"
        f"intercept: {acceptance.intercept}\n"
        f"per_point_behind: {acceptance.per_point_behind}\n"
        f"most_behind: {acceptance.most_behind}\n"
        f"offsets:\n{offsets}"
        f"basis: {acceptance.basis}\n"
        f'fitted: "{acceptance.fitted}"\n'
    )


def gains_text(bands: Sequence[GainBand]) -> str:
    """The file `rules/gains.yaml`."""
    head = (
        "# Published gains over the best plain prompt, in points: 10, 50 and 90 % of comparisons,\n"
        "# drawn out so that 80 % of what the band had not seen lies inside.\n"
        "# The first band of an approach whose condition holds counts.\n"
        "# Written by benchmarks/decisions/fit.py; do not edit.\n"
    )
    return head + "".join(_band_text(band) for band in bands)


def _band_text(band: GainBand) -> str:
    parts = (
        f"{{fact: {part.fact}, op: {part.op}, value: {_value(part.value)}}}"
        for part in band.when.all or ()
    )
    return (
        f"- approach: {band.approach}\n"
        f"  when: {{all: [{', '.join(parts)}]}}\n"
        f"  low: {band.low}\n  likely: {band.likely}\n  high: {band.high}\n"
        f"  comparisons: {band.comparisons}\n  sources: {band.sources}\n"
    )


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def main(argv: list[str] | None = None) -> int:
    """Print or write what the development cases say of the rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=DEVELOPMENT)
    parser.add_argument("--write", action="store_true", help="change the files in rules/")
    options = parser.parse_args(argv)
    root = rules_root()
    rulebook = load_rulebook(root)
    fitted = refit(rulebook, load(options.cases)[0])
    for (rule_id, place), (was, now) in changes(rulebook, fitted).items():
        action = next(r for r in rulebook.rules if r.id == rule_id).then[place]
        print(f"{rule_id}: {action.effect} {action.approach}: {was} -> {now}")
        if options.write:
            write_word(root, (rule_id, place), now)
    if options.write and fitted.acceptance:
        (root / "acceptance.yaml").write_text(acceptance_text(fitted.acceptance), encoding="utf-8")
        (root / "gains.yaml").write_text(gains_text(fitted.gains), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
