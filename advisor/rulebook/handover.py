"""What a decision hands on: methods and settings to price, builders to measure, what the gate asks.

Nothing here reads the world: firing rules and facts in, names and numbers out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Annotated, Any, get_args

from pydantic import TypeAdapter, ValidationError

from advisor.rulebook.conditions import Facts, facts_named
from advisor.rulebook.ordering import TUNING, Finding
from advisor.rulebook.reading import suggestion
from advisor.schema.decide import AskedCriterion, Setting
from advisor.schema.plan import Objective, Plan
from advisor.schema.rule import Action, Approach, Rule, Scalar

METHOD_KEY = "method"
SHOTS_KEY = "train_on_shots"
"""Whether training prompts hold the shots that the few-shot prompt shows."""
OBJECTIVE = "objective"
KINDS = ("lora", "full", "prompts", "ia3")
"""Families of recipes: LoRA and QLoRA, all weights, trained tokens, and IA3."""
PLAN_KEYS = (
    "rank",
    "alpha",
    "dropout",
    "target_modules",
    "learning_rate",
    "epochs",
    "micro_batch_size",
    "gradient_accumulation_steps",
    "sequence_length",
    "packing",
    "optimizer",
    "schedule",
    "warmup_share",
    "weight_decay",
    "max_gradient_norm",
    "gradient_checkpointing",
    "neftune_alpha",
    "length_grouping",
    "general_share",
    "evaluations",
    "early_stopping_patience",
    "choose_checkpoint_by",
)
"""Plan fields that a rule may fill; what a machine or a checkpoint decides is not among them."""
MOST_REMEMBERED = 4096
Because = tuple[tuple[str, Scalar], ...]
FEWEST_FOR_SHOTS = 4
"""Train samples below which the prompt with four shots has too few to show."""
FEWEST_TO_CHOOSE = 20
"""Train samples from which there are shots to choose from by their likeness."""
FEWEST_PER_LABEL = 2
"""Train samples per label from which a classifier has something to learn."""
REPEATED = 3
"""Times that a label stands in the samples, on average, where it is one."""
COPIED = 0.5
"""Share of answers that stand in their input from which copying is a rival."""
LONGEST_CONTEXT = 24_000
"""Characters of all documents that a small model's prompt takes too: about 6,000 tokens."""


@dataclass(frozen=True)
class Handover:
    """What the stages after the decision work with."""

    methods: tuple[str, ...]
    settings: tuple[Setting, ...]
    builders: tuple[str, ...]
    criteria: tuple[AskedCriterion, ...]


def hand_over(
    defaults: Sequence[Finding],
    gates: Sequence[Rule],
    facts: Facts,
    *,
    forbidden: AbstractSet[Approach] = frozenset(),
    leading: Sequence[Approach] = (),
) -> Handover:
    """What the firing default rules and the gate's rules mean for a profile.

    Rules speak in the order of their `order`, then their id; of several that fill one setting the
    first counts. `leading` are the approaches recommended or tied with it. Where every kind of
    tuning is among the `forbidden`, there is nothing to price: no methods and no settings.
    """
    if forbidden >= TUNING:
        defaults = ()
    firing = sorted(
        (f for f in defaults if f.outcome.holds), key=lambda f: (f.rule.order, f.rule.id)
    )
    asking = sorted(gates, key=lambda rule: (rule.order, rule.id))
    return Handover(
        methods=_methods(firing),
        settings=_settings(firing),
        builders=builders_worth_measuring(facts, leading),
        criteria=tuple(_criterion(rule.id, asked_in_numbers(rule, facts)) for rule in asking),
    )


def _set_actions(firing: Sequence[Finding]) -> Iterator[tuple[Finding, str, Scalar]]:
    for finding in firing:
        for action in finding.rule.then:
            if action.effect == "set" and action.value is not None:
                yield finding, action.key, action.value


def _methods(firing: Sequence[Finding]) -> tuple[str, ...]:
    named = (str(value) for _, key, value in _set_actions(firing) if key == METHOD_KEY)
    return tuple(dict.fromkeys(named))


def _settings(firing: Sequence[Finding]) -> tuple[Setting, ...]:
    found: dict[str, Setting] = {}
    for finding, key, value in _set_actions(firing):
        if key != METHOD_KEY and key not in found:
            because = tuple(finding.outcome.looked_at.items())
            found[key] = _setting(key, value, finding.rule.id, because)
    return tuple(found.values())


@lru_cache(maxsize=MOST_REMEMBERED, typed=True)
def _setting(key: str, value: Scalar, rule_id: str, because: Because) -> Setting:
    """Settings that are the same stand in as many decisions as there are."""
    return Setting(key=key, value=value, rule_id=rule_id, because=dict(because))


@lru_cache(maxsize=MOST_REMEMBERED)
def _criterion(rule_id: str, asked: str) -> AskedCriterion:
    return AskedCriterion(rule_id=rule_id, asked=asked)


def builders_worth_measuring(facts: Facts, leading: Sequence[Approach] = ()) -> tuple[str, ...]:
    """Systems that a tuned model must beat here, cheapest to ask first.

    The plain prompt always; fixed shots where there are samples, and shots chosen by likeness where
    there is a choice (worth five times as many random ones); passages where there are documents,
    with shots too where answers stand in them; all documents at once where they are short. A search
    over prompts costs hundreds of calls, so only where improving the prompt is what is advised.
    What asks no model costs seconds: wherever it can work.
    """
    return (
        "zero_shot",
        *_with_shots(facts),
        *_with_documents(facts),
        *(("prompt_optimisation",) if "prompt_optimisation" in leading and _shots(facts) else ()),
        *_without_model(facts),
    )


def _shots(facts: Facts) -> float:
    """Samples that may be shown or learnt from; endless where nobody knows."""
    return float(facts.get("data.train_samples", facts.get("data.labelled_samples", math.inf)))


def _with_shots(facts: Facts) -> Iterator[str]:
    if _shots(facts) >= FEWEST_FOR_SHOTS:
        yield "few_shot"
    if FEWEST_TO_CHOOSE <= _shots(facts) < math.inf:
        yield "few_shot_similar"


def _with_documents(facts: Facts) -> Iterator[str]:
    answers_stand_there = facts.get("knowledge.in_documents") is True
    if float(facts.get("knowledge.documents", 0)) < 1 and not answers_stand_there:
        return
    yield "rag"
    if answers_stand_there and FEWEST_FOR_SHOTS <= _shots(facts) < math.inf:
        yield "rag_few_shot"
    characters = float(facts.get("knowledge.document_characters", math.inf))
    if facts.get("knowledge.in_documents") is not False and 0 < characters <= LONGEST_CONTEXT:
        yield "long_context"


def _without_model(facts: Facts) -> Iterator[str]:
    """Predictors that learn from labels, where targets are labels; copying, where inputs answer."""
    classes, samples = facts.get("data.classes"), _shots(facts)
    if classes is not None and REPEATED * float(classes) <= samples < math.inf:
        yield from ("majority", "nearest_neighbour")
        if float(classes) >= 2 and samples >= FEWEST_PER_LABEL * float(classes):
            yield "embedding_classifier"
    copied = facts.get("data.answer_in_input_share")
    if copied is not None and float(copied) >= COPIED and FEWEST_FOR_SHOTS <= samples < math.inf:
        yield "extractive_copy"


def asked_in_numbers(rule: Rule, facts: Facts) -> str:
    """A gate rule's question with the number that the answer will be held to, where it has one."""
    numbers = [NUMBERS[fact](facts) for fact in facts_named(rule.when) if fact in NUMBERS]
    told = "; ".join(dict.fromkeys(number for number in numbers if number))
    if not told:
        return rule.asked
    question = rule.asked.rstrip()
    mark = "?" if question.endswith("?") else ""
    return f"{question.removesuffix('?').rstrip()} ({told}){mark}"


def _target(facts: Facts) -> str:
    target = facts.get("task.target")
    if target is None:
        return "no target was given"
    return f"{round(100 * float(target), 1):g} %, to be cleared by the lower bound of its interval"


def _budget(facts: Facts) -> str:
    budget = facts.get("constraints.budget_usd")
    return "no budget was given" if budget is None else f"${float(budget):,g}"


def _hours(facts: Facts) -> str:
    hours = facts.get("constraints.max_hours")
    return "no limit was given" if hours is None else f"{float(hours):g} h"


def _test_samples(facts: Facts) -> str:
    samples = facts.get("data.test_samples")
    return "" if samples is None else f"{samples} test samples"


NUMBERS: dict[str, Callable[[Facts], str]] = {
    "measured.target_met": _target,
    "measured.within_budget": _budget,
    "measured.within_hours": _hours,
    "measured.gain_is_visible": _test_samples,
}


def setting_faults(action: Action) -> Iterator[str]:
    """Why a default rule cannot set what it sets: an unknown key, or a value it cannot have.

    A key is `method`, `train_on_shots`, a plan field, a plan field for one kind of method, one
    objective or both alone (`lora.learning_rate`, `cpt.lora.rank`), or the objective of an advised
    approach (`preference_tuning.objective`).
    """
    if action.key == METHOD_KEY:
        if not isinstance(action.value, str):
            yield f"`method` is the name of a method, not {action.value!r}"
        return
    if action.key == SHOTS_KEY:
        if not isinstance(action.value, bool | int) or action.value < 0:
            yield f"`{SHOTS_KEY}` is true, false or a number of shots, not {action.value!r}"
        return
    kind, _, field = action.key.rpartition(".")
    first, _, rest = kind.partition(".")
    if first in get_args(Objective):
        kind = rest
    known = (METHOD_KEY, SHOTS_KEY, *PLAN_KEYS)
    if kind in get_args(Approach) and field == OBJECTIVE:
        if action.value not in get_args(Objective):
            yield f"{action.value!r} is none of {', '.join(get_args(Objective))}"
    elif kind and kind not in KINDS:
        yield f"unknown kind of method '{kind}'{suggestion(kind, KINDS)}"
    elif field not in PLAN_KEYS:
        yield f"unknown setting '{action.key}'{suggestion(field, known)}"
    else:
        yield from _value_faults(field, action.value)


def _value_faults(field: str, value: Scalar | None) -> Iterator[str]:
    try:
        _reader(field).validate_python(value, strict=True)
    except ValidationError as error:
        yield f"{field}: {value!r}: {error.errors()[0]['msg']}"


@cache
def _reader(field: str) -> TypeAdapter[Any]:
    """What reads the values of a plan field."""
    info = Plan.model_fields[field]
    kind: Any = info.annotation
    for limit in info.metadata:
        kind = Annotated[kind, limit]
    return TypeAdapter(kind)
