"""Every reference model under every method and objective gives a whole estimate."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.errors import PlanError
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry, make_candidate

GPU = query.find_gpu("h100")
METHODS = registry.names("advisor.methods")
OBJECTIVES = registry.names("advisor.objectives")


def option(model, method, **wishes):
    request = EstimateRequest(as_of="2026-11-25", **wishes)
    objective = registry.objective(request.objective)
    asked = Inquiry(request, model, {}, query.reference(), objective)
    return make_candidate(asked, GPU, registry.method(method)).option


def check(found):
    needed = found.memory
    assert math.isfinite(needed.allocated_gib.likely)
    assert needed.allocated_gib.likely > 0
    assert sum(t.gib for t in needed.terms) == pytest.approx(needed.allocated_gib.likely)
    assert all(t.gib >= 0 for t in needed.terms)
    assert found.time_hours is not None
    assert found.time_hours.low > 0


@pytest.mark.parametrize("model", query.models(), ids=lambda card: card.id)
def test_every_model_under_the_three_common_methods(model):
    for method in ("full", "lora", "qlora"):
        check(option(model, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["8b", "gpt2", "8x7b"])
def test_every_method_on_three_kinds_of_model(name, method):
    with suppress(PlanError):  # a method may refuse a kind of model; that is told, not wrong
        check(option(query.find_model(name), method))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_objective(objective, method):
    check(option(query.find_model("8b"), method, objective=objective))
