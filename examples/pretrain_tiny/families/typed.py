"""Manual-like passages in which every property has values of its usual kind (a weight is in kg)."""

from __future__ import annotations

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny import wording
from examples.pretrain_tiny.conversation import UNKNOWN, Conversation, maybe_system
from examples.pretrain_tiny.families.passages import fact_sentence
from examples.pretrain_tiny.values import Draw, capital

MEASURED = (
    ("hours minutes seconds", "battery life|charging time|boot time|warm-up time|standby time"),
    ("hours minutes seconds", "timer limit|time limit|cooking time|response time"),
    ("days weeks months years", "warranty|shelf life|return period|retention period"),
    ("kg grams", "weight|mass|maximum load|minimum load|dose"),
    ("cm mm meters", "height|width|length|depth|cable length|blade length|mounting height"),
    ("cm mm", "grip width|seat height|diameter|screen size|wheel size|box size|inlet size"),
    ("liters ml", "water tank|tank size|capacity|flow rate"),
    ("volts", "voltage|test voltage"),
    ("watts", "power|idle power|peak power"),
    ("amps", "fuse rating|rated current"),
    ("bar", "pressure"),
    ("dB", "noise level"),
    ("lux", "brightness"),
    ("Hz kHz", "frequency|refresh rate|sampling rate"),
    ("GB MB", "memory|storage"),
    ("km meters", "range|altitude"),
    ("euros dollars", "price|service fee|monthly fee|maintenance fee|budget"),
)
INTERVALS = ["cleaning interval", "service interval", "descaling interval", "backup interval"]
SPANS = ["operating temperature", "storage temperature", "oven temperature"]
PERSONS = ["chief designer", "manager", "owner", "author", "contact person"]
PLACES = ["country of origin", "city", "factory", "head office", "language", "capital"]
CODED_NAMES = ["filter type", "motor type", "ink type", "fuel type", "lubricant", "cover material"]
CODES = ["reset code", "error code", "order code", "serial number", "part number", "spare part"]
DIGITS = [
    "door code",
    "access code",
    "alarm code",
    "pairing code",
    "default channel",
    "room number",
]
DATES = ["release date", "start date", "end date", "deadline"]
OTHERS = ["support line", "support email", "firmware version", "default password", "supplier"]
KINDS = (INTERVALS, SPANS, PERSONS, PLACES, CODED_NAMES, CODES, DIGITS, DATES, OTHERS)
MEASURES = [(units.split(), names.split("|")) for units, names in MEASURED]

OPENINGS = (
    "{e} is the name of this {t}.",
    "Enjoy your {t}, the {e}.",
    "The {e}, our {t} for {u}, is described here.",
    "You bought a {e}.",
    "This manual belongs to the {e} {t}.",
    "Our {t} {e} is ready for {u}.",
    "Thanks for your trust in the {e} {t}.",
    "A {e} is more than a {t}.",
)
QUESTIONS = (
    "How {j} is the {e}'s {a}?",
    "How {j} a {a} does the {e} have?",
    "Which {a} do I need for my {e}?",
    "What {a} goes with the {e}?",
    "Who or what is the {a} of the {e}?",
    "At which {a} does the {e} work?",
    "Our {e} has a problem: what is its {a}?",
    "On my {e}, what is the {a}?",
    "I use the {e}. What {a} should I know?",
    "With what {a} does the {e} come?",
)
SIZES = ("long", "high", "large", "big", "much", "heavy", "wide", "strong", "far")


def typed_fact(draw: Draw) -> tuple[str, str]:
    """Draw a property and a value of its usual kind."""
    if draw.chance(0.5):
        units, names = draw.choice(MEASURES)
        number = (
            str(draw.between(1, 400))
            if draw.chance(0.7)
            else f"{draw.between(1, 30)}.{draw.between(1, 9)}"
        )
        return draw.choice(names), f"{number} {draw.choice(units)}"
    names = draw.choice(KINDS)
    attribute = draw.choice(names)
    return attribute, _value(draw, attribute, KINDS.index(names))


def _value(draw: Draw, attribute: str, kind: int) -> str:
    """Draw the value of a property that is not measured."""
    makers = (
        lambda: f"every {draw.between(2, 60)} {draw.choice(('hours', 'days', 'weeks', 'months'))}",
        lambda: f"{draw.between(1, 20)} to {draw.between(21, 90)} degrees",
        lambda: f"{draw.name()} {draw.name()}",
        draw.name,
        lambda: f"{draw.name()} {draw.between(2, 99)}",
        draw.code,
        lambda: str(
            draw.between(2, 99)
            if attribute in ("default channel", "room number")
            else draw.between(1000, 999999)
        ),
        draw.date,
        lambda: _other(draw, attribute),
    )
    return makers[kind]()


def _other(draw: Draw, attribute: str) -> str:
    """Draw the value of a property that is a kind of its own."""
    makers = {
        "support line": draw.phone,
        "support email": draw.email,
        "firmware version": lambda: f"{draw.between(1, 9)}.{draw.between(0, 99)}",
        "default password": lambda: f"{draw.word()}{draw.between(10, 99)}",
        "supplier": lambda: f"{draw.name()} {draw.choice(('Ltd', 'Inc', 'Group'))}",
    }
    return makers[attribute]()


def _facts(
    draw: Draw, count: int, pool: list[tuple[str, str]], shared: float
) -> list[tuple[str, str]]:
    """Draw facts with different properties; some properties are shared with the other products."""
    found: dict[str, str] = {}
    while len(found) < count:
        attribute, value = typed_fact(draw)
        if pool and draw.chance(shared):
            attribute, value = draw.choice(pool)
        found.setdefault(attribute, value)
    return list(found.items())


def _fresh_values(draw: Draw, pool: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Give every property of the pool a value of the same kind."""
    fresh = []
    for attribute, _ in pool:
        for units, names in MEASURES:
            if attribute in names:
                fresh.append((attribute, f"{draw.between(1, 400)} {draw.choice(units)}"))
        for kind, listed in enumerate(KINDS):
            if attribute in listed:
                fresh.append((attribute, _value(draw, attribute, kind)))
    return fresh


def _page(draw: Draw, product: str, facts: list[tuple[str, str]]) -> str:
    """Write a page: heading, opening, facts, now and then a remark."""
    thing = f"{draw.choice(vocab.ADJECTIVES)} {draw.choice(vocab.NOUNS)}"
    use = f"{draw.choice(vocab.ADJECTIVES)} {draw.choice(vocab.NOUNS)}s"
    opening = draw.choice(OPENINGS if draw.chance(0.6) else wording.INTRODUCTIONS)
    parts = [opening.format(e=product, t=thing, u=use)] if draw.chance(0.85) else []
    for attribute, value in facts:
        named = draw.chance(0.1)
        parts.append(fact_sentence(draw, product, attribute, value, named=named))
    if draw.chance(0.3):
        parts.insert(draw.between(0, len(parts)), capital(draw.filler(draw.between(4, 8))) + ".")
    return f"# {product}\n\n{' '.join(parts)}"


def typed_passages(
    draw: Draw, budget: int, *, shared: float = 0.35, later: float = 0.6
) -> Conversation:
    """Show numbered pages of one to three products; the first is asked about most."""
    count = max(1, min(draw.choice((1, 2, 3, 3, 3)), budget // 75))
    each = max(1, min(draw.between(2, 5), int(0.72 * budget) // count // 22))
    products = draw.unique(draw.product, count)
    pages: list[str] = []
    cells: list[tuple[str, str, str]] = []
    pool: list[tuple[str, str]] = []
    for product in products:
        facts = _facts(draw, each, _fresh_values(draw, pool), shared)
        pool = pool + facts
        pages.append(_page(draw, product, facts))
        if not cells or draw.chance(later):
            cells += [(product, attribute, value) for attribute, value in facts]
    shown = "\n\n".join(f"[{index + 1}] {page}" for index, page in enumerate(pages))
    return _ask(draw, budget - len(shown) * 5 // 12, shown, cells)


def _ask(draw: Draw, budget: int, shown: str, cells: list[tuple[str, str, str]]) -> Conversation:
    """Ask about the cells in random order; now and then about something that is not there."""
    turns = maybe_system(draw, 0.8)
    draw.random.shuffle(cells)
    for index, cell in enumerate(cells[: max(1, budget // 20)]):
        form = draw.choice(QUESTIONS if draw.chance(0.4) else wording.QUESTIONS)
        product, attribute, value = _absent(draw) if draw.chance(0.04) else cell
        question = form.format(e=product, a=attribute, A=capital(attribute), j=draw.choice(SIZES))
        text = wording.MAIN_CONTEXT_LAYOUT.format(c=shown, q=question) if index == 0 else question
        turns += [("user", text), ("assistant", value)]
    return turns


def _absent(draw: Draw) -> tuple[str, str, str]:
    """Draw a product and a property that no page mentions."""
    return draw.product(), typed_fact(draw)[0], UNKNOWN
