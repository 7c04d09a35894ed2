"""A published row -> model card, plan, stack, card and tier -> our estimate of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from advisor import registry
from advisor.catalog import query
from advisor.errors import AdvisorError
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import Gpu, ModelCard, Stack
from advisor.schema.estimate import Memory
from advisor.schema.plan import Footprint, ObjectiveFootprint, Plan
from advisor.stages.estimate.fit import fits
from advisor.stages.estimate.tiers import memory, outside_gib
from advisor.stages.estimate.work import Work
from benchmarks.memory.cells import number, tier_of
from benchmarks.memory.normalize import find_config, normalize
from benchmarks.memory.plans import HABITS, UnmappedError, plan_of
from benchmarks.memory.shapes import card_of, config_of
from benchmarks.memory.stacks import UNKNOWN, stack_of

UNKNOWN_CARD_GIB = 1024.0
"""So large that a card nobody named limits nothing."""
FAILED = "the estimator failed"
"""Begins the reason of a row that met a fault of ours; there should be none."""
_SIZE = re.compile(r"(\d{1,3}) ?gi?b\b")


@dataclass(frozen=True)
class Case:
    """A row in our own terms."""

    card: ModelCard
    plan: Plan
    stack: Stack
    gpu: Gpu
    tier: str
    stack_known: bool


@dataclass(frozen=True)
class Prediction:
    """What we say about a row, in GiB per GPU."""

    likely: float
    low: float
    high: float
    fits: bool | str
    memory: Memory


def described(
    row: Mapping[str, str], configs: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Any], Case]:
    """The normal description of a row, and the row in our own terms.

    A model whose shape the table lacks is looked up in the catalog. Raises ValueError with the
    reason when the row cannot be described.
    """
    name, card = str(row.get("model")), None
    config = find_config(name, configs)
    if config is None or not number(config.get("hidden_size")):
        card = _catalog_card(name)
        config = config_of(card) if card else config or {}
        configs = {**configs, name: config} if config else configs
    run = normalize(row, configs, strict=False)
    return run, case_of(row, run, config, card=card)


def _catalog_card(name: str) -> ModelCard | None:
    try:
        return query.find_model(name)
    except AdvisorError:
        return None


def case_of(
    row: Mapping[str, Any],
    run: dict[str, Any],
    config: Mapping[str, str],
    *,
    card: ModelCard | None = None,
) -> Case:
    """A row in our own terms.

    `row` gives columns that the description lacks; none of the hidden ones is read. Raises
    UnmappedError with the reason.
    """
    targets = str(row.get("target_modules") or "")
    try:
        card = card or card_of(run, dict(config), targets)
    except (ValueError, ZeroDivisionError) as error:
        raise UnmappedError(f"shape: {error}") from error
    name, known = stack_of(run, str(row.get("grad_checkpointing") or ""))
    stack = _stack(name)
    known_size = float(run["gpu_gib"]) if run.get("gpu_known", True) else UNKNOWN_CARD_GIB
    gpu = _gpu(str(run.get("gpu") or ""), known_size)
    plan = plan_of(row, run, card=card, stack=stack, gpu=gpu)
    guessed = (("stack", not known), ("sequence_length", "seq_len" in run["assumed"]))
    plan = plan.model_copy(update={"assumed": tuple(name for name, is_so in guessed if is_so)})
    tier = tier_of(run.get("mem_kind"))
    return Case(card=card, plan=plan, stack=stack, gpu=gpu, tier=tier, stack_known=known)


def without_stack(case: Case) -> Case:
    """The same run where nobody told the software: stock, with its habits."""
    stack = _stack(UNKNOWN)
    habits = {
        key: value
        for key, value in ({"loss_head": "stock"} | stack.defaults).items()
        if key in HABITS
    }
    known = {key for key in HABITS if key in case.stack.defaults}
    forgotten = dict.fromkeys(known) | habits
    plan = case.plan.model_copy(update={**forgotten, "assumed": ("stack",), "stack": stack.id})
    return replace(case, plan=plan, stack=stack, stack_known=False)


def predict(case: Case) -> Prediction:
    """Our estimate of a case in the tier that its figure counts.

    Raises UnmappedError when the estimator refuses the plan, or fails on it.
    """
    try:
        footprint, objective = _footprints(case)
        work = Work(case.plan, case.card, footprint, case.stack, objective)
        found = memory(work, case.gpu)
    except AdvisorError as error:
        raise UnmappedError(f"refused: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnmappedError(f"{FAILED}: {error!r}") from error
    asked = _asked(found, case.tier)
    outside, tiers = outside_gib(work, case.gpu), case.stack.tiers
    verdict, _, _ = fits(found, case.gpu, outside=outside, tiers=tiers)
    return Prediction(asked.likely, asked.low, asked.high, verdict, found)


def _footprints(case: Case) -> tuple[Footprint, ObjectiveFootprint]:
    plan, card = case.plan, case.card
    objective = ObjectiveFootprint()
    if plan.objective != "sft":
        objective = registry.objective(plan.objective).footprint(plan, card)
    return _method(plan.method).footprint(plan, card), objective


def _asked(found: Memory, tier: str) -> Interval:
    """The interval of a tier; what is not stated is taken for the whole process."""
    allocated, reserved, process = found.allocated_gib, found.reserved_gib, found.process_gib
    if tier == "allocated" or reserved is None or process is None:
        return allocated
    return reserved if tier == "reserved" else process


@cache
def _stack(name: str) -> Stack:
    return query.reference(name).stack


@cache
def _method(name: str) -> Any:
    return registry.method(name)


@cache
def _gpu(name: str, gib: float) -> Gpu:
    """The catalog's card where name and size agree, else one of the stated size."""
    said = _SIZE.search(name.lower())
    size = float(said.group(1)) if said else None
    plain = re.sub(r"\(.*?\)", "", name).strip()
    found: Gpu | None = None
    for text in (name, plain, _SIZE.sub("", plain.lower()).strip(" -"), plain.split("-")[0]):
        try:
            card = query.find_gpu(text)
        except AdvisorError:
            continue
        found = found or card
        if size is None or abs(card.memory_gib / size - 1) < 0.12:
            return card
    return Gpu(
        id="unlisted",
        name=name or "unknown",
        memory_gib=size or gib,
        architecture=found.architecture if found else "",
        provenance=Provenance(kind="assumed", source="name of the card in the row"),
    )
