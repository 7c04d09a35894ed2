"""The page on shipping: its commands are taken, its tables are what the code has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from advisor import registry
from advisor.cli.export import command
from advisor.schema.export import Agreement
from advisor.shipping.certifying import ASKED, EXACT, ROUNDED
from advisor.shipping.exporting import CARD

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "ship.md").read_text(encoding="utf-8")


def test_every_option_of_the_commands_is_one_that_export_takes(page: str):
    known = {name for option in command.params for name in option.opts}
    lines = "".join(BLOCK.findall(page)).splitlines()
    found = [shlex.split(line) for line in lines if line.startswith("advisor ")]
    assert len(found) == 3
    for words in found:
        assert words[1] == "export"
        assert {word for word in words if word.startswith("--")} <= known
        if "--to" in words:
            assert words[words.index("--to") + 1] in registry.names("advisor.exporters")


def test_the_forms_are_those_that_there_are(page: str):
    table = page.partition("| `--to` |")[2].partition("\n\n")[0]
    told = re.findall(r"`([a-z]+)`", "".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert sorted(told) == sorted((*registry.names("advisor.exporters"), CARD))
    for form in told:
        assert form in next(o.help for o in command.params if "--to" in o.opts)


def test_the_tolerances_and_verdicts_are_those_of_the_code(page: str, root: Path):
    decision = (root / "docs" / "adr" / "0021-the-exported-thing-is-asked.md").read_text()
    for tolerance in (EXACT, ROUNDED):
        row = f"at least {100 * tolerance.least_equal:g} % | at most {100 * tolerance.most_worse:g} points worse |"
        assert row in page
        assert row in decision
    for text in (page, decision):
        told = text.replace("\n", " ")
        for tolerance in (EXACT, ROUNDED):
            shown = Agreement(
                reference="",
                exported="",
                n=1,
                equal=1,
                asked_agreement=tolerance.least_equal,
                verdict="same",
            )
            assert re.search(
                rf"{shown.least_asked}( equal answers)? (show|for) {100 * tolerance.least_equal:g} %",
                told,
            )
    assert f"{ASKED} unless" in page
    assert f"{ASKED} unless" in decision
    for verdict in Agreement.model_fields["verdict"].annotation.__args__:
        assert f"`{verdict}`" in page
