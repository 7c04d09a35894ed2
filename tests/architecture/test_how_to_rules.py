"""The policy files that the documentation shows are policy files that hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from advisor.resources import rules_root
from advisor.rulebook.load import load_rulebook

BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
PAGES = {"own-rules.md": 2, "own-data.md": 1}
"""Page -> policy files that it shows."""


@pytest.mark.parametrize("page", PAGES)
def test_every_policy_shown_holds(root: Path, tmp_path: Path, page: str):
    text = (root / "docs" / "how-to" / page).read_text(encoding="utf-8")
    shown = [block for block in BLOCK.findall(text) if block.startswith("- ")]
    assert len(shown) == PAGES[page]
    for number, policy in enumerate(shown):
        file = tmp_path / f"{number}.yaml"
        file.write_text(policy, encoding="utf-8")
        told = load_rulebook(rules_root(), file).policy
        assert len(told) == policy.count("reason:")
