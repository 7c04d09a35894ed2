"""Small instructions whose answer is made from the instruction itself."""

from __future__ import annotations

from examples.pretrain_tiny import vocabulary as vocab
from examples.pretrain_tiny.conversation import Conversation, maybe_system
from examples.pretrain_tiny.values import Draw


def _position(draw: Draw, words: list[str]) -> tuple[str, str]:
    """Ask for the first, last or next word."""
    text, kind = " ".join(words), draw.between(0, 2)
    if kind == 0:
        return draw.choice(
            ("First word: ", "What is the first word? ", "Give the first word of: ")
        ) + text, words[0]
    if kind == 1:
        return draw.choice(
            ("Last word: ", "What is the last word? ", "Give the last word of: ")
        ) + text, words[-1]
    index = draw.between(0, len(words) - 2)
    return f"Which word follows {words[index]}? {text}", words[index + 1]


def _repeat(draw: Draw, words: list[str]) -> tuple[str, str]:
    """Ask to repeat, join or list words."""
    text, kind = " ".join(words), draw.between(0, 2)
    if kind == 0:
        return draw.choice(("Repeat: ", "Say: ", "Copy this: ", "Repeat the text.\n")) + text, text
    if kind == 1:
        return draw.choice(("Separate with commas: ", "Join with commas: ")) + text, ", ".join(
            words
        )
    return "Make a list: " + ", ".join(words), "\n".join("- " + word for word in words)


def _wrap(draw: Draw, _words: list[str]) -> tuple[str, str]:
    """Ask to write a value, plain, in brackets or in quotes."""
    value, kind = draw.value(), draw.between(0, 2)
    if kind == 0:
        return draw.choice(
            (f"Say {value}", f"Answer with {value}.", f"Reply: {value}", f"Only write {value}")
        ), value
    return (
        (f"Put {value} in brackets", f"[{value}]")
        if kind == 1
        else (f"Quote {value}", f'"{value}"')
    )


def _contains(draw: Draw, words: list[str]) -> tuple[str, str]:
    """Ask whether a word is in a list."""
    word = draw.choice(words) if draw.chance(0.5) else draw.word()
    return f"Is {word} in the list? {', '.join(words)}", "yes" if word in words else "no"


def small_instructions(draw: Draw, budget: int) -> Conversation:
    """Give a few small instructions, one a turn."""
    turns = maybe_system(draw, 0.2)
    for _ in range(draw.between(1, max(1, budget // 40))):
        words = [
            draw.word() if draw.chance(0.5) else draw.choice(vocab.NOUNS)
            for _ in range(draw.between(2, 7))
        ]
        question, answer = draw.choice((_position, _repeat, _wrap, _contains))(draw, words)
        turns += [("user", question), ("assistant", answer)]
    return turns
