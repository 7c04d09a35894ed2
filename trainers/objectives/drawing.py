"""What the options of drawing and rewarding completions mean."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from advisor.errors import PlanError
from advisor.schema.plan import Plan
from trainers.methods.options import number, whole, word

GENERATIONS = 8
NEW_TOKENS = 512
"""Defaults of TRL; so is a weight of zero for the reference."""
ALGORITHMS = ("grpo", "rloo")
LEAST_GENERATIONS = 2
OPTIONS = ("algorithm", "num_generations", "temperature", "beta", "reward")
METRIC = "metric"
FUNCTION_FILE = ".py:"


class RewardSource(NamedTuple):
    """Where the reward of a completion comes from."""

    kind: Literal["metric", "function", "model"]
    path: str = ""
    function: str = ""


def group_size(plan: Plan) -> int:
    """Option `num_generations` (8): completions of a prompt. Raises PlanError for less than 2."""
    return whole(plan, "num_generations", GENERATIONS, least=LEAST_GENERATIONS)


def reference_weight(plan: Plan) -> float:
    """Option `beta` (0): how much leaving the reference costs; 0 needs none.

    Raises PlanError for no number.
    """
    return number(plan, "beta", 0.0)


def algorithm(plan: Plan) -> str:
    """Option `algorithm` (grpo). Raises PlanError for an unknown one."""
    return word(plan, "algorithm", ALGORITHMS[0], ALGORITHMS)


def reward_source(plan: Plan) -> RewardSource:
    """Option `reward` (metric): the run's metric, FOLDER of a reward model, FILE.py:FUNCTION.

    Raises PlanError for no text.
    """
    value = plan.method_options.get("reward", METRIC)
    if not isinstance(value, str) or not value.strip():
        raise PlanError(
            f"The option 'reward' is {value!r}.",
            hint="Give the folder of a reward model, FILE.py:FUNCTION, or metric.",
        )
    if value == METRIC:
        return RewardSource("metric")
    path, found, function = value.rpartition(FUNCTION_FILE)
    if found:
        return RewardSource("function", f"{path}.py", function)
    return RewardSource("model", value)


def drawing_settings(plan: Plan, new_tokens: int) -> dict[str, Any]:
    """The options as TRL names them; so many completions are drawn at once that groups are whole.

    Raises PlanError for values that are none.
    """
    temperature = number(plan, "temperature", 1.0)
    if not temperature:
        raise PlanError(
            "The option 'temperature' is 0.",
            hint="Completions of a prompt must differ to be compared: give 1.",
        )
    return {
        "num_generations": group_size(plan),
        "max_completion_length": new_tokens,
        "temperature": temperature,
        "beta": reference_weight(plan),
        "generation_batch_size": drawn_at_once(plan),
    }


def drawn_at_once(plan: Plan) -> int:
    """Completions drawn together: the least number that is whole steps and whole groups."""
    return math.lcm(step_size(plan), group_size(plan))


def step_size(plan: Plan) -> int:
    """Completions of one optimizer step."""
    return plan.micro_batch_size * plan.gradient_accumulation_steps * plan.gpus


def check_options(plan: Plan) -> None:
    """Raise PlanError for an option with a value that is none."""
    algorithm(plan)
    reward_source(plan)
    drawing_settings(plan, NEW_TOKENS)
