"""The documents as every system's failures are judged by them: read once, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import zip_longest

from advisor.evaluation.diagnosis_form import json_of
from advisor.evaluation.diagnosis_looking import Fact, Texts, fact_of
from advisor.schema.evaluation import Document, Hit, Passage, Prompt, Sample
from advisor.schema.relevance import Relevance, holds


class Reading:
    """What documents say on some samples; nothing is read before it is asked for.

    One judge says which passages are right, for recall and for causes alike: `Relevance`. Where it
    cannot tell (an answer that stands in many places, or nowhere word for word), the words of the
    question decide: `Texts`.
    """

    def __init__(self, samples: Sequence[Sample], documents: Sequence[Document]) -> None:
        self.samples = samples
        self.documents = documents

    @cached_property
    def relevance(self) -> Relevance:
        """The judge of passages."""
        return Relevance(self.samples, self.documents)

    @cached_property
    def texts(self) -> Texts:
        """Where the words of facts stand."""
        found = [self.fact(sample) for sample in self.samples]
        texts = Texts([fact for fact in found if fact.core])
        texts.read((each.name, each.text) for each in self.documents)
        return texts

    def serves(self, samples: Sequence[Sample], documents: Sequence[Document]) -> bool:
        """Whether this was read for these samples from these very documents."""
        return documents is self.documents and (samples is self.samples or samples == self.samples)

    def fact(self, sample: Sample) -> Fact:
        """What is looked up for a sample; nothing for JSON."""
        if json_of(sample.target) is not None:
            return Fact(())
        return fact_of(sample.input, sample.target)

    def shown(self, sample: Sample, fact: Fact, prompt: Prompt, hits: Sequence[Hit]) -> int | None:
        """Place of the first passage in a prompt that is right; None where none is."""
        if self.relevance.by(sample):
            known = {hit.passage.id: hit.passage for hit in hits}
            rights = in_prompt(sample, prompt, known, self.relevance)
            return next((at for at, right in enumerate(rights) if right), None)
        return self.texts.shown(fact, prompt.passage_texts)

    def where(self, sample: Sample, fact: Fact) -> str | None:
        """The document that holds the fact; empty where one does and its name is not known."""
        found = self.texts.where(fact, sample.document)
        if found is not None or not self.relevance.by(sample):
            return found
        return sample.document or self.texts.where(fact, is_strict=False) or ""

    def rank(self, sample: Sample, fact: Fact, hits: Sequence[Hit]) -> int | None:
        """Place of the first right passage among those found, from 1."""
        if self.relevance.by(sample):
            return self.relevance.rank(sample, (hit.passage for hit in hits))
        place = self.texts.shown(fact, [hit.passage.text for hit in hits])
        return None if place is None else place + 1


def in_prompt(
    sample: Sample, prompt: Prompt, known: dict[str, Passage], relevance: Relevance
) -> list[bool]:
    """For each passage in a prompt whether it is right, as it stands there: widened or cut.

    One that nobody found is judged by its text alone.
    """
    return [
        relevance.is_right(
            sample, known[name].model_copy(update={"text": text or known[name].text})
        )
        if name in known
        else holds(sample.target, text)
        for name, text in zip_longest(prompt.passages, prompt.passage_texts, fillvalue="")
    ]
