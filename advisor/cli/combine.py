"""`advisor combine`: several tuned models made into one, verified on the task of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import document
from advisor.cli.errors import DONE, VERIFICATION_FAILED
from advisor.cli.interrupt import interruptible
from advisor.cli.options import SEED, FiniteRange, standard_options
from advisor.cli.screen import Screen
from advisor.errors import InputError

if TYPE_CHECKING:
    from advisor.schema.combine import CombineRecord

WAYS = ("linear", "svd", "cat", "ties", "dare", "dare_ties", "magnitude_prune", "slerp")
PATH = click.Path(path_type=Path)


@click.command(name="combine")
@click.argument("parts", nargs=-1, required=True, type=PATH)
@click.option("--how", required=True, type=click.Choice(WAYS), help="How the changes are added up.")
@click.option("--out", "--run-dir", "out", required=True, type=PATH, help="New or empty folder.")
@click.option("--weights", help="One per part, by comma: 1,0.5 (default: 1 each).")
@click.option(
    "--density",
    type=FiniteRange(0, 1, min_open=True),
    help="Share of each change that ties, dare and magnitude_prune keep.",
)
@click.option("--rank", type=click.IntRange(1), help="Rank of the combined adapter.")
@click.option("--base", type=PATH, help="Model that whole models were tuned from (ties, dare).")
@click.option("--seed", type=SEED, default=0, help="Seed of what dare drops (default: 0).")
@click.option("--no-verify", is_flag=True, help="Combine without proof.")
@standard_options
@click.pass_context
def command(
    ctx: click.Context, /, *, screen: Screen, parts: tuple[Path, ...], **given: Any
) -> None:
    """Make one model of PARTS: run folders, adapters of one base, or whole models.

    Adapters are combined by PEFT, whole models by mergekit. The result is verified on the test part
    of every run among PARTS: exit code 0 where each says keep, 5 otherwise.
    """
    _refuse_few(parts)
    weights = _weights(given["weights"], len(parts))
    from advisor.shipping.combining import (  # noqa: PLC0415 - the stages are slow to load
        CombineWish,
        combine_runs,
        read_part,
    )

    wish = CombineWish(
        how=given["how"],
        out=given["out"],
        weights=weights,
        density=given["density"],
        rank=given["rank"],
        base=given["base"],
        seed=given["seed"],
        is_verified=not given["no_verify"],
        may_spend=screen.yes,
    )
    world = {"progress": screen.progress(), "say": screen.note}
    with interruptible(screen.command_line()):
        record = combine_runs([read_part(path, **world) for path in parts], wish)
    screen.result(document(record), lambda: _show(screen, record))
    is_fine = record.verdict == "keep" or given["no_verify"]
    ctx.exit(DONE if is_fine else VERIFICATION_FAILED)


def _show(screen: Screen, record: CombineRecord) -> None:
    from advisor.render.combine import show_combination  # noqa: PLC0415 - rich is slow to load

    show_combination(screen.console, record)


def _refuse_few(parts: tuple[Path, ...]) -> None:
    """Raise InputError for one part alone, or one named twice, before anything is loaded."""
    places = [path.resolve() for path in parts]
    if len(places) < 2 or len(set(places)) < len(places):
        raise InputError(
            f"A combination takes two different models or more, got {', '.join(map(str, parts))}.",
            hint="Name each run folder or model folder once.",
        )


def _weights(told: str | None, count: int) -> tuple[float, ...]:
    """The weights by comma; none where none are given. Raises InputError."""
    if told is None:
        return ()
    try:
        found = tuple(float(word) for word in told.split(","))
    except ValueError:
        found = ()
    if not found or not all(abs(weight) < float("inf") for weight in found):
        raise InputError(
            f"--weights {told} are not numbers by comma.",
            hint="Write, for example, --weights 1,0.5.",
        )
    if len(found) != count:
        raise InputError(
            f"--weights has {len(found)} numbers for {count} parts.",
            hint="Give one number for each part, in their order.",
        )
    return found
