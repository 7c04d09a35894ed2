"""A decision on a terminal: what is advised, why, what would change it, what comes next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.render.advice_grids import asked_grid, settings_grid
from advisor.render.decision_words import (
    SHORT_GAIN,
    SHORT_MEANING,
    builders_words,
    first_two,
    forbidding_rules,
    listed,
    measure_words,
    methods_words,
    outcomes_words,
    sides,
    standing_sentences,
    weight_words,
)
from advisor.render.fact_words import fact_name, flip_condition
from advisor.render.grid import facts_line, without
from advisor.render.ranking import approaches_grid, column_meanings
from advisor.render.terminal import (
    grid_table,
    in_letters,
    labelled,
    make_panel,
    only_ascii,
    plain,
    show_facts,
    show_warnings,
    styled,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from advisor.render.grid import Grid
    from advisor.schema.decide import Decision, OpenQuestion, Reason
    from advisor.schema.profile import Profile

FOR_SHOWN, AGAINST_SHOWN = (2, 1), 1
"""Reasons for the first and the second approach, and against each, in the short form."""
RANKS_SHOWN = 5
SOURCES_SHOWN = 2
QUESTIONS_SHOWN = 2
FLIPS_SHOWN = 3
MORE = "`advisor decide -v` shows every reason, setting and criterion."


@dataclass(frozen=True)
class Onward:
    """What leads on from a decision."""

    command: str = ""
    """To paste."""
    blanks: Sequence[str] = ()
    """Its words to be replaced."""
    answers: str = ""
    """The file that the interview goes on with."""
    policy: str = ""
    """The policy file that it needs too."""

    @property
    def interview(self) -> str:
        """The interview on these answers, to paste."""
        given = (("--answers", self.answers), ("--policy", self.policy))
        options = (word for name, value in given if value for word in (name, value))
        return shlex.join(("advisor", "interview", *options))


def show_decision(
    console: Console,
    decision: Decision,
    *,
    in_full: bool = False,
    onward: Onward | None = None,
    profile: Profile | None = None,
) -> None:
    """The advice with its reasons, what would change it, and the command that leads on.

    In short it fits a screen; `in_full` shows every reason with its source, every setting with its
    rule and what the gate will ask. `profile` says whether there are documents to read.
    """
    onward = onward or Onward()
    console.print(make_panel(_head(decision), title="Advice", style="bold"))
    _show_reasons(console, decision, in_full=in_full)
    _show_flips(console, decision, in_full=in_full)
    _show_ranking(console, decision, profile, in_full=in_full)
    _show_questions(console, decision, onward.interview, in_full=in_full)
    _show_onward(console, decision, in_full=in_full)
    show_warnings(console, decision.warnings)
    for note in decision.policy:
        console.print(labelled("Your policy", note))
    if not in_full:
        console.print(styled(MORE, "dim"))
    if onward.command:
        show_command(console, onward.command, onward.blanks)


def show_command(console: Console, command: str, blanks: Sequence[str] = ()) -> None:
    """The command that leads on in one line to paste; `blanks` are its words to be replaced."""
    own = f" (put your own for {listed(blanks)})" if blanks else ""
    console.print(styled(f"Next command{own}:", "bold"))
    console.print(plain(command), soft_wrap=True)


def _head(decision: Decision) -> Text:
    name = words(decision.recommended) if decision.recommended else "Not enough is known"
    head = styled(name, "bold")
    if decision.close_call:
        head.append_text(styled("  (a close call)", "bold yellow"))
    for sentence in standing_sentences(decision):
        head.append_text(styled("\n")).append_text(plain(sentence, style="not bold"))
    head.append_text(styled("\nNext: ", "bold"))
    return head.append_text(plain(decision.next_step, style="not bold"))


def _show_reasons(console: Console, decision: Decision, *, in_full: bool) -> None:
    told: set[str] = set()
    for place, ranked in enumerate(first_two(decision)):
        pro, con = sides(ranked)
        shown = (pro, con) if in_full else (pro[: FOR_SHOWN[place]], con[:AGAINST_SHOWN])
        left = len(pro) + len(con) - sum(len(side) for side in shown)
        more = f", {left} more" if left else ""
        if pro or con:
            title = f"{words(ranked.approach)}: for (+) and against (-){more}"
            console.print(styled(title, "bold"))
        for sign, side in zip("+-", shown, strict=True):
            for reason in side:
                _show_reason(console, sign, reason, in_full=in_full)
                if in_full and reason.rule_id not in told:
                    _show_grounds(console, reason)
                told.add(reason.rule_id)


def _show_reason(console: Console, sign: str, reason: Reason, *, in_full: bool) -> None:
    _show_indented(console, f"{sign} {reason.title}", depth=2, hang=2)
    most = len(reason.sources) if in_full else SOURCES_SHOWN
    more = f" and {len(reason.sources) - most} more" if len(reason.sources) > most else ""
    cited = f"; sources {', '.join(reason.sources[:most])}{more}" if reason.sources else ""
    told = f"{reason.rule_id} ({weight_words(reason)}){cited}"
    _show_indented(console, told, depth=4, style="dim")


def _show_grounds(console: Console, reason: Reason) -> None:
    """The facts a rule looked at and why it holds; told once, where it first speaks."""
    _show_indented(console, f"because {facts_line(reason.because)}", depth=4, style="dim")
    _show_indented(console, reason.why, depth=4)


def _show_ranking(
    console: Console, decision: Decision, profile: Profile | None, *, in_full: bool
) -> None:
    most = len(decision.approaches) if in_full else RANKS_SHOWN
    grid = approaches_grid(decision, profile=profile, most=most)
    grid = without(grid, _hidden(console, grid))
    if grid.rows:
        console.print(grid_table(console, grid, fixed=tuple(range(len(grid.headers)))))
    if in_full:
        for meaning in column_meanings(grid):
            console.print(styled(meaning, "dim"))
    elif "Chance" in grid.headers:
        console.print(styled(SHORT_MEANING, "dim"))
        if "Gain" in grid.headers:
            _show_indented(console, SHORT_GAIN, depth=0, style="dim")
    for ranked in decision.approaches:
        if ranked.forbidden:
            by = ", ".join(forbidding_rules(ranked))
            _show_indented(console, f"Never {words(ranked.approach)}: {by}", depth=0, hang=2)


def _hidden(console: Console, grid: Grid) -> tuple[str, ...]:
    """Columns to leave out: gains where there is no room."""
    needs = sum(max(map(len, column)) + 2 for column in zip(grid.headers, *grid.rows, strict=True))
    return () if console.width >= needs else ("Gain",)


def _show_flips(console: Console, decision: Decision, *, in_full: bool) -> None:
    flips = decision.what_would_change_it
    shown = flips if in_full else flips[:FLIPS_SHOWN]
    if shown:
        console.print(styled("What would change it", "bold"))
    for flip in shown:
        _show_indented(
            console, f"If {flip_condition(flip, in_full=in_full)}: {words(flip.then)}", hang=2
        )
    if len(flips) > len(shown):
        _show_indented(console, f"and {len(flips) - len(shown)} more", style="dim")


def _show_questions(console: Console, decision: Decision, asks: str, *, in_full: bool) -> None:
    questions = [q for q in decision.open_questions if q.could_change]
    shown: Sequence[OpenQuestion] = questions if in_full else questions[:QUESTIONS_SHOWN]
    if shown:
        console.print(styled("Answers that could change it", "bold"))
    for question in shown:
        _show_indented(console, question.question, hang=2)
        _show_indented(console, _answers(question, in_full=in_full), depth=4, style="dim")
    if shown:
        left = len(questions) - len(shown)
        more = f"and {left} more; " if left else ""
        console.print(
            styled(f"  {more}to answer: ", "dim").append_text(plain(asks)), soft_wrap=True
        )


def _answers(question: OpenQuestion, *, in_full: bool) -> str:
    """What an answer could bring, and what measures it; with the fact itself `in_full`."""
    brings = outcomes_words(question)
    measured = measure_words(question)
    parts = (question.fact if in_full else "", f"could bring {brings}" if brings else "",
             f"measured by {measured}" if measured else "",
             "you did not know" if question.told_unknown else "")  # fmt: skip
    return "; ".join(part for part in parts if part) or fact_name(question.fact)


def _show_onward(console: Console, decision: Decision, *, in_full: bool) -> None:
    """What the next stages take from the decision."""
    facts = [("Measure", builders_words(decision)), ("Price", methods_words(decision))]
    if decision.settings and not in_full:
        named = dict.fromkeys(setting.rule_id for setting in decision.settings)
        facts.append(("Settings", f"{len(decision.settings)} set by {len(named)} rules"))
    show_facts(console, [(name, told) for name, told in facts if told])
    if in_full and decision.settings:
        console.print(styled("Settings for tuning, with the rule behind each", "bold"))
        for name, value, rule_id, _ in settings_grid(decision).rows:
            _show_indented(console, f"- {name} {value}: {rule_id}", hang=2)
    if in_full and decision.criteria:
        console.print(styled("What the gate will ask", "bold"))
        for _, asked in asked_grid(decision).rows:
            _show_indented(console, f"- {asked}", hang=2)


def _show_indented(
    console: Console, text: str, *, depth: int = 2, hang: int = 0, style: str = ""
) -> None:
    """Text that keeps its indentation over every line, later lines `hang` deeper."""
    shown = plain(in_letters(text, ascii_only=only_ascii(console)), style=style)
    lines = shown.wrap(console, max(console.width - depth - hang, 20))
    for place, line in enumerate(lines):
        line.rstrip()
        console.print(styled(" " * (depth + (hang if place else 0))).append_text(line))
