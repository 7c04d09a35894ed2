"""`advisor review`: people judge tuned against baseline answers without knowing whose they are."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.interrupt import interruptible
from advisor.cli.options import SEED, required_run_dir_option, standard_options
from advisor.cli.screen import Screen
from advisor.cli.settings import open_run

if TYPE_CHECKING:
    from advisor.pipeline import Pipeline
    from advisor.reviewing import Sitting, Wish
    from advisor.schema.review import ReviewPair, Vote

LEFT, RIGHT, TIE, BOTH_BAD = "1", "2", "t", "x"
SKIP, BACK, NOTE, QUIT = "s", "b", "n", "q"
ALSO = {
    "l": LEFT, "\x1b[d": LEFT, "\x1bod": LEFT,
    "r": RIGHT, "\x1b[c": RIGHT, "\x1boc": RIGHT,
    "=": TIE, "0": TIE, " ": SKIP, "\x7f": BACK, "\x08": BACK, "\x04": QUIT,
}  # fmt: skip
"""Further keys: arrows, letters of the sides, the space bar, backspace, Ctrl-D."""
DUMB = frozenset({"", "dumb", "unknown"})


@click.command(name="review")
@required_run_dir_option
@click.option(
    "--pairs",
    type=click.IntRange(1),
    help="Pairs to judge (default: at most 50); fixed with the first vote.",
)
@click.option(
    "--seed", type=SEED, help="Seed of order and sides (default: the run's); fixed likewise."
)
@click.option("--reviewer", default="", help="Who judges; several people may, each under a name.")
@click.option(
    "--replan", is_flag=True, help="Take other --pairs or --seed than planned; this is told."
)
@click.option("--end", is_flag=True, help="End it before all is judged and tell the result.")
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path),
    help="Write pairs and votes once all are judged, without asking.",
)
@click.option("--show", is_flag=True, help="How far it is, or the result; asks nothing.")
@standard_options
def command(*, screen: Screen, run_dir: Path, **chosen: Any) -> None:
    """Judge answers of the tuned model and the best baseline side by side, blind.

    Sides and order are drawn by the seed. Every vote is kept at once; the same command goes on
    where it was left. Whose answer was whose is told when all pairs are judged.
    """
    from advisor.artifacts import write_text  # noqa: PLC0415 - pydantic is slow to load
    from advisor.evaluation.vote_table import as_csv, refuse_place  # noqa: PLC0415
    from advisor.reviewing import Wish, refuse_before_end  # noqa: PLC0415

    file: Path | None = chosen["csv_file"]
    pipeline = open_run(screen, run_dir, {}, start=False)
    asks = not (chosen["show"] or chosen["end"] or file or screen.as_json)
    if asks:
        _refuse_silence(screen)
    if file:
        refuse_place(file)
    wish = Wish(chosen["pairs"], chosen["seed"], replan=chosen["replan"])
    sitting = _planned(pipeline, wish, ends=chosen["end"])
    if asks and not _is_done(screen, pipeline, sitting, chosen["reviewer"]):
        return
    sitting = _sitting(pipeline, wish._replace(replan=False))
    if file:
        refuse_before_end(sitting)
        write_text(file, as_csv(sitting.pairs, sitting.votes), option="--csv")
        screen.note(f"{len(sitting.pairs)} pairs and {len(sitting.votes)} votes are in {file}.")
    if not file or chosen["show"] or chosen["end"] or screen.as_json:
        _show(screen, sitting)


def _refuse_silence(screen: Screen) -> None:
    """Raise InputError where nobody can be asked."""
    from advisor.errors import InputError  # noqa: PLC0415 - pydantic is slow to load

    if not screen.may_ask:
        raise InputError(
            "Nobody can be asked here: there is no terminal, or --yes forbids it.",
            hint="Run it on a terminal, or add --show (how far it is), --json or --csv FILE.",
        )


def _planned(pipeline: Pipeline, wish: Wish, *, ends: bool) -> Sitting:
    """The sitting that is asked for, with a changed plan or an end written down."""
    from advisor.reviewing import change_plan, end  # noqa: PLC0415 - pydantic is slow to load

    sitting = _sitting(pipeline, wish)
    if wish.replan:
        change_plan(pipeline.folder.path, sitting)
        sitting = _sitting(pipeline, wish._replace(replan=False))
    if ends:
        end(pipeline.folder.path, sitting)
    return sitting


def _sitting(pipeline: Pipeline, wish: Wish) -> Sitting:
    """The pairs and votes of this run, with what is to be told of its data."""
    from advisor.reviewing import open_sitting  # noqa: PLC0415 - pydantic is slow to load
    from advisor.schema.baseline import Baselines  # noqa: PLC0415
    from advisor.schema.verify import Verification  # noqa: PLC0415
    from advisor.standing import changed_since  # noqa: PLC0415

    folder, space = pipeline.folder, pipeline.workspace
    verification = folder.read("verify", Verification)
    baselines = folder.read("baseline", Baselines)
    found = open_sitting(
        folder.path,
        baselines,
        verification,
        space.samples,
        seed=pipeline.settings.seed,
        wish=wish,
    )
    return found._replace(warnings=(*changed_since(space), *found.warnings))


def _is_done(screen: Screen, pipeline: Pipeline, sitting: Sitting, reviewer: str) -> bool:
    """Whether this reviewer has judged everything, having been asked."""
    from advisor.reviewing import refuse_ended  # noqa: PLC0415 - pydantic is slow to load

    refuse_ended(sitting)
    with interruptible(screen.command_line()):
        return _Asking(screen, sitting, pipeline.folder.path, reviewer).all()


def _show(screen: Screen, sitting: Sitting) -> None:
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.render.review import show_review  # noqa: PLC0415 - rich is slow to load
    from advisor.reviewing import review_of  # noqa: PLC0415

    found = review_of(sitting)
    screen.result(document(found), lambda: show_review(screen.console, found))


class _Asking:
    """One reviewer before the pairs."""

    def __init__(self, screen: Screen, sitting: Sitting, folder: Path, reviewer: str) -> None:
        self._console = screen.error_console
        self._screen = screen
        self._sitting = sitting
        self._folder = folder
        self._reviewer = reviewer
        self._given: dict[str, Vote] = {
            vote.sample_id: vote.vote for vote in sitting.votes if vote.reviewer == reviewer
        }
        self._notes: dict[str, str] = {
            vote.sample_id: vote.note for vote in sitting.votes if vote.reviewer == reviewer
        }

    def all(self) -> bool:
        """Ask until every pair is judged, True, or the reviewer leaves."""
        total, queue = len(self._sitting.pairs), self._sitting.left(self._reviewer)
        for warning in self._sitting.warnings:
            self._screen.note(f"! {_harmless(warning)}")
        if queue and len(queue) < total:
            self._screen.note(f"{total - len(queue)} of {total} pairs are judged already.")
        at = 0
        while at < len(queue):
            key = self._one(queue[at])
            if key == QUIT:
                break
            at = max(0, at - 1) if key == BACK else at + 1
        left = [place for place in queue if self._sitting.pairs[place].sample_id not in self._given]
        if left:
            self._screen.note(
                f"\n{total - len(left)} of {total} pairs are judged. The same command goes on."
            )
        return not left

    def _one(self, place: int) -> str:
        """Show a pair until it is judged, passed over, or left; the key that did it."""
        from advisor.render.review import show_pair  # noqa: PLC0415 - rich is slow to load

        pair, began = self._sitting.pairs[place], time.monotonic()
        given = self._side(pair)
        while True:
            show_pair(
                self._console,
                pair,
                place=place + 1,
                of=len(self._sitting.pairs),
                given=given,
                note=self._notes.get(pair.sample_id, ""),
            )
            key = _key()
            while key not in (LEFT, RIGHT, TIE, BOTH_BAD, SKIP, BACK, NOTE, QUIT):
                key = _key()
            if key == NOTE:
                told = click.prompt("Note", default="", show_default=False, err=True)
                self._notes[pair.sample_id] = told
                continue
            if key in (LEFT, RIGHT, TIE, BOTH_BAD):
                self._write(pair, key, round(time.monotonic() - began, 1))
            return key

    def _write(self, pair: ReviewPair, key: str, seconds: float) -> None:
        from advisor.reviewing import add_vote  # noqa: PLC0415 - pydantic is slow to load
        from advisor.schema.review import ReviewVote  # noqa: PLC0415

        vote = self._meaning(pair, key)
        made = ReviewVote(
            sample_id=pair.sample_id,
            vote=vote,
            reviewer=self._reviewer,
            note=self._notes.get(pair.sample_id, ""),
            seconds=seconds,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        add_vote(self._folder, self._sitting, pair, made)
        self._given[pair.sample_id] = vote

    @staticmethod
    def _meaning(pair: ReviewPair, key: str) -> Vote:
        if key == TIE:
            return "tie"
        if key == BOTH_BAD:
            return "both_bad"
        return "tuned" if (key == LEFT) == pair.tuned_is_left else "baseline"

    def _side(self, pair: ReviewPair) -> str:
        """What was said of a pair before, by side."""
        vote = self._given.get(pair.sample_id)
        if vote is None:
            return ""
        if vote in ("tie", "both_bad"):
            return vote.replace("_", " ")
        return "left is better" if (vote == "tuned") == pair.tuned_is_left else "right is better"


def _key() -> str:
    """One key; on a dumb terminal the first letter of a line."""
    try:
        if os.environ.get("TERM", "") in DUMB or os.environ.get("ADVISOR_PLAIN"):
            typed = str(click.prompt("Key", default="", show_default=False, err=True))
            pressed = typed.strip()[:1]
        else:
            pressed = click.getchar()
    except EOFError:
        return QUIT
    pressed = pressed.lower()
    return ALSO.get(pressed, pressed)


def _harmless(text: str) -> str:
    from advisor.render.safe import safe_text  # noqa: PLC0415 - only where somebody is asked

    return safe_text(text)
