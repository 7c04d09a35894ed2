"""What holds for any JSON, any number and any label."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import registry
from advisor.schema.evaluation import Completion, Prompt, Sample

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
few = settings(max_examples=50, deadline=None)


def value(metric, answer, reference):
    return metric.score(
        Prompt(sample_id="s", messages=()),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="", target=reference),
    ).value


@few
@given(a=JSON, b=JSON)
def test_json_fields_are_symmetric_and_perfect_for_the_same(a, b):
    metric = registry.metric("json_fields")
    one, other = json.dumps(a), json.dumps(b, ensure_ascii=False, indent=2)
    assert value(metric, one, other) == pytest.approx(value(metric, other, one))
    assert value(metric, one, json.dumps(a, indent=1)) == 1
    assert value(metric, f"```json\n{one}\n```", one) == 1


@few
@given(items=st.lists(JSON, min_size=2, max_size=4))
def test_unordered_lists_forget_their_order(items):
    metric = registry.configured_metric("json_fields", {"lists": "unordered"})
    assert value(metric, json.dumps(items[::-1]), json.dumps(items)) == 1


@few
@given(number=st.floats(-1e9, 1e9), digits=st.integers(0, 4))
def test_a_number_is_the_same_however_it_is_written(number, digits):
    metric = registry.metric("numeric")
    plain = f"{number:.{digits}f}"
    for written in (
        f"{number:,.{digits}f}",
        f"The result is {number:,.{digits}f}.",
        f"= {plain} kg",
    ):
        assert value(metric, written, plain) == 1
    comma = f"{number:,.{digits}f}".translate(str.maketrans(",.", ".,"))
    german = registry.configured_metric("numeric", {"decimal": "comma"})
    assert value(german, f"Es sind {comma} Euro.", comma) == 1
    off = f"{number + 2 * 10**-digits:.{digits}f}"
    assert value(metric, off, plain) == 0


@few
@given(st.sampled_from(["red", "dark red", "blue", "sky_blue"]), st.sampled_from([0, 1, 2, 3]))
def test_a_label_is_found_in_any_wrapping_and_no_other_is(label, form):
    metric = registry.configured_metric("accuracy", {"labels": "red,dark red,blue,sky_blue"})
    answer = ("{}", "It is {}.", "**{}**, I would say", "I choose {} here")[form].format(label)
    for target in ("red", "dark red", "blue", "sky_blue"):
        assert value(metric, answer, target) == float(target == label)
