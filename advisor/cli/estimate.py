"""`advisor estimate`: memory, hours and money of tuning, before anything is rented."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.artifacts import FILES, Origin, RunFolder, digest_of, document, today
from advisor.catalog.query import LOCAL, find_model
from advisor.cli.options import mapping_option, run_dir_option, standard_options
from advisor.cli.plan_options import given_values, plan_options
from advisor.cli.screen import Screen
from advisor.cli.tuning_options import file_wishes, plan_file_options
from advisor.errors import InputError
from advisor.market import estimated, with_solution, with_trace
from advisor.schema.catalog import ModelCard
from advisor.schema.estimate import Estimate, EstimateRequest
from advisor.schema.lengths import SequenceLengths
from advisor.schema.machine import MachineFacts
from advisor.schema.run import SETTINGS_FILE
from advisor.stages.estimate.plan.stated import as_request, overlaid

if TYPE_CHECKING:
    from advisor.interview.closing import NextCommand
    from advisor.schema.decide import Advice

LONGEST_WITHOUT_LIMIT = 131_072
"""Where samples are cut when neither flag nor model says so."""


@click.command(name="estimate")
@click.option(
    "--model",
    help="Size (7b), catalog name, hub id in the local cache, folder or config.json "
    "(default with --run-dir: the run's).",
)
@click.option(
    "--method", "methods", multiple=True, help="Repeatable (default: full, lora and qlora)."
)
@plan_options
@plan_file_options
@click.option(
    "--answers",
    type=click.Path(path_type=Path),
    help="Answers or profile file: its advice names methods and settings, its limits count.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    help="File that switches rules off, reweighs or adds them, for --answers.",
)
@click.option(
    "--gpu", "gpu_names", multiple=True, help="Repeatable; 'local' is this machine (default: all)."
)
@click.option("--provider", help="Prices of one provider only.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the prices (default: today)."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Data file: its real token lengths instead of --seq-len.",
)
@mapping_option
@click.option(
    "--solve",
    "quantity",
    type=click.Choice(["seq-len", "batch-size", "rank", "model-size"]),
    help="The largest that fits; needs --gpu.",
)
@click.option("--simulate", is_flag=True, help="Follow the real step without GPU or weights.")
@click.option("--probe", is_flag=True, help="Run two real steps on this machine's GPU.")
@click.option("--matrix", is_flag=True, help="GPUs against methods.")
@click.option("--explain", is_flag=True, help="Every term with formula, inputs and source.")
@run_dir_option
@standard_options
def command(*, screen: Screen, run_dir: Path | None, model: str | None, **flags: Any) -> None:
    """Estimate memory, hours and money of tuning a model, method beside method.

    Without --gpu the catalog is ranked; the cheapest option that fits comes first.
    """
    is_run = run_dir is not None and (run_dir / SETTINGS_FILE).is_file()
    made = (
        _of_run(screen, run_dir or Path(), model, flags)
        if is_run
        else _alone(run_dir, model, flags)
    )
    if run_dir is not None:
        screen.note(f"Written: {run_dir / FILES['estimate']}")
    screen.result(made.document, lambda: _show(screen, made, flags))


@dataclass(frozen=True)
class Made:
    """An estimate, its document, and the command that leads on."""

    result: Estimate
    document: dict[str, Any]
    onward: NextCommand | None = None


def _show(screen: Screen, made: Made, flags: dict[str, Any]) -> None:
    from advisor.render.estimate import show_estimate, show_terms  # noqa: PLC0415 - rich is slow
    from advisor.render.matrix import show_matrix  # noqa: PLC0415 - rich is slow

    result = made.result
    if flags["matrix"]:
        show_matrix(screen.console, result)
    else:
        asked = click.get_current_context().params.get("model") or ""
        show_estimate(screen.console, result, asked=asked)
    if flags["explain"]:
        show_terms(screen.console, result)
    if made.onward is not None:
        from advisor.render.decision import show_command  # noqa: PLC0415 - rich is slow to load

        show_command(screen.console, made.onward.line, made.onward.blanks)


def _alone(run_dir: Path | None, model: str | None, flags: dict[str, Any]) -> Made:
    """An estimate of a model by itself, kept in a folder when one is named."""
    planned = file_wishes(flags["plan_path"], flags["sets"])
    named = planned.pop("model", None)
    model = model or named
    if model is None:
        msg = "Missing option '--model'."
        raise click.UsageError(msg)
    if flags["policy"] is not None and flags["answers"] is None:
        msg = "--policy changes the advice on --answers: give both."
        raise click.UsageError(msg)
    if flags["data"] is not None and flags["tokens"] is not None:
        msg = "--data counts the tokens itself: leave --tokens out."
        raise click.UsageError(msg)
    if flags["mapping"] is not None and flags["data"] is None:
        msg = "--map names fields of --data: give both."
        raise click.UsageError(msg)
    card = find_model(model)
    advice = _advice(flags["answers"], flags["policy"], card) if flags["answers"] else None
    wishes = _wishes(advice) | overlaid(planned, given_values(flags))
    names = _cards(flags, wishes.get("place", ""))
    if flags["quantity"] and not names:
        msg = "--solve asks what fits on a card: name one with --gpu."
        raise click.UsageError(msg)
    request = EstimateRequest(
        as_of=flags["as_of"].date().isoformat() if flags["as_of"] else today(),
        machine=_measured() if LOCAL in names else MachineFacts(),
        **wishes,
    )
    request = as_request(request)
    if flags["data"] is not None:
        request = request.model_copy(update={"lengths": _lengths(flags, card, request)})
    result = _looked_at(_estimated(request, card, names, flags), card, flags)
    if advice is not None:
        from advisor.stages.estimate.plan.advised import against  # noqa: PLC0415 - only with answers

        told = against(advice.decision, advice.profile, result.options)
        result = result.model_copy(update={"beforehand": told})
    onward = _onward(advice, card, flags)
    if run_dir is None:
        return Made(result, document(result), onward)
    folder = RunFolder(run_dir)
    inputs = {"request": digest_of(request.model_dump(mode="json")), "model_name": model}
    folder.write(result, Origin(stage="estimate", inputs=inputs, prices_as_of=request.as_of))
    return Made(result, folder.raw("estimate"), onward)


def _advice(answers: Path, policy: Path | None, card: ModelCard) -> Advice:
    """The advice on these answers with this model."""
    from advisor.interview.answers import load_profile  # noqa: PLC0415 - only with answers
    from advisor.resources import rules_root  # noqa: PLC0415
    from advisor.rulebook.engine import rank  # noqa: PLC0415
    from advisor.rulebook.load import load_rulebook  # noqa: PLC0415
    from advisor.schema.decide import Advice  # noqa: PLC0415
    from advisor.stages.profile.model import model_facts  # noqa: PLC0415

    profile = load_profile(answers)
    known = {k: v for k, v in model_facts(card).model_dump().items() if v is not None}
    profile = profile.model_copy(update={"model": profile.model.model_copy(update=known)})
    return Advice(profile=profile, decision=rank(profile, load_rulebook(rules_root(), policy)))


def _wishes(advice: Advice | None) -> dict[str, Any]:
    """What the advice asks of an estimate."""
    if advice is None:
        return {}
    from advisor.stages.estimate.plan.advised import wishes_of  # noqa: PLC0415 - only with answers

    return wishes_of(advice.decision, advice.profile)


def _cards(flags: dict[str, Any], place: str) -> tuple[str, ...]:
    """The cards asked for; this machine where the data may not leave it and nobody named others."""
    names: tuple[str, ...] = flags["gpu_names"]
    if place == "own" and flags["provider"] is None:
        return names or (LOCAL,)
    return names


def _onward(advice: Advice | None, card: ModelCard, flags: dict[str, Any]) -> NextCommand | None:
    """The command that leads on from the advice; none without one."""
    if advice is None:
        return None
    from advisor.cli.onward import after_answers  # noqa: PLC0415 - only with answers

    return after_answers(advice, card, flags)


def _estimated(
    request: EstimateRequest, card: ModelCard, names: tuple[str, ...], flags: dict[str, Any]
) -> Estimate:
    found = estimated(request, model=card, gpus=names, provider=flags["provider"])
    if flags["quantity"] is None:
        return found
    return with_solution(found, flags["quantity"], request, model=card, gpus=names)


def _looked_at(found: Estimate, card: ModelCard, flags: dict[str, Any]) -> Estimate:
    """The estimate with a trace of the real step, where one was asked for."""
    if flags["simulate"]:
        return with_trace(found, model=card, kind="simulate")
    if flags["probe"]:
        return with_trace(found, model=card, kind="probe")
    return found


def _lengths(flags: dict[str, Any], card: ModelCard, request: EstimateRequest) -> SequenceLengths:
    from advisor.data_check.sequences import LONGEST_PACKED  # noqa: PLC0415 - only with data
    from advisor.formats.mapping import parse_mapping  # noqa: PLC0415 - only with data
    from advisor.lengths import measured_lengths  # noqa: PLC0415 - only with data

    longest = LONGEST_PACKED if request.packing else LONGEST_WITHOUT_LIMIT
    limit = request.seq_len or min(card.max_sequence_length or longest, longest)
    return measured_lengths(
        flags["data"],
        card,
        limit=limit,
        batch_size=request.batch_size or 1,
        objective=request.objective,
        mapping=parse_mapping(flags["mapping"] or ""),
    )


def _of_run(screen: Screen, run_dir: Path, model: str | None, flags: dict[str, Any]) -> Made:
    """The run's estimate again: its model, data and machine, with what the flags change."""
    from advisor.cli.onward import in_run  # noqa: PLC0415 - only in a run folder
    from advisor.cli.settings import open_run  # noqa: PLC0415 - the whole pipeline is slow to load

    for name, option in (("answers", "answers"), ("policy", "policy"), ("mapping", "map")):
        if flags[name] is not None:
            msg = f"A run has its own: leave --{option} or --run-dir out."
            raise click.UsageError(msg)
    pipeline = open_run(screen, run_dir, {}, start=False)
    if model is not None and model != pipeline.settings.model:
        raise InputError(
            f"This run works on the model '{pipeline.settings.model}', not on '{model}'.",
            hint="Leave --model out, or leave --run-dir out.",
            where=str(run_dir),
        )
    planned = file_wishes(flags["plan_path"], flags["sets"])
    planned.pop("model", None)
    changes = overlaid(planned, given_values(flags))
    if flags["as_of"]:
        changes["as_of"] = flags["as_of"].date().isoformat()
    result = pipeline.estimate(changes, gpus=flags["gpu_names"], provider=flags["provider"])
    return Made(result, pipeline.folder.raw("estimate"), in_run(run_dir))


def _measured() -> MachineFacts:
    from advisor.stages.profile.hardware import measure_machine  # noqa: PLC0415 - only for local

    return measure_machine()
