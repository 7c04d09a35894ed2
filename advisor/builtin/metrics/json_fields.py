"""Partly right: how many fields of the reference's JSON the answer's JSON has."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Self

from advisor.builtin.metrics.json_text import TOLERATE, parse
from advisor.builtin.metrics.normalise import normalised
from advisor.builtin.metrics.options import one_of, read_options
from advisor.builtin.metrics.signing import signed
from advisor.contracts import MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample, Score

OPTIONS = {
    "tolerate": TOLERATE,
    "lists": one_of("ordered", "unordered"),
    "values": one_of("normalised", "exact"),
}
DEEPEST = 100


def leaves(
    value: Any, *, ordered: bool, path: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """(path, value) of everything that holds nothing further; an empty container is a leaf too."""
    if depth > DEEPEST or not isinstance(value, (dict, list)) or not value:
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            step = f"{path}.{json.dumps(key)}"
            yield from leaves(inner, ordered=ordered, path=step, depth=depth + 1)
    else:
        for place, inner in enumerate(value):
            step = f"{path}[{place if ordered else ''}]"
            yield from leaves(inner, ordered=ordered, path=step, depth=depth + 1)


class JsonFieldsMetric:
    """F1 over the leaves of two JSON values: path and value must both be the same."""

    info = MetricInfo(id="json_fields", label="JSON fields (F1)", options=tuple(OPTIONS))

    def __init__(
        self, *, tolerate: str = "fences", lists: str = "ordered", values: str = "normalised"
    ) -> None:
        self.tolerate = tolerate
        self.lists = lists
        self.values = values

    @property
    def signature(self) -> str:
        """Tolerance, lists, values and version."""
        options = {"tolerate": self.tolerate, "lists": self.lists, "values": self.values}
        return signed("json_fields", **options, v=1)

    def configured(self, options: Mapping[str, str]) -> Self:
        """With tolerate (nothing, fences, prose), lists (ordered, unordered) and values.

        `values=exact` compares texts character by character; `normalised` forgives case, white
        space and a trailing full stop.
        """
        return type(self)(**read_options(self.info.id, options, OPTIONS))

    def score(
        self,
        prompt: Prompt,  # noqa: ARG002 - the contract's name; other metrics look at the passages
        completion: Completion,
        sample: Sample,
    ) -> Score:
        """F1; a reference that is no JSON is compared as text, and the note says so."""
        wanted = parse(sample.target, tolerate="fences")
        if wanted.fault:
            same = normalised(completion.text) == normalised(sample.target)
            note = "the reference is no JSON, so the texts were compared"
            return Score(sample_id=sample.id, value=float(same), note=note)
        given = parse(completion.text, tolerate=self.tolerate)
        if given.fault:
            return Score(sample_id=sample.id, value=0.0, note=given.fault)
        ours, theirs = self._counted(given.value), self._counted(wanted.value)
        shared = (ours & theirs).total()
        return Score(sample_id=sample.id, value=2 * shared / (ours.total() + theirs.total()))

    def _counted(self, value: Any) -> Counter[tuple[str, str]]:
        found = leaves(value, ordered=self.lists == "ordered")
        return Counter((path, self._written(leaf)) for path, leaf in found)

    def _written(self, leaf: Any) -> str:
        """A value as text that keeps kinds apart: true is not 1, "1" is not 1, 1.0 is 1."""
        if isinstance(leaf, str):
            return "text " + (leaf if self.values == "exact" else normalised(leaf))
        if isinstance(leaf, float) and leaf.is_integer():
            return f"number {int(leaf)}"
        if isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
            return f"number {leaf!r}"
        return json.dumps(leaf, sort_keys=True)
