"""Real requests of real lengths: short ones to label, medium ones to word, long ones to read."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

from advisor.schema.evaluation import Sample

INSTRUCTION = "Answer the request."


def labels(folder: Path) -> list[Sample]:
    """Customers' questions and their topics (banking77)."""
    with (folder / "banking77" / "train.csv").open(encoding="utf-8") as stream:
        return [
            Sample(id=f"b{i}", input=row["text"], target=row["category"])
            for i, row in enumerate(csv.DictReader(stream))
        ]


def wordings(folder: Path) -> list[Sample]:
    """Facts on restaurants and a sentence that tells them (E2E)."""
    with (folder / "e2e_nlg" / "devset.csv").open(encoding="utf-8") as stream:
        return [
            Sample(id=f"e{i}", input=row["mr"], target=row["ref"])
            for i, row in enumerate(csv.DictReader(stream))
        ]


def readings(folder: Path) -> list[Sample]:
    """Passages with a question, and the answer that stands in them (SQuAD)."""
    text = (folder / "squad_v2_sample" / "dev-sample.json").read_text(encoding="utf-8")
    found = []
    for article in json.loads(text)["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                if asked["answers"]:
                    told = f"{paragraph['context']}\n{asked['question']}"
                    answer = asked["answers"][0]["text"]
                    found.append(Sample(id=asked["id"], input=told, target=answer))
    return found


def mixture(folder: Path, count: int, seed: int = 0) -> list[Sample]:
    """As many of each kind, shuffled; the first nine tenths to train on, the rest to look at."""
    drawn = random.Random(seed)  # noqa: S311 - a drawing of rows
    kinds = (labels(folder), wordings(folder), readings(folder))
    rows = [sample for kind in kinds for sample in drawn.sample(kind, count // len(kinds))]
    drawn.shuffle(rows)
    cut = len(rows) * 9 // 10
    return [
        sample.model_copy(update={"split": "train" if place < cut else "dev"})
        for place, sample in enumerate(rows)
    ]
