"""Samples as JSON Lines in the plainest shape that this program reads back as the same samples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from advisor.schema.evaluation import Message, Sample

COLUMNS = (
    ("group", "group"),
    ("document", "document_id"),
    ("time", "time"),
    ("licence", "licence"),
    ("synthetic_by", "synthetic_by"),
    ("split", "split"),
)
"""Fields of a sample and the names they are written under; those that no sample has are left out.

A reader recognises columns by the first rows, so what any sample has stands in every row.
"""


def json_lines(samples: Sequence[Sample]) -> str:
    """One row for each sample, all of one shape."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(samples))


def rows(samples: Sequence[Sample]) -> Iterable[dict[str, Any]]:
    """Rows of turns where any sample has earlier turns or functions, else of texts."""
    talks = any(s.history or s.steps or s.tools for s in samples)
    marked = any(sample.is_answerable is not None for sample in samples)
    used = [(key, name) for key, name in COLUMNS if any(getattr(s, key) for s in samples)]
    for sample in samples:
        said = _turns(sample) if talks else _texts(sample)
        columns = {name: getattr(sample, key) or "" for key, name in used}
        mark = {"is_answerable": sample.is_answerable} if marked else {}
        yield {"id": sample.id, **said, **columns, **mark}


def _texts(sample: Sample) -> dict[str, Any]:
    if not sample.input:
        return {"text": sample.target}
    if sample.rejected is not None:
        return {"prompt": sample.input, "chosen": sample.target, "rejected": sample.rejected}
    mark = {} if sample.is_good is None else {"label": sample.is_good}
    return {"prompt": sample.input, "completion": sample.target, **mark}


def _turns(sample: Sample) -> dict[str, Any]:
    asked = Message(role="user", content=sample.input)
    answer = Message(role="assistant", content=sample.target)
    turns = [_turn(turn) for turn in (*sample.history, asked, *sample.steps, answer)]
    row: dict[str, Any] = {"messages": turns}
    if sample.rejected is not None:
        row["rejected"] = sample.rejected
    if sample.is_good is not None:
        row["label"] = sample.is_good
    if sample.tools:
        row["tools"] = [_parsed(tool) for tool in sample.tools]
    return row


def _turn(turn: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.tool_calls:
        row["tool_calls"] = [
            {
                **({"id": call.id} if call.id else {}),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.tool_calls
        ]
    told = {"name": turn.name, "tool_call_id": turn.call_id}
    row |= {name: value for name, value in told.items() if value}
    return row if turn.weight is None else row | {"weight": turn.weight}


def _parsed(tool: str) -> Any:
    try:
        return json.loads(tool)
    except ValueError:
        return tool
