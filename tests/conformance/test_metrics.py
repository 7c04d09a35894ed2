import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.contracts import Metric, MetricInfo
from advisor.schema.evaluation import Completion, Prompt, Sample

NAMES = registry.names("advisor.metrics")
every_metric = pytest.mark.parametrize("name", NAMES)


def score(metric, answer, reference):
    return metric.score(
        Prompt(sample_id="s", messages=()),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="a question", target=reference),
    )


def test_ours_are_registered():
    assert {"contains", "exact_match", "token_f1"} <= set(NAMES)


@every_metric
def test_it_says_who_it_is(name):
    metric = registry.metric(name)
    assert isinstance(metric, Metric)
    assert isinstance(metric.info, MetricInfo)
    assert metric.info.id == name
    assert metric.info.label


@every_metric
@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=60), reference=st.text(max_size=60))
def test_scores_stay_between_0_and_1_whatever_is_said(name, answer, reference):
    metric = registry.metric(name)
    found = score(metric, answer, reference)
    assert 0 <= found.value <= 1
    assert found.sample_id == "s"
    assert not metric.info.binary or found.value in {0, 1}
    assert score(metric, answer, reference) == found


@every_metric
@settings(max_examples=60, deadline=None)
@given(reference=st.text(min_size=1, max_size=60))
def test_the_perfect_answer_gets_the_top_score(name, reference):
    assert score(registry.metric(name), reference, reference).value == 1


@every_metric
def test_no_answer_is_scored_and_does_not_raise(name):
    assert score(registry.metric(name), "", "57 dB").value == 0
