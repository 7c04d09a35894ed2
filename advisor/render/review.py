"""Two answers side by side without saying whose they are, and what the votes say in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.review_words import WINNERS, judged_words, judgements, preference_sentence
from advisor.render.safe import safe_text
from advisor.render.terminal import make_panel, make_table, plain, show_warnings, styled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from advisor.schema.review import Review, ReviewPair

MOST_LINES = 40
MOST_CHARACTERS = 3000
"""Of one text; more is cut, and said to be."""
NARROW = 60
"""Columns below which answers stand one above the other."""
LEGEND = "1 left is better   2 right is better   t tie   x both bad"
MORE_KEYS = "s skip   b back   n note   q quit"
EMPTY = "(no answer)"


def safe_lines(text: str) -> Text:
    """A text of several lines made harmless; its line breaks stay, what is too long is cut."""
    lines = text[:MOST_CHARACTERS].splitlines()
    shown = [safe_text(line) for line in lines[:MOST_LINES]]
    if len(text) > MOST_CHARACTERS or len(lines) > MOST_LINES:
        shown.append("(cut here)")
    return styled("\n".join(shown).strip("\n"))


def show_pair(
    console: Console, pair: ReviewPair, *, place: int, of: int, given: str = "", note: str = ""
) -> None:
    """One pair: the input, the reference, both answers, and the keys; never whose they are."""
    console.print(styled(f"\nPair {place} of {of}", "bold"))
    console.print(make_panel(safe_lines(pair.input), title="Input"))
    if pair.target.strip():
        console.print(make_panel(safe_lines(pair.target), title="Reference answer"))
    left, right = pair.baseline, pair.tuned
    if pair.tuned_is_left:
        left, right = right, left
    if console.width < NARROW:
        console.print(make_panel(_answer(left), title="1 left"))
        console.print(make_panel(_answer(right), title="2 right"))
    else:
        table = make_table("1 left", "2 right")
        table.expand = True
        for column in table.columns:
            column.ratio = 1
        table.add_row(_answer(left), _answer(right))
        console.print(table)
    if given:
        console.print(plain(f"Judged before: {given}. Another key changes it.", style="dim"))
    if note:
        console.print(plain(f"Note: {note}", style="dim"))
    console.print(styled(LEGEND))
    console.print(styled(MORE_KEYS, "dim"))


def _answer(text: str) -> Text:
    return safe_lines(text) if text.strip() else styled(EMPTY, "dim")


def show_review(console: Console, review: Review) -> None:
    """Whom people prefer, by how much, how sure that is, and what would settle it.

    Before all pairs are judged only how many are.
    """
    body = styled(WINNERS[review.verdict], "bold")
    body.append_text(styled("\n")).append_text(plain(preference_sentence(review)))
    console.print(make_panel(body, title="Review"))
    if review.is_finished:
        console.print(_votes_table(review))
    show_warnings(console, review.warnings)


def _votes_table(review: Review) -> Table:
    table = make_table("Judgement", "Pairs", right=(1,))
    for name, count in judgements(review):
        table.add_row(plain(name, 40), count)
    table.caption = plain(judged_words(review))
    table.caption_justify = "left"
    return table
