"""What an answer took: milliseconds and dollars; only beside a main metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from advisor.builtin.metrics.options import read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score


class LatencyMetric:
    """Milliseconds of one answer, as the backend measured them."""

    info = MetricInfo(
        id="latency_ms", label="milliseconds per answer", higher_is_better=False, unit="ms"
    )
    signature = signed("latency_ms", of="answered", v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same; it takes no option."""
        read_options(self.info.id, options, {})
        return self

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """Milliseconds; unscored where there was no answer."""
        if completion.finish == "error" or completion.error:
            return Score(sample_id=sample.id, value=0.0, unscored=True, note="no answer")
        return Score(sample_id=sample.id, value=completion.latency_ms)


class CostMetric:
    """Dollars of one answer with all its attempts."""

    info = MetricInfo(id="cost_usd", label="dollars per answer", higher_is_better=False, unit="usd")
    signature = signed("cost_usd", of="all attempts", v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """The same; it takes no option."""
        read_options(self.info.id, options, {})
        return self

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """Dollars; unscored where the price is unknown."""
        if completion.usd is None:
            return Score(sample_id=sample.id, value=0.0, unscored=True, note="unknown")
        return Score(sample_id=sample.id, value=completion.usd)
