"""What docs/how-to/verify.md says of figures and keys is as the code has it."""

import json
import re
from pathlib import Path

import pytest

from advisor.cli import review
from advisor.evaluation import segments
from advisor.evaluation.detectable import PROOF_ERROR, PROOF_LEVEL
from advisor.evaluation.votes import FILE
from advisor.render.review import LEGEND, MORE_KEYS
from advisor.stages.verify.verdict import WORTHWHILE_GAIN


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "verify.md").read_text(encoding="utf-8")


def test_figures(page: str):
    for told in (
        f"the {PROOF_LEVEL:.0%} interval".replace("%", " %"),
        f"at most {1 - PROOF_LEVEL:.2f}.",
        f"below {100 * WORTHWHILE_GAIN:.0f} points",
        f"kept in about {100 * PROOF_ERROR:g} % at most",
        f"worse in at most {100 * segments.ERROR_RATE:g} %",
        f"A segment of {segments.FEWEST_TO_VETO} samples or more",
        f"the {segments.MOST_SEGMENTS} most frequent",
        f"2 to {segments.MOST_SEGMENTS} of them",
        f"`{FILE}`",
    ):
        assert told in " ".join(page.split()), told


def test_how_often_a_better_model_is_kept_is_as_measured(page: str, root: Path):
    results = root / "benchmarks" / "results"
    chosen = json.loads((results / "choice.json").read_text(encoding="utf-8"))["better"]
    drawn = json.loads((results / "verification.json").read_text(encoding="utf-8"))["settings"]
    kept = {(row["baselines"], row["items"]): f"{100 * row['holm']:.0f}" for row in chosen}
    assert f"| one baseline | {kept[1, 200]} |" in page
    several = ", ".join(kept[count, 200] for count in (2, 3, 4, 6))
    assert f"| 2, 3, 4, 6 baselines, each as good as the others | {several} |" in page
    assert f"| 4, 6 of them, 280 samples | {kept[4, 280]}, {kept[6, 280]} |" in page
    documents = next(
        row for row in drawn
        if (row["setting"], row["n"], row.get("gain")) == ("documents of 5", 200, 0.15)
    )  # fmt: skip
    assert f"(5 each) | {100 * documents['keep']:.0f} |" in page
    worst = max(row["keep"] for row in drawn if row.get("gain") == 0)
    assert f"one baseline | 0 to {100 * worst:.0f} |" in page


def test_keys(page: str):
    keys = [getattr(review, name) for name in (
        "LEFT", "RIGHT", "TIE", "BOTH_BAD", "SKIP", "BACK", "NOTE", "QUIT",
    )]  # fmt: skip
    shown = page.partition("Keys:")[2].partition(". Every vote")[0]
    assert re.findall(r"`(\w)`", shown) == keys
    assert re.findall(r"(?:^| {3})(\w) ", f"{LEGEND}   {MORE_KEYS}") == keys
