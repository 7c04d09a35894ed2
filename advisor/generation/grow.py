"""Asks, reads, sieves and asks again until enough samples are kept, or money or ideas run out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from advisor.artifacts import digest_of
from advisor.contracts import Progress
from advisor.evaluation.asking import Asker, has_failed
from advisor.generation.replies import objects_in, pair_in
from advisor.generation.requests import Request, answering, request
from advisor.generation.sieve import Draft, Sieve, agree, shaped
from advisor.generation.sources import Sources
from advisor.schema.evaluation import Completion, Prompt, Sample

AT_ONCE = 8
"""Requests at most before what they gave is checked, so that a cap finds most of it checked."""
FIRST_YIELD = 0.5
"""Share of asked samples expected to be kept before anything is known."""
DRY_AFTER = 12
"""Requests in a row of which nothing is kept: then the model has nothing more to give."""
ANSWERS = 2
"""Times an input's answer is asked again."""

Ended = Literal["enough", "budget", "dry"]


class Made(NamedTuple):
    """A kept sample and what it was made from."""

    sample: Sample
    request: Request


class Candidate(NamedTuple):
    """A written sample that passed every check but the last."""

    sample: Sample
    request: Request


class Grower:
    """One growing of a data set."""

    def __init__(
        self,
        sources: Sources,
        sieve: Sieve,
        writer: Asker,
        answerer: Asker,
        *,
        seed: int,
        progress: Progress,
    ) -> None:
        self.sources = sources
        self.sieve = sieve
        self.writer = writer
        self.answerer = answerer
        self.seed = seed
        self.progress = progress
        self.made: list[Made] = []
        self.counts: Counter[Literal["asked", "failed", "unreadable", "parsed"]] = Counter()
        self.at_once = AT_ONCE
        self._wished = 0
        self._fruitless = 0

    def grow(self, wanted: int) -> Ended:
        """Ask until so many are kept; why it ended.

        Raises what concerns every prompt, such as BackendAuthError.
        """
        self.progress.start("generate", wanted)
        number = 0
        try:
            while len(self.made) < wanted:
                if self.capped:
                    return "budget"
                if self._fruitless >= DRY_AFTER:
                    return "dry"
                batch = self._requests(number, wanted)
                number += len(batch)
                self._round(batch, wanted)
        finally:
            self.progress.finish()
        return "enough"

    @property
    def capped(self) -> bool:
        """Whether the money is spent."""
        return self.writer.purse.capped or self.answerer.purse.capped

    def planned(self, wanted: int) -> tuple[list[Prompt], list[Prompt]]:
        """Prompts to write and to answer that so many samples are expected to take.

        The inputs to be answered are not known yet, so the seeds stand in for them.
        """
        writing = [one.prompt for one in self._requests(0, wanted, at_most=wanted)]
        seeds = self.sources.seeds
        inputs = [seeds[n % len(seeds)] for n in range(wanted)]
        asked = [self._answering(s.input, 0, draw) for s in inputs for draw in range(ANSWERS)]
        return writing, asked

    def _requests(self, number: int, wanted: int, at_most: int | None = None) -> list[Request]:
        """The next requests: as many as should do, going by what has been kept so far."""
        share = max(0.1, len(self.made) / self._wished) if self._wished else FIRST_YIELD
        first = request(self.sources, number, seed=self.seed)
        missing = wanted - len(self.made)
        count = max(1, min(at_most or self.at_once, math.ceil(missing / (first.size * share))))
        more = (request(self.sources, number + n, seed=self.seed) for n in range(1, count))
        return [first, *more]

    def _round(self, batch: Sequence[Request], wanted: int) -> None:
        replies = _completed(self.writer, [one.prompt for one in batch])
        candidates: list[list[Candidate]] = []
        for one, reply in zip(batch, replies, strict=True):
            if reply is not None:  # None: the money ran out before it was asked
                self.counts["asked"] += 1
                self._wished += one.size
                candidates.append(list(self._candidates(one, reply)))
        flat = [candidate for found in candidates for candidate in found]
        verdicts = iter(self._agreed(flat))
        for found in candidates:
            kept = sum([self._settle(one, next(verdicts), wanted) for one in found])
            self._fruitless = 0 if kept else self._fruitless + 1

    def _candidates(self, one: Request, reply: Completion) -> Iterator[Candidate]:
        """Samples of a reply that pass the checks that need no model."""
        if has_failed(reply):
            self.counts["failed"] += 1
            return
        rows = objects_in(reply.text)
        if not rows:
            self.counts["unreadable"] += 1
        for row in rows:
            self.counts["parsed"] += 1
            pair = pair_in(row, label=one.label)
            sample = self._sample(one, Draft(*pair)) if pair else None
            reason = self.sieve.reason(sample) if sample else "schema"
            if sample is not None and one.label and sample.target != one.label:
                reason = "schema"
            if reason is not None:
                self.sieve.drop(reason)
            elif sample is not None:
                yield Candidate(sample, one)

    def _sample(self, one: Request, draft: Draft) -> Sample:
        text, target = shaped(draft, self.sources)
        return Sample(
            id=f"synthetic-{digest_of([text, target])}",
            input=text,
            target=target,
            history=one.seed.history,
            document=one.passage.document if one.passage else "",
            synthetic_by=self.writer.conditions.author,
            split="train",
        )

    def _agreed(self, candidates: Sequence[Candidate]) -> list[bool | None]:
        """Whether two fresh answers and the written one agree; None where none came.

        The second is asked only where the first agrees.
        """
        verdicts: list[bool | None] = [True] * len(candidates)
        for draw in range(ANSWERS):
            places = [place for place, verdict in enumerate(verdicts) if verdict]
            prompts = [self._question(candidates[place], draw) for place in places]
            replies = _completed(self.answerer, prompts)
            for place, reply in zip(places, replies, strict=True):
                if reply is None or has_failed(reply):
                    verdicts[place] = None
                else:
                    verdicts[place] = agree(reply.text, candidates[place].sample.target)
        return verdicts

    def _question(self, candidate: Candidate, draw: int) -> Prompt:
        sample, one = candidate
        passage = one.passage
        number = int(sample.id[-8:], 16)
        shown = self.sources.shown(self.seed, number)
        return answering(self.sources, sample.input, shown=shown, passage=passage, draw=draw)

    def _answering(self, text: str, number: int, draw: int) -> Prompt:
        shown = self.sources.shown(self.seed, number)
        return answering(self.sources, text, shown=shown, passage=None, draw=draw)

    def _settle(self, candidate: Candidate, verdict: bool | None, wanted: int) -> bool:  # noqa: FBT001 - a verdict
        """Keep or drop a candidate; it is compared again, with those kept since it was written."""
        if verdict is None:
            if not self.capped:
                self.sieve.drop("no_answer")
            return False
        reason = self.sieve.reason(candidate.sample) if verdict else "disagreement"
        if reason is not None:
            self.sieve.drop(reason)
            return False
        if len(self.made) < wanted:
            self.sieve.keep(candidate.sample)
            self.made.append(Made(candidate.sample, candidate.request))
            self.progress.advance()
        return True


def _completed(asker: Asker, prompts: Sequence[Prompt]) -> list[Completion | None]:
    """Completions in order; None for what was not asked any more."""
    found = dict(asker.ask(prompts)) if prompts else {}
    return [found.get(place) for place in range(len(prompts))]
