"""Customer-like messages: field extraction with an instruction, and naming the topic."""

from __future__ import annotations

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.conversation import Conversation
from examples.pretrain_tiny.families.message_text import FIELDS, field_value, write_message
from examples.pretrain_tiny.values import Draw

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


def _message(draw: Draw, fields: list[str], loose: float) -> tuple[dict[str, str], str]:
    """Draw values and a message for the fields."""
    values = {field: field_value(draw, field) for field in fields}
    keyword = (
        draw.choice(vocab.TOPICS[draw.choice(list(vocab.TOPICS))]) if draw.chance(0.5) else None
    )
    return values, write_message(draw, values, keyword, loose)


def _fields(draw: Draw, least: int) -> list[str]:
    """Choose the fields of a series of messages; order and name are the most frequent."""
    fields = [field for field in ("order", "name") if draw.chance(0.5)]
    others = [field for field in FIELDS if field not in fields]
    return fields + draw.random.sample(others, max(least - len(fields), draw.between(0, 2)))


def extraction(draw: Draw, budget: int, loose: float = 0.0) -> Conversation:
    """Extract one field of several messages; usually the system turn says which."""
    fields = _fields(draw, 1)
    wanted = draw.choice(fields)
    label, instruction = draw.choice(FIELDS[wanted].labels), draw.choice(ONE_FIELD)
    in_system = draw.chance(0.8)
    turns: Conversation = [("system", instruction.format(k=label))] if in_system else []
    for _ in range(max(1, min(5, budget // 42))):
        values, message = _message(draw, fields, loose)
        if not in_system:
            wanted = draw.choice(fields)
            asked = draw.choice(ONE_FIELD).format(k=draw.choice(FIELDS[wanted].labels))
            message = draw.choice(
                (f"{asked}\n\n{message}", f"{asked}\n{message}", f"{message}\n{asked}")
            )
        turns += [("user", message), ("assistant", values[wanted])]
    return turns


def two_fields(draw: Draw, budget: int, loose: float = 0.0) -> Conversation:
    """Extract two fields joined by a separator that the instruction or an earlier answer shows."""
    fields = _fields(draw, 2)
    first, second = draw.random.sample(fields, 2)
    separator = draw.choice((", ", " - ", " / ", " | ", "; ", " // ", "\n"))
    labels = draw.choice(FIELDS[first].labels), draw.choice(FIELDS[second].labels)
    turns: Conversation = [("system", draw.choice(TWO_FIELDS).format(a=labels[0], b=labels[1]))]
    if separator != ", ":
        turns[0] = ("system", turns[0][1] + f" Form: <{labels[0]}>{separator}<{labels[1]}>")
    for _ in range(max(1, min(4, budget // 55))):
        values, message = _message(draw, fields, loose)
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
