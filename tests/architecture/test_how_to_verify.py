"""What docs/how-to/verify.md says of figures and keys is as the code has it."""

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


def test_keys(page: str):
    keys = [getattr(review, name) for name in (
        "LEFT", "RIGHT", "TIE", "BOTH_BAD", "SKIP", "BACK", "NOTE", "QUIT",
    )]  # fmt: skip
    shown = page.partition("Keys:")[2].partition(". Every vote")[0]
    assert re.findall(r"`(\w)`", shown) == keys
    assert re.findall(r"(?:^| {3})(\w) ", f"{LEGEND}   {MORE_KEYS}") == keys
