"""How customer-like messages are written: the details they hold and the words around them."""

from __future__ import annotations

from dataclasses import dataclass

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.values import Draw, capital


@dataclass(frozen=True)
class Field:
    """A kind of detail a message can contain: how it is written, and what instructions call it."""

    clauses: tuple[str, ...]
    labels: tuple[str, ...]


FIELDS: dict[str, Field] = {
    "name": Field(
        (
            "my name is {v}",
            "this is {v}",
            "{v} here",
            "I am {v}",
            "customer {v}",
            "signed {v}",
            "by {v}",
            "regards, {v}",
            "you are speaking with {v}",
            "greetings from {v}",
            "I am called {v}",
            "yours, {v}",
            "it is {v} writing",
            "from {v}",
            "contact {v}",
            "name: {v}",
        ),
        ("name", "customer", "client", "person", "sender", "customer name", "name of the customer"),
    ),
    "order": Field(
        (
            "order {v}",
            "my order number is {v}",
            "order number {v}",
            "about order {v}",
            "(order {v})",
            "ref {v}",
            "regarding {v}",
            "it concerns order {v}",
            "the order is {v}",
            "order no. {v}",
            "I ordered under {v}",
            "see order {v}",
            "my order {v}",
            "the number on the slip is {v}",
            "it was order {v}",
            "case {v}",
            "order: {v}",
            "purchase {v}",
            "you sent me {v}",
        ),
        (
            "order",
            "order id",
            "order number",
            "ref",
            "number of the order",
            "reference",
            "order code",
        ),
    ),
    "product": Field(
        ("the {v}", "my {v}", "a {v}", "product {v}", "one {v}", "model {v}", "I bought the {v}"),
        ("product", "item", "device", "model", "article"),
    ),
    "city": Field(
        (
            "in {v}",
            "from {v}",
            "at {v}",
            "living in {v}",
            "ship to {v}",
            "city: {v}",
            "I live in {v}",
        ),
        ("city", "place", "town", "location"),
    ),
    "date": Field(
        ("on {v}", "since {v}", "date {v}", "from {v}", "dated {v}", "it was {v}"),
        ("date", "day", "when"),
    ),
    "phone": Field(
        ("call {v}", "phone {v}", "my phone number is {v}", "tel {v}", "ring me on {v}"),
        ("phone", "tel", "phone number", "telephone number"),
    ),
    "email": Field(
        ("mail {v}", "my email is {v}", "write to {v}", "email {v}", "reach me at {v}"),
        ("email", "mail", "email address"),
    ),
    "amount": Field(
        ("{v}", "paid {v}", "for {v}", "total {v}", "cost {v}", "of {v}", "I was charged {v}"),
        ("amount", "sum", "price", "total"),
    ),
    "quantity": Field(
        ("{v} pieces", "{v} units", "{v} times", "quantity {v}", "{v} items"),
        ("quantity", "count", "number of items"),
    ),
    "room": Field(("room {v}", "in room {v}"), ("room", "room number")),
    "company": Field(
        ("at {v}", "for {v}", "company {v}", "with {v}", "I work for {v}"),
        ("company", "firm", "employer"),
    ),
}

GREETINGS = (
    "",
    "",
    "",
    "Hello, ",
    "Hi, ",
    "Dear team, ",
    "Hi there. ",
    "Good morning, ",
    "Good day. ",
    "Hey, ",
    "To whom it may concern. ",
)
GOODBYES = (
    "",
    "",
    "",
    " Thanks.",
    " Please help.",
    " Thank you!",
    " Best wishes.",
    " Please reply soon.",
    " Cheers",
)
PROBLEMS = (
    "the {n} is {k}",
    "{k} again",
    "there is a {k}",
    "problem: {k}",
    "it is {k}",
    "I have a {k} issue",
    "{k}",
    "my {n} shows {k}",
    "I am writing about the {k}",
    "we had trouble with {k}",
    "the {k} was wrong",
    "still no {k}",
    "the {k} does not work",
    "why is the {k} {d}",
    "I need help with my {k}",
    "{f} {k} {f}",
    "{f} {k}",
    "{k} {f}",
    "the {n} and the {k} are {d}",
    "{f} {k} {f}",
    "can you check the {k}",
)


def field_value(draw: Draw, field: str) -> str:
    """Draw a value of the kind the field holds."""
    if field == "order":
        return draw.code() if draw.chance(0.75) else draw.number()
    if field == "company":
        return draw.name() + draw.choice((" Ltd", " Inc", "", " Group"))
    makers = {
        "name": draw.person,
        "product": draw.entity,
        "city": draw.name,
        "date": draw.date,
        "phone": draw.phone,
        "email": draw.email,
        "amount": draw.amount,
        "quantity": lambda: str(draw.between(1, 40)),
        "room": draw.number,
    }
    return makers[field]()


def problem_clause(draw: Draw, keyword: str) -> str:
    """Write a clause about a problem, around a topic keyword."""
    form = draw.choice(PROBLEMS)
    while "{f}" in form:
        form = form.replace("{f}", draw.filler(draw.between(1, 6)), 1)
    return form.format(n=draw.choice(vocab.NOUNS), d=draw.choice(vocab.ADJECTIVES), k=keyword)


def loose_clause(draw: Draw, field: str, value: str) -> str:
    """Write a detail between meaningless words, so that no fixed clause can be relied on."""
    parts = [draw.filler(draw.between(1, 4))]
    if draw.chance(0.5):
        parts.append(draw.choice(FIELDS[field].labels))
        parts.append(draw.filler(draw.between(0, 2)))
    parts.append(value)
    if draw.chance(0.3):
        parts.append(draw.filler(draw.between(1, 4)))
    return " ".join(part for part in parts if part)


def write_message(
    draw: Draw, values: dict[str, str], keyword: str | None, loose: float = 0.0
) -> str:
    """Write a message holding the given details in random order, with filler in between."""
    parts = [
        loose_clause(draw, field, value)
        if loose and draw.chance(loose)
        else draw.choice(FIELDS[field].clauses).format(v=value)
        for field, value in values.items()
    ]
    parts += [draw.filler(draw.between(1, 5)) for _ in range(draw.between(0, 2))]
    if keyword:
        parts.append(problem_clause(draw, keyword))
    draw.random.shuffle(parts)
    text = ""
    for index, part in enumerate(parts):
        text += capital(part) if index == 0 or text.endswith((". ", "! ")) else part
        last = index == len(parts) - 1
        text += (
            draw.choice((".", ".", "", "!"))
            if last
            else draw.choice((", ", ". ", ". ", ". ", " and ", " - ", "! "))
        )
    return draw.choice(GREETINGS) + text + draw.choice(GOODBYES)
