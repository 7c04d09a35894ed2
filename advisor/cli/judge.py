"""`advisor judge`: try a judge on answers that people have judged, before trusting it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.aside import unused_run_dir_option
from advisor.cli.interrupt import interruptible
from advisor.cli.options import FiniteRange, standard_options
from advisor.cli.screen import Screen

if TYPE_CHECKING:
    from advisor.contracts import Metric
    from advisor.evaluation.asking import Asker
    from advisor.evaluation.trial_rows import Trial

REASON_CHARACTERS = 120
"""A usual verdict with its sentence of reason, for the price beforehand."""


@click.command(name="judge")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--judge-model", required=True, help="Model that judges.")
@click.option("--judge-backend", default="openai", show_default=True, help="Its backend plugin.")
@click.option("--base-url", help="Address of an OpenAI-compatible server.")
@click.option(
    "--rubric",
    default="correct",
    show_default=True,
    help="correct, grounded, helpful, a .txt or .md file, or sentences.",
)
@click.option("--scale", help="yes-no or LOW-HIGH (default: by the human verdicts).")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows.")
@click.option("--budget-usd", type=FiniteRange(0), help="Most that judging may cost.")
@click.option(
    "--prices", type=click.Path(path_type=Path), help="File with token prices of your own (YAML)."
)
@click.option("--concurrency", type=click.IntRange(1, 1024), help="Calls at once (default: 8).")
@click.option(
    "--backend-option",
    "backend_options",
    multiple=True,
    help="Option of the backend, KEY=VALUE; repeatable.",
)
@click.option("--cache/--no-cache", "use_cache", default=True, help="Keep and re-use answers.")
@unused_run_dir_option
@standard_options
def command(*, screen: Screen, file: Path, **chosen: Any) -> None:
    """How far a model's verdicts agree with those of people, and whether to trust it.

    Rows of FILE hold `input`, `answer` and `human` (yes or no, or a whole number), and where there
    is one `target`. Or `answer_a`, `answer_b` and `human` (a, b or tie): then each pair is asked
    in both orders. Rows without `human` are judged too, and their rate is corrected.
    """
    from advisor.artifacts import document  # noqa: PLC0415 - pydantic is slow to load
    from advisor.evaluation.consent import agreed  # noqa: PLC0415
    from advisor.evaluation.judge_trial import bill_of, prepare, try_judge  # noqa: PLC0415
    from advisor.evaluation.trial_rows import read_trial  # noqa: PLC0415
    from advisor.render.judge import show_trial  # noqa: PLC0415 - rich is slow to load

    trial = read_trial(file, scale=_scale(chosen["scale"]), limit=chosen["limit"])
    metric = _metric(trial, chosen)
    asked = prepare(metric, trial)
    asker = _asker(chosen)
    progress = screen.progress()
    with interruptible(screen.command_line()), asker.session:
        bill = bill_of(asker, asked, answer_characters=REASON_CHARACTERS)
        agreed(bill, asker.conditions.model, may_spend=screen.yes, say=screen.note)
        progress.start("judge", sum(len(one.questions) for one in asked))
        try:
            found = try_judge(metric, asker, trial, asked, bill, advance=progress.advance)
        finally:
            progress.finish()
    screen.result(document(found), lambda: show_trial(screen.console, found))


def _scale(text: str | None) -> str | None:
    """The scale, once the judge takes it."""
    if text is not None:
        from advisor import registry  # noqa: PLC0415 - keeps start-up light

        registry.configured_metric("judge", {"scale": text})
    return text


def _metric(trial: Trial, chosen: Mapping[str, Any]) -> Metric:
    """The judge metric for the kind of trial."""
    from advisor import registry  # noqa: PLC0415 - keeps start-up light

    options = {"rubric": chosen["rubric"], "model": chosen["judge_model"]}
    options |= {"mode": "pairwise-rejected"} if trial.kind == "pairs" else {"scale": trial.scale}
    if any(row.passages for row in trial.rows):
        options["passages"] = "yes"
    return registry.configured_metric("judge", options)


def _asker(chosen: Mapping[str, Any]) -> Asker:
    """The judge behind cache and purse; opened at the first question."""
    from advisor import registry  # noqa: PLC0415 - keeps start-up light
    from advisor.cli.measuring_options import read  # noqa: PLC0415
    from advisor.evaluation.asking import Asker, Conditions  # noqa: PLC0415
    from advisor.evaluation.cache import opened  # noqa: PLC0415
    from advisor.evaluation.purse import Pot  # noqa: PLC0415
    from advisor.evaluation.session import LazySession  # noqa: PLC0415
    from advisor.measuring import JUDGE_TOKENS, deciding_options, purse_for  # noqa: PLC0415
    from advisor.workspace import model_path  # noqa: PLC0415

    backend = registry.backend(chosen["judge_backend"])
    model = chosen["judge_model"]
    reference = model if backend.info.spends_money else model_path(model)
    given = {k: chosen[k] for k in ("base_url", "backend_options") if chosen[k]}
    told = read(given)
    settings = {"concurrency": str(chosen["concurrency"])} if chosen["concurrency"] else {}
    settings |= {"base_url": told["base_url"]} if "base_url" in told else {}
    own: dict[str, str] = told.get("backend_options", {})
    conditions = Conditions(
        backend=chosen["judge_backend"],
        model=model,
        max_new_tokens=JUDGE_TOKENS,
        settings=tuple(sorted(deciding_options(chosen["judge_backend"], own).items())),
    )
    return Asker(
        LazySession(lambda: backend.open(reference, settings | own)),
        conditions,
        cache=opened() if chosen["use_cache"] else None,
        purse=purse_for(
            chosen["judge_backend"],
            chosen["judge_model"],
            base_url=chosen["base_url"],
            prices=chosen["prices"],
            pot=Pot(chosen["budget_usd"]),
        ),
    )
