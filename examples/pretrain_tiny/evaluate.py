"""Light held-out evaluation during training: share of answers right to the last token."""

from __future__ import annotations

from collections import defaultdict

import torch

from examples.pretrain_tiny.mixture import FAMILIES
from examples.pretrain_tiny.network import TinyLlama
from examples.pretrain_tiny.recipe import Recipe
from examples.pretrain_tiny.rows import Row, build_row
from examples.pretrain_tiny.tokenizer import FastEncoder

HELD_OUT_LENGTHS = {"dense_lookup": 96, "name_binding": 96, "fact_binding": 160, "passages": 384}
ROWS_PER_FAMILY = 12


def held_out_rows(recipe: Recipe, encode: FastEncoder) -> list[Row]:
    """Build rows of single families from seeds that training never uses."""
    rows = []
    for name in FAMILIES:
        length = HELD_OUT_LENGTHS.get(name, 224)
        count = ROWS_PER_FAMILY * (3 if name == "passages" else 1)
        rows += [
            build_row(
                f"held-out/{name}/{index}", encode, {name: 1.0}, length, recipe.shape.vocabulary
            )
            for index in range(count)
        ]
    return rows


@torch.no_grad()
def share_right(model: TinyLlama, rows: list[Row]) -> dict[str, float]:
    """Teacher-forced share of answers whose every token is the most likely one."""
    right: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        ids = torch.from_numpy(row.ids)[None]
        guess = model.logits(model(ids[:, :-1])).argmax(-1)[0]
        for family, start, end in row.answers:
            right[family].append(bool((guess[start - 1 : end - 1] == ids[0, start:end]).all()))
    return {family: round(sum(found) / len(found), 3) for family, found in sorted(right.items())}
