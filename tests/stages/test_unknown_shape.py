"""An architecture read by common keys has a wider interval and says so."""

from __future__ import annotations

import pytest

from advisor import registry
from advisor.catalog import query
from advisor.schema.estimate import EstimateRequest
from advisor.stages.estimate.candidate import Inquiry
from advisor.stages.estimate.stage import estimate

GPU = query.find_gpu("h100")


def found(model, method):
    request = EstimateRequest(as_of="2026-11-25", methods=(method,))
    asked = Inquiry(request, model, {}, query.reference())
    return estimate(asked, gpus=[GPU], methods={method: registry.method(method)})


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_the_interval_is_wider(method):
    model = query.find_model("3b")
    known = found(model, method)
    doubtful = found(model.model_copy(update={"is_approximate": True}), method)
    sure, unsure = (e.options[0].memory.allocated_gib for e in (known, doubtful))
    assert unsure.likely == sure.likely
    assert unsure.low <= 0.91 * sure.low
    assert unsure.high >= 1.14 * sure.high
    assert not any("nobody checked" in warning for warning in known.warnings)
    assert any("nobody checked" in warning for warning in doubtful.warnings)
