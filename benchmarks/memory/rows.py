"""A published row -> model card, plan, stack, card and tier -> our estimate of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from advisor import registry
from advisor.catalog import query
from advisor.errors import AdvisorError
from advisor.schema.base import Interval, Provenance
from advisor.schema.catalog import Gpu, ModelCard, Stack
from advisor.schema.estimate import EstimateRequest, Memory
from advisor.schema.plan import Plan
from advisor.stages.estimate.candidate import Inquiry, make_candidate
from advisor.stages.estimate.plan.planning import make_plan
from benchmarks.memory.cells import number, tier_of
from benchmarks.memory.normalize import find_config, normalize
from benchmarks.memory.plans import UnmappedError, request_of
from benchmarks.memory.shapes import card_of, catalog_card, config_of
from benchmarks.memory.stacks import UNKNOWN, stack_of

UNKNOWN_CARD_GIB = 1024.0
"""So large that a card nobody named limits nothing."""
FAILED = "the estimator failed"
"""Begins the reason of a row that met a fault of ours; there should be none."""
_SIZE = re.compile(r"(\d{1,3}) ?gi?b\b")


@dataclass(frozen=True)
class Case:
    """A row in our own terms: what a user would ask, and the plan that comes of it."""

    card: ModelCard
    request: EstimateRequest
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
    name = str(row.get("model"))
    config = find_config(name, configs)
    if config is None or not number(config.get("hidden_size")):
        card = catalog_card(name)
        config = config_of(card) if card else config or {}
        configs = {**configs, name: config} if config else configs
    run = normalize(row, configs, strict=False)
    return run, case_of(row, run, config)


def case_of(row: Mapping[str, Any], run: dict[str, Any], config: Mapping[str, str]) -> Case:
    """A row in our own terms.

    `row` gives columns that the description lacks; none of the hidden ones is read. Raises
    UnmappedError with the reason.
    """
    try:
        card = card_of(run, config)
    except (ValueError, ZeroDivisionError) as error:
        raise UnmappedError(f"shape: {error}") from error
    name, known = stack_of(run, str(row.get("grad_checkpointing") or ""))
    known_size = float(run["gpu_gib"]) if run.get("gpu_known", True) else UNKNOWN_CARD_GIB
    request = request_of(row, run, card=card, stack=name)
    guessed = (("stack", not known), ("sequence_length", "seq_len" in run["assumed"]))
    assumed = tuple(name for name, is_so in guessed if is_so)
    return _planned(
        card,
        request.model_copy(update={"assumed": assumed}),
        _gpu(str(run.get("gpu") or ""), known_size),
        tier_of(run.get("mem_kind")),
    )


def _planned(card: ModelCard, request: EstimateRequest, gpu: Gpu, tier: str) -> Case:
    """The case of a request: the plan is the product's own.

    Raises UnmappedError where it refuses to make one.
    """
    longest = card.max_sequence_length
    if longest and request.seq_len and request.seq_len > longest:
        card = card.model_copy(update={"max_sequence_length": None})  # it ran all the same
    reference, [name] = query.reference(request.stack or UNKNOWN), request.methods
    try:
        plan = make_plan(request, model=card, gpu=gpu, method=_method(name), reference=reference)
    except AdvisorError as error:
        raise UnmappedError(f"refused: {error}") from error
    return Case(card, request, plan, reference.stack, gpu, tier, "stack" not in request.assumed)


def without_stack(case: Case) -> Case:
    """The same run where nobody told the software: stock, with its habits.

    Whether trained shards were lifted to 32 bits is told: rows state the flag that decides it.
    """
    plan = case.plan
    told: dict[str, Any] = {"loss_head": plan.loss_head, "attention": plan.attention}
    if plan.method == "full" and plan.strategy == "fsdp":
        told["trained_precision"] = plan.trained_precision or plan.precision
    request = case.request.model_copy(update={**told, "stack": UNKNOWN, "assumed": ("stack",)})
    return _planned(case.card, request, case.gpu, case.tier)


def predict(case: Case) -> Prediction:
    """Our estimate of a case in the tier that its figure counts.

    Raises UnmappedError when the estimator refuses the plan, or fails on it.
    """
    request, reference = case.request, query.reference(case.stack.id)
    try:
        objective = registry.objective(request.objective)
        inquiry = Inquiry(request, case.card, {}, reference, objective)
        option = make_candidate(inquiry, case.gpu, _method(case.plan.method)).option
    except AdvisorError as error:
        raise UnmappedError(f"refused: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnmappedError(f"{FAILED}: {error!r}") from error
    asked = _asked(option.memory, case.tier)
    return Prediction(asked.likely, asked.low, asked.high, option.fits, option.memory)


def _asked(found: Memory, tier: str) -> Interval:
    """The interval of a tier; what is not stated is taken for the whole process."""
    allocated, reserved, process = found.allocated_gib, found.reserved_gib, found.process_gib
    if tier == "allocated" or reserved is None or process is None:
        return allocated
    return reserved if tier == "reserved" else process


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
