"""An export on a terminal: whether it is the evaluated thing, what lies where, how it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.terminal import (
    BAD,
    CAREFUL,
    GOOD,
    labelled,
    make_panel,
    percent,
    plain,
    safe_text,
    show_facts,
    show_warnings,
    styled,
)

if TYPE_CHECKING:
    from rich.console import Console

    from advisor.schema.export import Agreement, Exported, ExportRecord, Snippet

MEANING = {
    "same": "The export is what was evaluated.",
    "within_tolerance": "The export is what was evaluated, within the tolerance.",
    "different": "The export is not what was evaluated: do not ship it.",
    "unchecked": "Nothing here could ask the export, so nothing proves that it is the same.",
}
SEEN = {
    "same": "All {n} answers that were asked for are the same",
    "within_tolerance": "{equal} of {n} answers that were asked for are the same, within the"
    " tolerance",
}
SILENT = "Nothing was compared, so nothing proves that the export is what was evaluated."
"""Instead of that, where the evaluated model gave no answer."""
OPEN = "{seen}; so few leave open whether {asked} of all are."
"""Instead of a proof, where those asked do not show the tolerance."""
STYLES = {"same": GOOD, "within_tolerance": GOOD, "different": BAD, "unchecked": CAREFUL}


def show_export(console: Console, record: ExportRecord) -> None:
    """The verdict, what was compared, the files and how to serve them."""
    if record.agreements:
        for task, agreement in record.agreements.items():
            show_agreement(console, agreement, f"Is it the same? {safe_text(task, 60)}")
    elif record.agreement is not None:
        show_agreement(console, record.agreement)
    show_facts(console, _facts(record.exported))
    for snippet in record.exported.snippets:
        _show_snippet(console, snippet)
    for note in record.exported.notes:
        console.print(plain(note, style="dim"))
    show_warnings(console, dict.fromkeys((*record.warnings, *record.exported.unchecked)))


def show_agreement(console: Console, agreement: Agreement, title: str = "Is it the same?") -> None:
    """Whether the two are the same, with the figures and the reasons why not."""
    meaning, style = _meaning(agreement)
    body = styled(meaning, style)
    for problem in agreement.problems:
        body.append_text(styled("\n")).append_text(plain(problem))
    console.print(make_panel(body, title=title, style=style))
    if agreement.n:
        show_facts(console, agreement_facts(agreement))


def _meaning(agreement: Agreement) -> tuple[str, str]:
    """What the verdict says, and how it is shown: as a proof only where enough were asked."""
    style = STYLES[agreement.verdict]
    if agreement.verdict == "unchecked" and agreement.problems:
        return SILENT, style
    if style != GOOD or agreement.is_shown:
        return MEANING[agreement.verdict], style
    seen = SEEN[agreement.verdict].format(n=agreement.n, equal=agreement.equal)
    return OPEN.format(seen=seen, asked=percent(agreement.asked_agreement, 0)), CAREFUL


def agreement_facts(agreement: Agreement) -> list[tuple[str, str]]:
    """What was compared, as named lines."""
    asked = f"at least {percent(agreement.asked_agreement, 0)} asked for"
    facts = [
        ("evaluated", agreement.reference),
        ("exported", agreement.exported),
        (
            "equal answers",
            f"{agreement.equal} of {agreement.n} ({percent(agreement.share)}; {asked})",
        ),
    ]
    if agreement.worse_by is not None:
        facts.append((agreement.metric, _score(agreement)))
    facts += [
        ("prompts", _told(agreement.same_prompts, "read alike", "read differently")),
        ("stop tokens", _told(agreement.same_ends, "the same", "others")),
    ]
    if agreement.differing:
        facts.append(("differing", ", ".join(agreement.differing)))
    return facts


def _score(agreement: Agreement) -> str:
    """Both scores, and how much lower the export's is, with its interval."""
    both = f"{percent(agreement.reference_score)} evaluated, {percent(agreement.exported_score)}"
    change = 0.0 - 100 * (agreement.worse_by or 0.0)
    told = f"{both} exported, {change:+.1f} points"
    if agreement.interval is not None:
        low, high = 0.0 - 100 * agreement.interval.high, 0.0 - 100 * agreement.interval.low
        level = percent(agreement.interval.level, 0)
        told += f" ({level} interval {low:+.1f} to {high:+.1f})"
    return f"{told}; at most {100 * agreement.asked_worse_by:g} worse let pass"


def _told(is_same: bool | None, same: str, other: str) -> str:  # noqa: FBT001 - the value shown
    if is_same is None:
        return "unknown: one of the two does not tell"
    return same if is_same else other


def _facts(found: Exported) -> list[tuple[str, str]]:
    facts = [("form", found.exporter), ("folder", found.output_dir)]
    if found.precision:
        rounded = ", rounded to fewer bits than were evaluated" if found.is_lossy else ""
        facts.append(("weights", f"{found.precision}{rounded}"))
    return [*facts, *(("files", name) for name in found.files)]


def _show_snippet(console: Console, snippet: Snippet) -> None:
    was_run = {True: "was run here", False: "was not run", None: "cannot be run here"}
    console.print()
    console.print(labelled(safe_text(snippet.title), was_run[snippet.was_run]))
    for line in snippet.text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        console.print(styled(" " * (2 + indent)).append_text(plain(line)), soft_wrap=True)
    if snippet.note:
        console.print(plain(snippet.note, style="dim"))
