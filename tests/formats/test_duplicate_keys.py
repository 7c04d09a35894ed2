"""A field that a row has twice is told, since its first value would be lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.formats.readers import read_dataset

TWICE = '{"input": "a", "output": "b", "output": "c"}'


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
@pytest.mark.parametrize("first", [True, False])
def test_a_field_twice_is_a_fault(name: str, first: bool, tmp_path: Path) -> None:  # noqa: FBT001
    good = '{"input": "q", "output": "say \\"output\\": \\"output\\""}'
    rows = [TWICE, good, good] if first else [good, good, TWICE]
    text = "\n".join(rows) if name == "x.jsonl" else f"[{', '.join(rows)}]"
    (tmp_path / name).write_text(text, encoding="utf-8")
    told = read_dataset(tmp_path / name, keep_faulty=True)
    assert [fault.code for fault in told.faults] == ["duplicate_key"]
    assert len(told.samples) == 2


def test_names_inside_values_are_no_second_field(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    turns = [{"role": role, "content": "a", "id": role} for role in ("user", "assistant")]
    path.write_text(json.dumps({"id": "a", "messages": turns}), encoding="utf-8")
    assert len(read_dataset(path, keep_faulty=True).samples) == 1
