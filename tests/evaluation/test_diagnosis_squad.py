"""Causes on real questions: wrong answers beside the right passage, beside others, without it."""

import json
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.evaluation import diagnosis
from advisor.schema.evaluation import Completion, Document, Message, Prompt, Sample, ScoredSample
from tests.fixtures import values as make

HERE = Path(__file__).parents[3] / "shared" / "data" / "squad_v2_sample" / "dev-sample.json"
SQUAD = Path(os.environ.get("ADVISOR_SQUAD", HERE))
pytestmark = pytest.mark.skipif(not SQUAD.exists(), reason="the SQuAD sample is not here")
DEVELOPMENT = 2
"""Articles on which thresholds were chosen; the others are asked here."""


def articles():
    return json.loads(SQUAD.read_text(encoding="utf-8"))["data"][DEVELOPMENT:]


def shares(setting):
    """Share of each cause where every answer is a wrong word of the right paragraph."""
    rng = random.Random(1)
    paragraphs = [(a["title"], p["context"], p["qas"]) for a in articles() for p in a["paragraphs"]]
    gone = {
        n for n in range(len(paragraphs)) if setting == "not_in_documents" and rng.random() < 0.5
    }
    kept = [n for n in range(len(paragraphs)) if n not in gone]
    samples, prompts, scores = {}, {}, []
    for n, (_, text, asked) in enumerate(paragraphs):
        for each in asked:
            if not each["answers"] or (setting == "not_in_documents" and n not in gone):
                continue
            target = each["answers"][0]["text"]
            shown = [paragraphs[at][1] for at in rng.sample(kept, 3) if at != n]
            if setting == "ignored":
                shown[rng.randrange(len(shown))] = text
            elif any(target.lower() in passage.lower() for passage in shown):
                continue
            others = [w.strip(".,;()") for w in text.split() if w.lower() not in target.lower()]
            sample = Sample(id=each["id"], input=each["question"], target=target)
            samples[sample.id] = sample
            prompts[sample.id] = Prompt(
                sample_id=sample.id, messages=(Message(role="user", content=sample.input),),
                passages=("a", "b", "c")[: len(shown)], passage_texts=tuple(shown),
            )  # fmt: skip
            completion = Completion(
                text=rng.choice([w for w in others if len(w) > 5]),
                prompt_tokens=1, completion_tokens=1, latency_ms=1.0,
            )  # fmt: skip
            scores.append(ScoredSample(sample_id=sample.id, value=0.0, completion=completion))
    evaluation = make.evaluation("rag", 0.0).model_copy(update={"scores": tuple(scores)})
    result = diagnosis.diagnose(
        evaluation, samples=samples, prompts=prompts, metric=ExactMatchMetric(), searched={},
        documents=[Document(name=f"{t}#{n}", text=text) for n, (t, text, _) in enumerate(paragraphs)
                   if n not in gone],
    )  # fmt: skip
    counts = Counter({each.cause: each.count for each in result.causes})
    return {cause: count / result.failures for cause, count in counts.items()}


@pytest.mark.parametrize(("setting", "least"), [("ignored", 0.94), ("not_retrieved", 0.93)])
def test_articles_never_looked_at_before(setting, least):
    assert shares(setting)[setting] >= least


def test_a_paragraph_that_was_taken_out_is_missed():
    """A third of these answers stand in other paragraphs too, which is what recall counts by."""
    assert shares("not_in_documents")["not_in_documents"] >= 0.65
