"""Customer-like messages: field extraction with an instruction, and naming the topic."""

from __future__ import annotations

from dataclasses import dataclass

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.conversation import Conversation
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
ONE_FIELD = (
    "Extract the {k}.",
    "What is the {k}?",
    "Which {k} is mentioned?",
    "Return only the {k}.",
    "{k}?",
    "Find the {k} in the message.",
    "Give me the {k}.",
    "Extract the {k} from the message.",
    "Reply with the {k} only.",
    "Read the message and give the {k}.",
    "Write down the {k} of the customer message.",
    "You get a customer message. Answer with its {k}.",
    "State the {k} found in the text.",
    "Copy the {k}.",
    "Pick out the {k}.",
    "Your task: return the {k} in the message, nothing else.",
)
TWO_FIELDS = (
    "Extract the {a} and the {b}.",
    "Give {a} and {b}.",
    "Return the {a}, then the {b}.",
    "{a} and {b}?",
    "Write the {a} and the {b} of the message.",
)
TOPIC_INSTRUCTIONS = (
    "Name the topic.",
    "What is the topic of the message?",
    "Which topic is it?",
    "Topic?",
    "Reply with the topic of the message.",
    "Sort the message by topic.",
    "What is it about?",
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


def write_message(draw: Draw, values: dict[str, str], keyword: str | None) -> str:
    """Write a message holding the given details in random order, with filler in between."""
    parts = [draw.choice(FIELDS[field].clauses).format(v=value) for field, value in values.items()]
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


def _message(draw: Draw, fields: list[str]) -> tuple[dict[str, str], str]:
    """Draw values and a message for the fields."""
    values = {field: field_value(draw, field) for field in fields}
    keyword = (
        draw.choice(vocab.TOPICS[draw.choice(list(vocab.TOPICS))]) if draw.chance(0.5) else None
    )
    return values, write_message(draw, values, keyword)


def _fields(draw: Draw, least: int) -> list[str]:
    """Choose the fields of a series of messages; order and name are the most frequent."""
    fields = [field for field in ("order", "name") if draw.chance(0.5)]
    others = [field for field in FIELDS if field not in fields]
    return fields + draw.random.sample(others, max(least - len(fields), draw.between(0, 2)))


def extraction(draw: Draw, budget: int) -> Conversation:
    """Extract one field of several messages; usually the system turn says which."""
    fields = _fields(draw, 1)
    wanted = draw.choice(fields)
    label, instruction = draw.choice(FIELDS[wanted].labels), draw.choice(ONE_FIELD)
    in_system = draw.chance(0.8)
    turns: Conversation = [("system", instruction.format(k=label))] if in_system else []
    for _ in range(max(1, min(5, budget // 42))):
        values, message = _message(draw, fields)
        if not in_system:
            wanted = draw.choice(fields)
            asked = draw.choice(ONE_FIELD).format(k=draw.choice(FIELDS[wanted].labels))
            message = draw.choice(
                (f"{asked}\n\n{message}", f"{asked}\n{message}", f"{message}\n{asked}")
            )
        turns += [("user", message), ("assistant", values[wanted])]
    return turns


def two_fields(draw: Draw, budget: int) -> Conversation:
    """Extract two fields joined by a separator that the instruction or an earlier answer shows."""
    fields = _fields(draw, 2)
    first, second = draw.random.sample(fields, 2)
    separator = draw.choice((", ", " - ", " / ", " | ", "; ", " // ", "\n"))
    labels = draw.choice(FIELDS[first].labels), draw.choice(FIELDS[second].labels)
    turns: Conversation = [("system", draw.choice(TWO_FIELDS).format(a=labels[0], b=labels[1]))]
    if separator != ", ":
        turns[0] = ("system", turns[0][1] + f" Form: <{labels[0]}>{separator}<{labels[1]}>")
    for _ in range(max(1, min(4, budget // 55))):
        values, message = _message(draw, fields)
        turns += [("user", message), ("assistant", values[first] + separator + values[second])]
    return turns


def topic(draw: Draw, budget: int) -> Conversation:
    """Name the topic of messages that contain one of its keywords."""
    turns: Conversation = [("system", draw.choice(TOPIC_INSTRUCTIONS))]
    fields = draw.random.sample(list(FIELDS), draw.between(0, 2))
    for _ in range(max(1, min(6, budget // 40))):
        name = draw.choice(list(vocab.TOPICS))
        values = {field: field_value(draw, field) for field in fields}
        turns += [
            ("user", write_message(draw, values, draw.choice(vocab.TOPICS[name]))),
            ("assistant", name),
        ]
    return turns
