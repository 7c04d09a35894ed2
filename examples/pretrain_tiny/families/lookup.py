"""Look-up in small dictionaries and lists: the cheapest way to teach retrieval from the context."""

from __future__ import annotations

from collections.abc import Callable

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny import wording
from examples.pretrain_tiny.conversation import UNKNOWN, Conversation, maybe_system
from examples.pretrain_tiny.values import Draw, capital

DENSE_LAYOUTS = [
    "{k}: {v}",
    "{k}: {v}",
    "{k} = {v}",
    "{k} - {v}",
    "{k} is {v}.",
    "The {k} is {v}.",
    "{k} has {v}.",
    "{k} {v}",
]
DENSE_QUESTIONS = ["{a}", "{a}", "{a}?", "What is {a}?", "What is the {a}?", "{A}?", "Give {a}."]
LIST_LAYOUTS = [
    "{k}: {v}",
    "{k} = {v}",
    "{k} - {v}",
    "{k}: {v}",
    "| {k} | {v} |",
    "* {k}: {v}",
    "{k} is {v}.",
    "The {k} is {v}.",
    "{k} -> {v}",
    '"{k}": "{v}"',
    "<{k}>{v}</{k}>",
    "{k}; {v}",
]


def _key_maker(draw: Draw) -> Callable[[], str]:
    """Choose what the keys of a dictionary look like."""
    roll = draw.random.random()
    if roll < 0.3:
        return lambda: draw.choice(vocab.NOUNS)
    if roll < 0.6:
        return draw.word
    return draw.attribute if roll < 0.85 else draw.entity


def _value_maker(draw: Draw) -> Callable[[], str]:
    """Choose what the values of a dictionary look like."""
    roll = draw.random.random()
    if roll < 0.3:
        return lambda: str(draw.between(1, 99))
    if roll < 0.5:
        return lambda: draw.choice(vocab.NOUNS)
    return draw.word if roll < 0.75 else draw.value


def _query_order(draw: Draw, keys: int, count: int) -> list[int]:
    """Order of the queries: usually every key once before any repeats."""
    order: list[int] = []
    while len(order) < count:
        if draw.chance(0.7):
            order += draw.random.sample(range(keys), keys)
        else:
            order += [draw.between(0, keys - 1) for _ in range(keys)]
    return order[:count]


def dense_lookup(draw: Draw, budget: int) -> Conversation:
    """Show a small dictionary, then ask many bare queries (one retrieval in eleven tokens)."""
    size = draw.between(2, max(2, min(draw.choice((3, 4, 6)), budget // 22)))
    make_value = _value_maker(draw)
    keys = draw.unique(_key_maker(draw), size)
    values = [make_value() for _ in keys]
    layout, template = draw.choice(DENSE_LAYOUTS), draw.choice(DENSE_QUESTIONS)
    shown = draw.choice(("\n", "\n", " ", ", ")).join(
        layout.format(k=key, v=value) for key, value in zip(keys, values, strict=True)
    )
    turns: Conversation = []
    for index, pick in enumerate(_query_order(draw, len(keys), max(1, (budget - size * 8) // 12))):
        question = template.format(a=keys[pick], A=capital(keys[pick]))
        text = shown + draw.choice(("\n", "\n\n")) + question if index == 0 else question
        turns += [("user", text), ("assistant", values[pick])]
    return turns


def key_value_list(draw: Draw, budget: int) -> Conversation:
    """Show a longer list in one of twelve layouts and ask for some of its entries."""
    size = draw.between(2, max(2, min(9, budget // 14)))
    make_key = (
        draw.attribute if draw.chance(0.6) else (draw.word if draw.chance(0.5) else draw.entity)
    )
    keys = draw.unique(make_key, size + 1)
    missing, keys = keys[-1], keys[:-1] or keys
    values = [draw.value() for _ in keys]
    layout, separator = draw.choice(LIST_LAYOUTS), draw.choice(("\n", "\n", "\n", ", ", "; "))
    shown = separator.join(
        layout.format(k=key, v=value) for key, value in zip(keys, values, strict=True)
    )
    turns = maybe_system(draw, 0.3)
    template = draw.choice(wording.SHORT_QUESTIONS)
    asked = draw.random.sample(range(len(keys)), min(draw.between(1, size), len(keys)))
    for index, pick in enumerate(asked):
        key, answer = keys[pick], values[pick]
        if draw.chance(0.07):
            key, answer = missing, UNKNOWN
        if draw.chance(0.2):
            template = draw.choice(wording.SHORT_QUESTIONS)
        question = template.format(a=key, A=capital(key))
        text = (
            draw.choice(wording.OTHER_CONTEXT_LAYOUTS).format(c=shown, q=question)
            if index == 0
            else question
        )
        turns += [("user", text), ("assistant", answer)]
    return turns
