"""What every registered objective promises."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.contracts import Objective
from advisor.schema.evaluation import Sample
from advisor.schema.plan import Obstacle

NAMES = registry.names("advisor.objectives")


def samples(count: int, target: str = "yes") -> list[Sample]:
    return [Sample(id=str(i), input=f"question {i}", target=target) for i in range(count)]


def test_our_own_objective_is_registered():
    assert "sft" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_complete(name):
    objective = registry.objective(name)
    assert isinstance(objective, Objective)
    assert objective.info.id == name
    assert objective.info.label


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("given", [[], samples(1), samples(3, target=""), samples(200)])
def test_obstacles_never_raise(name, given):
    found = registry.objective(name).obstacles(given)
    assert all(isinstance(o, Obstacle) and o.message for o in found)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_train_on_blocks(name):
    assert any(o.severity == "blocks" for o in registry.objective(name).obstacles([]))


def test_sft_needs_answers():
    sft = registry.objective("sft")
    assert sft.obstacles(samples(200)) == []
    (all_empty,) = sft.obstacles(samples(200, target=" "))
    assert all_empty.severity == "blocks"
    (one_empty,) = sft.obstacles([*samples(199), *samples(1, target="")])
    assert one_empty.severity == "warns"
    assert "1 of 200" in one_empty.message
    (few,) = sft.obstacles(samples(10))
    assert few.severity == "warns"
