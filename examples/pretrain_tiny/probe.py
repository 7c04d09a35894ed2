"""Writes conversations of the embedded model's own kinds: what shows whether tuning cost them.

    python -m examples.pretrain_tiny.probe --out advisor/builtin/probe/tiny.jsonl

The seed is none that pre-training draws from. With another `--seed` and `--rows` it makes general
data to mix into a tuning of the embedded model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from advisor.resources import embedded_model_root
from examples.pretrain_tiny.conversation import Conversation
from examples.pretrain_tiny.mixture import sample
from examples.pretrain_tiny.values import Draw

SEED, ROWS, BUDGET = "probe", 96, 180
MIXTURE = {
    "ranked_manuals": 0.25,
    "typed_passages": 0.12,
    "numbered_facts": 0.07,
    "numbered_grid": 0.06,
    "dense_lookup": 0.08,
    "key_value_list": 0.08,
    "extraction": 0.08,
    "loose_extraction": 0.09,
    "two_fields": 0.05,
    "loose_two_fields": 0.04,
    "small_instructions": 0.05,
    "closed_book": 0.03,
}
"""About the last phase of pre-training, with more of the rare kinds."""
ROLES = {"shot": "assistant"}


def rows(seed: str, count: int) -> Iterator[dict[str, object]]:
    """So many conversations, each drawn from a seed of its own, in the form of chat data."""
    for number in range(count):
        conversation, family = sample(Draw(f"{seed}/{number}"), MIXTURE, BUDGET)
        yield {"id": f"{family}-{number}", "messages": _messages(conversation)}


def _messages(conversation: Conversation) -> list[dict[str, str]]:
    last = max(n for n, (role, _) in enumerate(conversation) if role == "assistant")
    return [
        {"role": ROLES.get(role, role), "content": text} for role, text in conversation[: last + 1]
    ]


def text_of(seed: str, count: int) -> str:
    """The rows as JSON lines."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows(seed, count))
    return "".join(f"{line}\n" for line in lines)


def short_of(text: str, longest: int) -> str:
    """The rows of at most so many tokens as the embedded model reads them."""
    from transformers import AutoTokenizer  # noqa: PLC0415 - heavy, wanted only here

    tokenizer = AutoTokenizer.from_pretrained(embedded_model_root())

    def length(line: str) -> int:
        read = tokenizer.apply_chat_template(json.loads(line)["messages"], tokenize=True)
        return len(read["input_ids"])

    return "".join(line for line in text.splitlines(keepends=True) if length(line) <= longest)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--longest", type=int, help="leave out rows of more tokens")
    parser.add_argument("--most", type=int, help="keep at most so many")
    chosen = parser.parse_args()
    text = text_of(chosen.seed, chosen.rows)
    if chosen.longest:
        text = short_of(text, chosen.longest)
    lines = text.splitlines(keepends=True)[: chosen.most]
    chosen.out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
