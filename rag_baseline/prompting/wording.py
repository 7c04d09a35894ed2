"""What a prompt with passages says: the turn of the user, and what may be asked beside."""

from __future__ import annotations

from collections.abc import Sequence

CITE = (
    "Behind each statement name the passage it rests on by its number in square brackets, "
    "such as [1]."
)
FAR = "The passages may have nothing to do with the question."


def user_turn(passages: Sequence[str], text: str, asked: Sequence[str] = ()) -> str:
    """The passages as they are shown, numbered, best first, and the question.

    Fixed: models are trained on it. What is `asked` of the answer stands between the two.
    """
    context = "\n\n".join(f"[{at}] {shown}" for at, shown in enumerate(passages, start=1))
    notes = f"{' '.join(asked)}\n\n" if asked else ""
    return f"Context:\n{context}\n\n{notes}Question: {text}"


def declining(answer: str) -> str:
    """Asks for this answer where there is none."""
    return f"If the passages do not hold the answer, answer exactly: {answer}"


def marked(answer: str, number: int) -> str:
    """An answer that names a passage; the mark stands before the final full stop."""
    bare = answer.rstrip()
    if bare.endswith((".", "!", "?")):
        return f"{bare[:-1]} [{number}]{bare[-1]}"
    return f"{bare} [{number}]"
