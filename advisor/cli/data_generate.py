"""`advisor data generate`: grow a data set with a stronger model, checked and marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.errors import TOLD
from advisor.cli.options import FiniteRange, standard_options
from advisor.cli.screen import Screen

OWN = ("labels", "count", "only_new", "measure")


@click.command(name="generate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="New file: the grown data set."
)
@click.option(
    "--count", type=click.IntRange(1), required=True, help="Samples to add, after all checks."
)
@click.option("--docs", help="Documents to write questions about, with their answers.")
@click.option(
    "--labels", type=click.Path(path_type=Path), help="File with a definition for each label."
)
@click.option("--model", help="Model that writes (default: the embedded one, which is weak).")
@click.option("--backend", help="Model backend plugin (default: transformers).")
@click.option("--base-url", help="Address of an OpenAI-compatible server.")
@click.option("--budget-usd", type=FiniteRange(0), help="Most that it may cost.")
@click.option("--prices", help="File with token prices of your own (YAML).")
@click.option("--concurrency", type=click.IntRange(1, 1024), help="Calls at once (default: 8).")
@click.option(
    "--backend-option",
    "backend_options",
    multiple=True,
    help="Option of the backend, KEY=VALUE; repeatable.",
)
@click.option("--instruction", help="The task in a sentence, as the model under test gets it.")
@click.option("--max-new-tokens", type=click.IntRange(1), help="Longest target, in tokens.")
@click.option("--map", "mapping", help="Fields of the data by hand: input=frage,target=antwort.")
@click.option(
    "--split-by",
    type=click.Choice(["auto", "input", "group", "document", "time", "cluster"]),
    help="What the split keeps together (default: auto).",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed of split and requests.")
@click.option("--cache/--no-cache", "use_cache", default=None, help="Keep and re-use answers.")
@click.option("--only-new", is_flag=True, help="Write the new samples alone.")
@click.option("--measure", is_flag=True, help="Also measure what each added hundred gains.")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, file: Path, out: Path, **given: Any) -> None:
    """Add samples to FILE that a model wrote, kept only where they stand up to every check.

    They vary train rows, ask about --docs, or follow --labels; dev and test rows are never shown to
    the model. Dropped are samples of another form or language, refusals, near copies of any row,
    contradictions, and those that the model itself, asked twice more, answers differently. What is
    kept is marked as synthetic with its origin and only ever trains. The same command continues
    from the cache where it stopped.
    """
    from advisor.artifacts import RunFolder, document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.cli.interrupt import interruptible  # noqa: PLC0415
    from advisor.cli.settings import make_settings  # noqa: PLC0415
    from advisor.generation.run import Wish, generate  # noqa: PLC0415
    from advisor.render.generation import show_generation  # noqa: PLC0415 - rich is slow to load
    from advisor.workspace import Workspace  # noqa: PLC0415

    own = {name: given.pop(name) for name in OWN}
    chosen = {name: value for name, value in given.items() if value is not None and value != ()}
    settings = make_settings({**chosen, "data": str(file)})
    space = Workspace(settings, RunFolder(out.parent), progress=screen.progress())
    space.check()
    with interruptible(screen.command_line()):
        told = generate(space, out, Wish(**own), may_spend=screen.yes)
    screen.result(document(told), lambda: show_generation(screen.console, told))
    if not told.kept:
        screen.note("Nothing passed the checks, so no file was written.")
        click.get_current_context().exit(TOLD)
