"""Questions about one to four passages: the family the mixture is mostly made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny import wording
from examples.pretrain_tiny.conversation import UNKNOWN, Conversation, maybe_system
from examples.pretrain_tiny.values import Draw, capital

TOKENS_PER_FACT = 17
TOKENS_PER_QUESTION = 20

Namer = Callable[[Draw], str]


@dataclass(frozen=True)
class Question:
    """One question about a passage and its answer."""

    text: str
    answer: str


def _lower_start(text: str) -> str:
    """Lower the first letter where that is safe (articles and pronouns)."""
    return (
        text[0].lower() + text[1:]
        if text.startswith(("The ", "It ", "Its ", "A ", "You ", "We ", "Our "))
        else text
    )


def fact_sentence(draw: Draw, entity: str, attribute: str, value: str, *, named: bool) -> str:
    """Write one fact as a sentence, with or without the entity's name."""
    if draw.chance(0.16):
        return wild_sentence(draw, entity, attribute, value, named=named)
    form = draw.choice(wording.FULL_FORMS if named else wording.SHORT_FORMS)
    if form.endswith("{v}.") and draw.chance(0.2):
        form = form[:-1] + draw.choice(wording.TAILS) + "."
    lead = ""
    if not form.startswith(("{", "-")) and draw.chance(0.2):
        lead, form = draw.choice(wording.LEADS), _lower_start(form)
    return lead + form.format(e=entity, a=attribute, A=capital(attribute), v=value)


def wild_sentence(draw: Draw, entity: str, attribute: str, value: str, *, named: bool) -> str:
    """Write a fact between meaningless words, so that no fixed form can be relied on."""
    parts = [
        f"the {attribute}" if draw.chance(0.6) else attribute,
        draw.filler(draw.between(0, 3)),
        value,
    ]
    if draw.chance(0.2):
        parts = [
            value,
            draw.choice(("is", "as", "for", "was the", "gives"))
            + " "
            + draw.filler(draw.between(0, 2)),
            parts[0],
        ]
    if named:
        parts.insert(
            draw.choice((0, len(parts))),
            draw.choice(("of the ", "the ", "with the ", "on a ", "")) + entity,
        )
    if draw.chance(0.4):
        parts.insert(0, draw.filler(draw.between(1, 5)))
    if draw.chance(0.3):
        parts.append(
            draw.choice(("in", "on", "for", "when", "and", "before", ", with", ", after"))
            + " "
            + draw.filler(draw.between(1, 4))
        )
    text = " ".join(part for part in parts if part).replace("  ", " ").replace(" ,", ",")
    return capital(text) + "."


def _extra_fact(draw: Draw, entity: str) -> tuple[str, Question] | None:
    """Sometimes add a fact that is not 'property is value': who, how often, where."""
    roll = draw.random.random()
    if roll < 0.12:
        verb, person = draw.choice(vocab.VERBS), draw.person()
        sentence = draw.choice(
            ("The {e} was {w} by {n}.", "{n} {w} the {e}.", "It was {w} by {n}.")
        ).format(e=entity, w=verb, n=person)
        question = draw.choice(("Who {w} the {e}?", "By whom was the {e} {w}?")).format(
            w=verb, e=entity
        )
        return sentence, Question(question, person)
    if roll < 0.24:
        part, verb = draw.choice(vocab.NOUNS), draw.choice(vocab.CARE_VERBS)
        value = f"every {draw.between(2, 60)} {draw.choice(vocab.UNITS[:7])}"
        sentence = draw.choice(
            (
                "The {n} of the {e} must be {w} {v}.",
                "The {n} should be {w} {v}.",
                "Have the {n} {w} {v}.",
            )
        ).format(n=part, e=entity, w=verb, v=value)
        return sentence, Question(f"How often must the {part} of the {entity} be {verb}?", value)
    if roll < 0.34:
        place, verb = (
            draw.name(),
            draw.choice(("made", "sold", "stored", "built", "kept", "based", "born", "packed")),
        )
        subject = draw.choice((f"The {entity}", "It"))
        return f"{subject} is {verb} in {place}.", Question(f"Where is the {entity} {verb}?", place)
    return None


def _note(draw: Draw) -> str:
    """Write a sentence that answers nothing."""
    if draw.chance(0.25):
        return capital(draw.filler(draw.between(4, 9))) + "."
    return draw.choice(wording.NOTES).format(
        n=draw.choice(vocab.NOUNS), m=draw.choice(vocab.NOUNS), d=draw.choice(vocab.ADJECTIVES)
    )


def _prose(
    draw: Draw, entity: str, facts: list[tuple[str, str]]
) -> tuple[list[str], list[Question]]:
    """Write facts as running sentences; return them with the extra questions they allow."""
    sentences, questions = [], []
    introduced = draw.chance(0.6)
    if introduced:
        kind = draw.choice(
            (f"{draw.choice(vocab.NOUNS)} {draw.choice(vocab.NOUNS)}", draw.choice(vocab.NOUNS))
        )
        use = f"{draw.choice(vocab.ADJECTIVES)} {draw.choice(vocab.NOUNS)}s"
        sentences.append(draw.choice(wording.INTRODUCTIONS).format(e=entity, t=kind, u=use))
    for attribute, value in facts:
        named = not (introduced and draw.chance(0.75))
        sentences.append(fact_sentence(draw, entity, attribute, value, named=named))
        introduced = True
    extra = _extra_fact(draw, entity)
    if extra:
        sentences.append(extra[0])
        questions.append(extra[1])
    for _ in range(draw.choice((0, 0, 1, 1, 2)) if facts else 0):
        sentences.insert(draw.between(1, len(sentences)), _note(draw))
    return sentences, questions


def write_passage(
    draw: Draw, entity: str, facts: list[tuple[str, str]]
) -> tuple[str, list[Question]]:
    """Write one passage about one entity: prose, or a sheet of 'property: value' lines."""
    questions = [
        Question(draw.choice(wording.QUESTIONS).format(e=entity, a=a, A=capital(a)), v)
        for a, v in facts
    ]
    if draw.chance(0.12):
        layout = draw.choice(
            ("{a}: {v}", "- {a}: {v}", "| {a} | {v} |", "{a} = {v}", "* {a} {v}", "{a}: {v};")
        )
        lines = [layout.format(a=attribute, v=value) for attribute, value in facts]
        return f"{draw.choice(('', '# ', '## '))}{entity}\n" + "\n".join(lines), questions
    sentences, extra = _prose(draw, entity, facts)
    heading = draw.choice(
        (
            "",
            "",
            "",
            f"{entity}\n",
            f"# {entity}\n",
            f"# {entity}\n\n",
            f"{entity} manual\n",
            f"About the {entity}. ",
            f"# {entity}: {draw.choice(vocab.NOUNS)}\n\n",
            f"{entity}: ",
        )
    )
    return heading + draw.choice((" ", " ", " ", " ", "\n")).join(sentences), questions + extra


def draw_entities(draw: Draw, count: int) -> list[str]:
    """Draw entity names, sometimes sharing a part so that the whole name must be compared."""
    names = draw.unique(draw.entity, count)
    if count > 1 and draw.chance(0.2):
        tails = draw.choice(
            (["Pro", "Mini", "Max", "Plus"], [str(draw.between(1, 9) * 100) for _ in range(4)])
        )
        base = draw.name()
        names = draw.unique(
            lambda: f"{base if draw.chance(0.6) else draw.name()} {draw.choice(tails)}", count
        )
    return names


def _facts_for(draw: Draw, entities: list[str], per_entity: int) -> list[list[tuple[str, str]]]:
    """Give every entity its facts; usually all share properties, so the name decides."""
    pool = draw.unique(draw.attribute, per_entity + 2)
    shared = draw.chance(0.75)
    result = []
    for _ in entities:
        names = (
            draw.random.sample(pool, min(per_entity, len(pool)))
            if shared
            else draw.unique(draw.attribute, per_entity)
        )
        result.append([(name, draw.value()) for name in names])
    return result


def _layout(draw: Draw, passages: list[str], numbered: float) -> tuple[str, str]:
    """Choose a layout: (context text, template for context and question)."""
    if draw.chance(numbered):
        return "\n\n".join(
            f"[{i + 1}] {p}" for i, p in enumerate(passages)
        ), wording.MAIN_CONTEXT_LAYOUT
    joined = draw.choice(("\n", "\n\n", "\n\n", " ")).join(passages)
    return joined, draw.choice(wording.OTHER_CONTEXT_LAYOUTS)


def _absent(draw: Draw, entities: list[str]) -> Question:
    """Ask for something the passages do not contain."""
    entity = draw.choice(entities) if draw.chance(0.4) else draw.entity()
    attribute = draw.attribute()
    return Question(
        draw.choice(wording.QUESTIONS).format(e=entity, a=attribute, A=capital(attribute)), UNKNOWN
    )


def passage_questions(
    draw: Draw,
    budget: int,
    *,
    most_passages: int = 4,
    most_facts: int = 6,
    numbered: float = 0.7,
    later_share: float = 1.0,
    named_like: Namer | None = None,
) -> Conversation:
    """Build passages about one to four things and ask several questions about them, one a turn."""
    room = max(1, budget // (2 * TOKENS_PER_FACT + 14))
    count = min(draw.choice((1, 1, 2, 3, 3, 3, 4)), most_passages, room)
    per_entity = max(
        1, min(most_facts, draw.between(1, 6), int(0.65 * budget) // (TOKENS_PER_FACT * count))
    )
    entities = (
        draw_entities(draw, count)
        if named_like is None
        else draw.unique(lambda: named_like(draw), count)
    )
    passages, questions = [], []
    for entity, facts in zip(entities, _facts_for(draw, entities, per_entity), strict=True):
        passage, asked = write_passage(draw, entity, facts)
        passages.append(passage)
        if not questions or later_share >= 1 or draw.chance(later_share):
            questions += asked
    context, template = _layout(draw, passages, numbered)
    return _ask(draw, budget, maybe_system(draw), (context, template), questions, entities)


def _ask(
    draw: Draw,
    budget: int,
    opening: Conversation,
    context: tuple[str, str],
    questions: list[Question],
    entities: list[str],
) -> Conversation:
    """Append question and answer turns; the context stands in the first question only."""
    turns = opening
    draw.random.shuffle(questions)
    used = len(context[0]) // 3
    most = max(1, min(len(questions), (budget - used) // TOKENS_PER_QUESTION))
    for index, present in enumerate(questions[:most]):
        question = _absent(draw, entities) if draw.chance(0.05) else present
        text = context[1].format(c=context[0], q=question.text) if index == 0 else question.text
        turns += [("user", text), ("assistant", question.answer)]
    return turns


def closed_book(draw: Draw, budget: int) -> Conversation:
    """Ask without any passage, sometimes after example answers: the reply is not to know."""
    turns = maybe_system(draw)

    def ask() -> str:
        attribute = draw.attribute()
        prefix = "Question: " if draw.chance(0.2) else ""
        return prefix + draw.choice(wording.QUESTIONS).format(
            e=draw.entity(), a=attribute, A=capital(attribute)
        )

    for _ in range(draw.choice((0, 0, 1, 2, 3)) if budget > 110 else 0):
        turns += [("user", ask()), ("shot", draw.value())]
    return [*turns, ("user", ask()), ("assistant", UNKNOWN)]
