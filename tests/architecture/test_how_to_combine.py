"""What docs/how-to/combine.md says is as the code has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from advisor.cli.combine import WAYS
from advisor.schema.combine import How
from trainers.combining.merge_recipe import METHODS
from trainers.combining.ways import DENSITIES, PEFT_NAMES
from trainers.combining.whole import PROGRAM, VARIABLE


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "combine.md").read_text(encoding="utf-8")


def test_every_way_stands_on_the_page_and_in_the_command(page: str):
    assert set(WAYS) == set(get_args(How)) == {*PEFT_NAMES, *METHODS}
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert set(rows) == set(PEFT_NAMES)
    whole = page.partition("## Whole models")[2]
    assert all(f"`{way}`" in whole for way in METHODS)


def test_shares_and_names_are_the_codes(page: str):
    assert f"{DENSITIES['ties'][0]:.0%}".replace("%", " %") in page
    assert {share for way, (share, _) in DENSITIES.items() if way != "ties"} == {0.5}
    assert f"{VARIABLE}=$PWD/mk/bin/{PROGRAM}" in page
