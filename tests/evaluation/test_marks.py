import pytest

from advisor.builtin.metrics.citations import CitationsMetric
from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.builtin.metrics.refusal import RefusalMetric
from advisor.evaluation.marks import as_seen_by
from advisor.schema.evaluation import Completion, Prompt, Sample

SAMPLE = Sample(id="s", input="Where?", target="Paris.")


@pytest.mark.parametrize(
    ("metric", "cites", "seen"),
    [
        (ExactMatchMetric(), True, "Paris."),
        (ExactMatchMetric(), False, "Paris [1]."),
        (CitationsMetric(), True, "Paris [1]."),
    ],
)
def test_marks_are_seen_by_the_metric_that_reads_them_alone(metric, cites, seen):
    answer = Completion(text="Paris [1].", prompt_tokens=1, completion_tokens=1, latency_ms=1)
    prompt = Prompt(sample_id="s", messages=(), cites=cites)
    assert as_seen_by(metric, prompt, answer, SAMPLE).text == seen


@pytest.mark.parametrize(
    ("text", "is_answerable", "seen"),
    [
        ("I do not know.", False, "unanswerable"),
        ("unanswerable", False, "unanswerable"),
        ("Paris", False, "Paris"),
        ("I do not know.", None, "I do not know."),
        ("I do not know.", True, "I do not know."),
    ],
)
def test_a_decline_is_right_where_there_is_no_answer(text, is_answerable, seen):
    sample = SAMPLE.model_copy(update={"target": "unanswerable", "is_answerable": is_answerable})
    answer = Completion(text=text, prompt_tokens=0, completion_tokens=0, latency_ms=0)
    prompt = Prompt(sample_id=sample.id, messages=())
    assert as_seen_by(ExactMatchMetric(), prompt, answer, sample).text == seen
    assert as_seen_by(RefusalMetric(), prompt, answer, sample).text == text
