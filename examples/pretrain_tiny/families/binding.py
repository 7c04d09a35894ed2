"""Dense look-up with the name away from the value: a text must be tied to its name."""

from __future__ import annotations

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.conversation import Conversation
from examples.pretrain_tiny.families.passages import Namer
from examples.pretrain_tiny.values import Draw, capital

HEADINGS = ("# {e}\n\n", "{e}\n", "{e}: ", "The {e}. ", "# {e}\n", "{e} ", "About the {e}. ")
PLAIN_QUESTIONS = ("{e}", "{e}?", "What about {e}?", "the {e}?")
FACT_FORMS = ("{a} {v}", "{a}: {v}", "Its {a} is {v}.", "The {a} is {v}.", "It has a {a} of {v}.")
QUESTIONS = (
    "{e} {a}?",
    "{a} of {e}?",
    "{a} of the {e}?",
    "{e}: {a}?",
    "What is the {a} of the {e}?",
    "Which {a} does the {e} have?",
)
TOKENS_PER_QUESTION = 13


def _simple_value(draw: Draw) -> str:
    """Draw a short value: a number, an invented word or a noun."""
    kind = draw.between(0, 2)
    if kind == 0:
        return str(draw.between(1, 99))
    return draw.word() if kind == 1 else draw.choice(vocab.NOUNS)


def _names(draw: Draw, count: int, named_like: Namer | None) -> list[str]:
    """Draw the names: mostly one word, sometimes as long as product names are."""
    if named_like is not None:
        return draw.unique(draw.name if draw.chance(0.3) else lambda: named_like(draw), count)
    return draw.unique(draw.name if draw.chance(0.5) else draw.entity, count)


def name_binding(
    draw: Draw, budget: int, numbered: float = 0.5, named_like: Namer | None = None
) -> Conversation:
    """Show names with a value some words away and ask for the value by the name alone."""
    names = _names(draw, draw.between(2, 4), named_like)
    heading, cells, texts = draw.choice(HEADINGS), [], []
    gap = draw.between(0, 5)
    for name in names:
        value = _simple_value(draw)
        between = draw.filler(draw.between(0, gap))
        texts.append(heading.format(e=name) + f"{between} {value}".strip())
        cells.append((draw.choice(PLAIN_QUESTIONS[:2]).format(e=name), value))
    return _ask(draw, budget, _joined(draw, texts, numbered), cells)


def fact_binding(
    draw: Draw, budget: int, numbered: float = 0.5, named_like: Namer | None = None
) -> Conversation:
    """Show names with the same one to three properties and ask for property and name."""
    names = _names(draw, draw.between(2, 4 if budget > 120 else 3), named_like)
    attributes = draw.unique(
        draw.attribute, draw.choice((1, 1, 2, 3) if budget > 120 else (1, 1, 2))
    )
    heading, form, template = (draw.choice(kind) for kind in (HEADINGS, FACT_FORMS, QUESTIONS))
    cells, texts = [], []
    for name in names:
        facts = [(attribute, _simple_value(draw)) for attribute in attributes]
        draw.random.shuffle(facts)
        sentences = [form.format(a=a, v=v) for a, v in facts]
        separator = " " if form.endswith(".") else draw.choice((", ", "\n"))
        texts.append(heading.format(e=name) + separator.join(sentences))
        cells += [(template.format(e=name, a=a, A=capital(a)), v) for a, v in facts]
    return _ask(draw, budget, _joined(draw, texts, numbered), cells)


def _joined(draw: Draw, texts: list[str], numbered: float) -> str:
    """Put the texts one below the other, numbered or not."""
    if draw.chance(numbered):
        texts = [f"[{index + 1}] {text}" for index, text in enumerate(texts)]
    return draw.choice(("\n", "\n\n")).join(texts)


def _ask(draw: Draw, budget: int, shown: str, cells: list[tuple[str, str]]) -> Conversation:
    """Ask for the cells in random order until the budget is used up."""
    turns: Conversation = []
    most = max(2, (budget - len(shown) * 5 // 12) // TOKENS_PER_QUESTION)
    order: list[tuple[str, str]] = []
    while len(order) < most:
        order += draw.random.sample(cells, len(cells))
    opening = draw.choice(("Context:\n{c}\n\nQuestion: {q}", "{c}\n\n{q}", "{c}\n{q}"))
    for index, (question, value) in enumerate(order):
        text = opening.format(c=shown, q=question) if index == 0 else question
        turns += [("user", text), ("assistant", value)]
    return turns
