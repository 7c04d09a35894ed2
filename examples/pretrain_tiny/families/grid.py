"""Dense look-up with two keys: a few things that share properties, then many short questions."""

from __future__ import annotations

from examples.pretrain_tiny import wording
from examples.pretrain_tiny.conversation import Conversation, maybe_system
from examples.pretrain_tiny.families.passages import Namer, draw_entities
from examples.pretrain_tiny.values import Draw, capital

FACT_FORMS = (
    "{a}: {v}",
    "{a} {v}",
    "{a} = {v}",
    "- {a}: {v}",
    "Its {a} is {v}.",
    "The {a} is {v}.",
)
SHORT_GRID_QUESTIONS = (
    "{e} {a}?",
    "{a} of {e}?",
    "{a} of the {e}?",
    "{e}: {a}?",
    "What is the {a} of the {e}?",
    "What is the {a} of {e}?",
    "Which {a} does the {e} have?",
)
TOKENS_PER_FACT = 11
TOKENS_PER_QUESTION = 17


def _thing(draw: Draw, entity: str, facts: list[tuple[str, str]], form: str) -> str:
    """Write one thing: its name, then its facts in a fixed form or in freely chosen sentences."""
    lines = []
    for attribute, value in facts:
        chosen = form or draw.choice(wording.SHORT_FORMS)
        lines.append(chosen.format(a=attribute, A=capital(attribute), v=value))
    separator = " " if lines[0].endswith(".") else draw.choice(("\n", ", "))
    heading = draw.choice(("# {e}\n\n", "{e}\n", "{e}: ", "The {e}. ", "# {e}\n"))
    return heading.format(e=entity) + separator.join(lines)


def grid_lookup(
    draw: Draw, budget: int, numbered: float = 0.6, named_like: Namer | None = None
) -> Conversation:
    """Show two to four things with shared properties and ask for most cells, one a turn."""
    count = draw.between(2, 4)
    room = int(0.45 * budget) // TOKENS_PER_FACT // count
    attributes = draw.unique(draw.attribute, max(1, min(draw.between(1, 4), room)))
    entities = (
        draw_entities(draw, count)
        if named_like is None
        else draw.unique(lambda: named_like(draw), count)
    )
    form = "" if draw.chance(0.5) else draw.choice(FACT_FORMS)
    cells, things = [], []
    for entity in entities:
        facts = [(attribute, draw.value()) for attribute in attributes]
        draw.random.shuffle(facts)
        cells += [(entity, attribute, value) for attribute, value in facts]
        things.append(_thing(draw, entity, facts, form))
    with_numbers = draw.chance(numbered)
    shown = "\n\n".join(
        f"[{i + 1}] {text}" if with_numbers else text for i, text in enumerate(things)
    )
    return _questions(draw, budget - len(shown) // 2, shown, cells)


def _questions(
    draw: Draw, budget: int, shown: str, cells: list[tuple[str, str, str]]
) -> Conversation:
    """Ask for cells in random order until the budget is used up."""
    turns = maybe_system(draw, 0.3)
    template = draw.choice(SHORT_GRID_QUESTIONS)
    order: list[tuple[str, str, str]] = []
    while len(order) < max(1, budget // TOKENS_PER_QUESTION):
        order += draw.random.sample(cells, len(cells))
    for index, (entity, attribute, value) in enumerate(
        order[: max(1, budget // TOKENS_PER_QUESTION)]
    ):
        if draw.chance(0.3):
            template = draw.choice(SHORT_GRID_QUESTIONS)
        question = template.format(e=entity, a=attribute)
        text = wording.MAIN_CONTEXT_LAYOUT.format(c=shown, q=question) if index == 0 else question
        turns += [("user", text), ("assistant", value)]
    return turns
