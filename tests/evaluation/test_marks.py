import pytest

from advisor.builtin.metrics.citations import CitationsMetric
from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.evaluation.marks import as_seen_by
from advisor.schema.evaluation import Completion, Prompt


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
    assert as_seen_by(metric, prompt, answer).text == seen
