"""Which written samples are kept; every other is dropped under the first reason that applies."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from advisor import registry
from advisor.contracts import Metric
from advisor.data_check.alike import Alike
from advisor.data_check.near import Neighbours, same_key
from advisor.data_check.normal import normalise
from advisor.generation.sources import Sources, parsed
from advisor.schema.evaluation import Completion, Message, Prompt, Sample
from advisor.schema.generation import Dropped

WORD = re.compile(r"\w")
MOST_TIMES_LONGER = 10
"""Than the longest seed: beyond, something else was written."""
SHORTEST_LIMIT = 400
"""Characters that are never too long."""
AGREES = 0.8
"""Token F1 from which two answers say the same."""


class Draft(NamedTuple):
    """A sample as the model wrote it, before it is looked at."""

    input: str
    target: str


Check = Callable[[Sample], Dropped | None]


class Sieve:
    """The checks in their order, and how many each has dropped."""

    def __init__(
        self,
        sources: Sources,
        samples: Sequence[Sample],
        *,
        further: Sequence[Check] = (),
    ) -> None:
        self.sources = sources
        self.dropped: Counter[Dropped] = Counter()
        self._refusal = registry.metric("refusal")
        self._further = further
        self._near = Neighbours(samples, rule=Alike(has_labels=bool(sources.labels)))
        self._split = [sample.split for sample in samples]
        self._targets: dict[str, str] = {}
        for sample in samples:
            self._targets.setdefault(same_key(sample), normalise(sample.target))
        longest = max((len(s.input) + len(s.target) for s in sources.seeds), default=0)
        self._longest = max(SHORTEST_LIMIT, MOST_TIMES_LONGER * longest)

    def reason(self, sample: Sample) -> Dropped | None:
        """Why a sample is not kept; None where it may be. Counts nothing."""
        if not self._is_of_the_schema(sample):
            return "schema"
        if self._declines(sample):
            return "refusal"
        for check in self._further:
            if found := check(sample):
                return found
        known = self._targets.get(same_key(sample))
        if known is not None:
            return "copy" if known == normalise(sample.target) else "contradiction"
        return self._near_reason(sample)

    def drop(self, reason: Dropped) -> None:
        """Count a dropped sample."""
        self.dropped[reason] += 1

    def keep(self, sample: Sample) -> None:
        """Take a sample in, so that later ones are compared with it."""
        self._near.add(sample)
        self._split.append(None)
        self._targets[same_key(sample)] = normalise(sample.target)

    def _near_reason(self, sample: Sample) -> Dropped | None:
        place = self._near.find(sample)
        if place is None:
            return None
        if self._split[place] is None:
            return "near_kept"
        return "near_test" if self._split[place] == "test" else "near_seed"

    def _is_of_the_schema(self, sample: Sample) -> bool:
        if not (WORD.search(sample.input) and WORD.search(sample.target)):
            return False
        if len(sample.input) + len(sample.target) > self._longest:
            return False
        labels = self.sources.labels
        if labels and sample.target not in labels:
            return False
        keys = self.sources.json_keys
        if keys is not None:
            value = parsed(sample.target)
            return isinstance(value, dict) and keys <= value.keys()
        return True

    def _declines(self, sample: Sample) -> bool:
        refuses = self.sources.labels == () and _scored(self._refusal, sample.target, "") > 0
        return refuses or _scored(self._refusal, sample.input, "") > 0


def shaped(draft: Draft, sources: Sources) -> Draft:
    """The draft with its target as the data writes it: labels by their spelling, JSON compact."""
    by_name = {normalise(label): label for label in sources.labels}
    target = by_name.get(normalise(draft.target), draft.target)
    if sources.json_keys is not None and isinstance(value := parsed(target), dict):
        target = json.dumps(value, ensure_ascii=False)
    return Draft(draft.input, target)


def agree(one: str, other: str) -> bool:
    """Whether two answers say the same: normalised, or by most of their words."""
    if bare(one) == bare(other):
        return True
    left, right = parsed(one), parsed(other)
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return bool(left == right)
    return _scored(registry.metric("token_f1"), one, other) >= AGREES


def bare(text: str) -> str:
    """Normalised, without quotes and full stops around it."""
    return normalise(text).strip(" \"'`.")


def _scored(metric: Metric, answer: str, target: str) -> float:
    """What a metric says of a text, as if a model had answered it."""
    turns = (Message(role="user", content=""),)
    completion = Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0)
    sample = Sample(id="", input="", target=target)
    return metric.score(Prompt(sample_id="", messages=turns), completion, sample).value
