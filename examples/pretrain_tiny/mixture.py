"""The mixture: which family is drawn how often in which stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from examples.pretrain_tiny.conversation import Conversation
from examples.pretrain_tiny.families import (
    binding,
    grid,
    instructions,
    lookup,
    messages,
    passages,
    typed,
)
from examples.pretrain_tiny.values import Draw

Family = Callable[[Draw, int], Conversation]

FAMILIES: dict[str, Family] = {
    "dense_lookup": lookup.dense_lookup,
    "key_value_list": lookup.key_value_list,
    "grid_lookup": grid.grid_lookup,
    "name_binding": binding.name_binding,
    "fact_binding": binding.fact_binding,
    "numbered_names": partial(binding.name_binding, numbered=1.0, named_like=Draw.product),
    "numbered_facts": partial(binding.fact_binding, numbered=1.0, named_like=Draw.product),
    "numbered_grid": partial(grid.grid_lookup, numbered=1.0, named_like=Draw.product),
    "numbered_passages": partial(passages.passage_questions, numbered=1.0, named_like=Draw.product),
    "ranked_passages": partial(
        passages.passage_questions, numbered=1.0, later_share=0.3, named_like=Draw.product
    ),
    "typed_passages": typed.typed_passages,
    "ranked_manuals": partial(typed.typed_passages, shared=0.8, later=0.1),
    "one_passage": partial(passages.passage_questions, most_passages=1, most_facts=4),
    "passages": passages.passage_questions,
    "closed_book": passages.closed_book,
    "extraction": messages.extraction,
    "two_fields": messages.two_fields,
    "loose_extraction": partial(messages.extraction, loose=0.5),
    "loose_two_fields": partial(messages.two_fields, loose=0.4),
    "topic": messages.topic,
    "small_instructions": instructions.small_instructions,
}


def sample(draw: Draw, weights: dict[str, float], budget: int) -> tuple[Conversation, str]:
    """Draw one conversation from the weighted families; returns it with the family's name."""
    roll = draw.random.random() * sum(weights.values())
    chosen = ""
    for name, weight in weights.items():
        chosen = name
        roll -= weight
        if roll < 0:
            break
    return FAMILIES[chosen](draw, budget), chosen
