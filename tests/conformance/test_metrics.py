import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.contracts import (
    Configurable,
    Judging,
    Metric,
    MetricInfo,
    PluginInfo,
    Signed,
    Totalling,
)
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Prompt, Sample

OURS = {
    "accuracy",
    "bleu",
    "chrf",
    "citations",
    "contains",
    "cost_usd",
    "exact_match",
    "groundedness",
    "hallucination_rate",
    "instructions",
    "json_fields",
    "json_valid",
    "judge",
    "latency_ms",
    "macro_f1",
    "micro_f1",
    "normalised_match",
    "numeric",
    "python",
    "refusal",
    "regex",
    "rouge1",
    "rouge2",
    "rougeL",
    "semantic_similarity",
    "token_f1",
}
NAMES = registry.names("advisor.metrics")
OPTIONS = {"regex": {"pattern": r"\d+ dB|\[\d+\]"}}
"""What a metric cannot do without."""
ANSWERS = {
    "regex": "57 dB",
    "json_valid": '{"level": [57]}',
    "groundedness": "The level is 57 dB.",
    "citations": "The level is 57 dB [1].",
}
"""Answers that are perfect under metrics which do not compare with the reference."""
PASSAGES = ("The measured level is 57 dB at one metre.",)
HEAVY = {"semantic_similarity"}
LIGHT = [name for name in NAMES if name not in HEAVY | {"judge"}]
TEXTS = ["", "57 dB", "The level is not 57 dB.", "\x00 \ud7ff", "x " * 300]
every_metric = pytest.mark.parametrize("name", NAMES)
every_scorer = pytest.mark.parametrize("name", LIGHT)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory):
    """Every metric once, with the options it needs."""
    file = tmp_path_factory.mktemp("metric") / "own.py"
    file.write_text("def same(answer, target, sample):\n    return answer == target\n")
    options = OPTIONS | {"python": {"function": f"{file}:same"}}
    return {name: registry.configured_metric(name, options.get(name, {})) for name in NAMES}


def score(metric, answer, reference):
    return metric.score(
        Prompt(sample_id="s", messages=(), passage_texts=PASSAGES),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=7, usd=0.01),
        Sample(id="s", input="a question", target=reference),
    )


def test_ours_are_registered():
    assert set(NAMES) >= OURS


@every_metric
def test_it_says_who_it_is(name):
    metric = registry.metric(name)
    assert isinstance(metric, Metric)
    assert isinstance(metric.info, MetricInfo)
    assert metric.info.id == name
    assert metric.info.label


@every_metric
def test_what_decides_its_values_stands_in_its_signature(metrics, name):
    metric = metrics[name]
    assert isinstance(metric, Signed)
    assert metric.signature.split("|")[0] == name
    assert "\n" not in metric.signature
    options = {} if name == "python" else OPTIONS.get(name, {})
    if name != "python":
        assert registry.configured_metric(name, options).signature == metric.signature
    assert score_or_none(metric) == score_or_none(metric)


def score_or_none(metric):
    return None if isinstance(metric, Judging) else score(metric, "", "x")


@every_metric
def test_an_unknown_option_is_refused_by_name(name):
    metric = registry.metric(name)
    assert isinstance(metric, Configurable)
    with pytest.raises(InputError, match="no option 'no_such_option'"):
        metric.configured({"no_such_option": "1"})


@every_metric
def test_each_option_it_names_is_one_it_takes(name):
    metric = registry.metric(name)
    for option in metric.info.options:
        with pytest.raises(InputError) as caught:
            metric.configured({f"{option}x": "1"})
        assert f"Did you mean '{option}'?" in caught.value.message


@every_scorer
@settings(max_examples=25, deadline=None)
@given(answer=st.text(max_size=60), reference=st.text(max_size=60))
def test_scores_stay_between_0_and_1_whatever_is_said(metrics, name, answer, reference):
    check_range(metrics[name], answer, reference)


@pytest.mark.ml
@pytest.mark.parametrize("name", sorted(HEAVY))
def test_a_metric_with_a_model_keeps_the_same_promises(metrics, name):
    for answer in TEXTS:
        for reference in TEXTS:
            check_range(metrics[name], answer, reference)
        assert score(metrics[name], answer, answer).value == 1
    assert score(metrics[name], "", "57 dB").value == 0


def check_range(metric, answer, reference):
    found = score(metric, answer, reference)
    assert found.value >= 0
    assert found.value <= 1 or metric.info.unit
    assert found.sample_id == "s"
    assert not metric.info.binary or found.value in {0, 1}
    assert not found.unscored or (found.value == 0 and found.note)
    assert score(metric, answer, reference) == found


@every_scorer
@settings(max_examples=25, deadline=None)
@given(reference=st.text(min_size=1, max_size=60))
def test_the_perfect_answer_gets_the_top_score(metrics, name, reference):
    metric = metrics[name]
    if not metric.info.higher_is_better:
        return
    if name == "python" and not reference.strip():
        return
    answer = ANSWERS.get(name, reference)
    assert score(metric, answer, reference).value == 1


@every_scorer
def test_no_answer_is_scored_and_does_not_raise(metrics, name):
    found = score(metrics[name], "", "57 dB")
    assert found.value == 0 or metrics[name].info.unit


@every_metric
def test_a_whole_is_the_same_whatever_the_order_and_parts(metrics, name):
    metric = metrics[name]
    if not isinstance(metric, Totalling):
        return
    pairs = [("the cat sat on the mat", "the cat sat on a mat"), ("", "dog"), ("dog", "dog")]
    parts = [score(metric, *pair).totals for pair in pairs]
    assert all(parts)
    whole = {key: sum(p.get(key, 0) for p in parts) for part in parts for key in part}
    turned = {key: whole[key] for key in reversed(list(whole))}
    assert 0 < metric.value_of(whole) < 1
    assert metric.value_of(turned) == metric.value_of(whole)
    doubled = {key: 2 * value for key, value in whole.items()}
    assert metric.value_of(doubled) == pytest.approx(metric.value_of(whole))
    assert metric.value_of({}) == 0


@every_metric
def test_the_extra_it_needs_exists(name, root: Path):
    import tomllib

    info: PluginInfo = registry.metric(name).info
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = set(filter(None, info.extra.split(",")))
    assert wanted <= set(extras["optional-dependencies"])


HOSTILE = ["! " + " " * 20_000 + "x", "a:" * 10_000, "```\n" * 5_000, "{" * 20_000, "not " * 5_000]


@every_scorer
def test_a_hostile_answer_takes_no_long_time(metrics, name):
    started = time.process_time()
    for answer in HOSTILE:
        score(metrics[name], answer, '{"level": 57}')
    assert time.process_time() - started < 5
