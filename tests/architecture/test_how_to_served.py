"""The files and events that docs/how-to/measure-a-served-model.md shows are as the code has them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from advisor import registry
from advisor.catalog.own_prices import own_price
from tests.fixtures.training import prompt

BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
TOLD = re.compile(
    r'"((?:temperature|seed|json_schema)_refused|system_role_folded|json_schema_loosened|'
    r'other_model|slow|usage_estimated)"'
)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "how-to" / "measure-a-served-model.md").read_text(encoding="utf-8")


def test_the_price_file_holds(page: str, tmp_path: Path):
    [shown] = [text for kind, text in BLOCK.findall(page) if kind == "yaml"]
    file = tmp_path / "prices.yaml"
    file.write_text(shown, encoding="utf-8")
    found = own_price(file, "my-model-8b", "llm.example.com", "2026-11-26")
    assert found is not None
    assert (found.prompt_usd_per_million, found.completion_usd_per_million) == (0.2, 0.6)


def test_the_script_of_the_echo_holds(page: str, tmp_path: Path):
    [shown] = [text for kind, text in BLOCK.findall(page) if kind == "json"]
    file = tmp_path / "rules.jsonl"
    file.write_text(shown, encoding="utf-8")
    assert all(json.loads(line) for line in shown.splitlines())
    session = registry.backend("echo").open("", {"script": str(file), "fail": "lost=0.0"})
    [done] = session.generate([prompt("I want a refund.")], max_new_tokens=5)
    assert done.text == "billing"


def test_every_event_is_explained(root: Path, page: str):
    rooms = root / "advisor" / "builtin" / "backends"
    code = "\n".join(room.read_text(encoding="utf-8") for room in rooms.glob("*.py"))
    pytest.importorskip("tenacity")
    from advisor.builtin.backends._calling import WHY

    events = {*WHY, *TOLD.findall(code)}
    assert len(events) == len(WHY) + 8
    assert {name for name in events if f"`{name}`" not in page} == set()
