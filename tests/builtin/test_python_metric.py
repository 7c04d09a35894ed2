"""The user's own function: loaded, checked, and told of in one sentence when it is wrong."""

import pytest

from advisor import registry
from advisor.errors import InputError
from advisor.schema.evaluation import Completion, Prompt, Sample


def metric(tmp_path, code, name="score"):
    file = tmp_path / "mine.py"
    file.write_text(code, encoding="utf-8")
    return registry.configured_metric("python", {"function": f"{file}:{name}"})


def score(plugin, answer="57 dB"):
    return plugin.score(
        Prompt(sample_id="s", messages=()),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="row-7", input="how loud?", target="57 dB", group="g"),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return answer == target", 1),
        ("return 0.25", 0.25),
        ("return sample.group == 'g' and sample.input.startswith('how')", 1),
        ("return None is target", 0),
    ],
)
def test_it_gives_what_the_function_gives(tmp_path, body, expected):
    plugin = metric(tmp_path, f"def score(answer, target, sample):\n    {body}\n")
    assert score(plugin).value == expected


def test_it_may_use_classes_of_its_own_and_numpy_numbers(tmp_path):
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Seen:\n    share: float\n"
        "class Judge:\n    def __call__(self, answer, target, sample=None):\n"
        "        return Seen(0.5).share\nscore = Judge()\n"
    )
    assert score(metric(tmp_path, code)).value == 0.5


def test_no_answer_is_0_without_asking(tmp_path):
    plugin = metric(tmp_path, "def score(answer, target, sample):\n    raise ValueError\n")
    assert score(plugin, "  ").value == 0


def test_an_edit_makes_another_metric(tmp_path):
    one = metric(tmp_path, "def score(answer, target, sample):\n    return 1\n").signature
    two = metric(tmp_path, "def score(answer, target, sample):\n    return 0\n").signature
    assert one != two
    assert one.startswith("python|function:mine.py:score|sha256:")


@pytest.mark.parametrize(
    ("code", "words", "line"),
    [
        ("def scor(answer, target, sample): return 1\n", "has no function 'score'", None),
        ("score = 5\n", "has no function 'score'", None),
        ("def score(answer): return 1\n", r"takes \(answer\); it is called as", None),
        ("import no_such_module_anywhere\n", "raised ModuleNotFoundError", 1),
        ("def score(:\n", "raised SyntaxError", 1),
    ],
)
def test_a_file_that_cannot_serve_is_told_when_it_is_named(tmp_path, code, words, line):
    with pytest.raises(InputError, match=words) as caught:
        metric(tmp_path, code)
    assert "\n" not in caught.value.message
    assert caught.value.where.endswith(f"mine.py:{line}" if line else "mine.py")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1.5", "'1.5' for sample 'row-7', which is no number from 0 to 1"),
        ("return -0.1", "no number from 0 to 1"),
        ("return float('nan')", "no number from 0 to 1"),
        ("return '1'", "no number from 0 to 1"),
        ("return None", "no number from 0 to 1"),
        ("return {}['x']", "mine.py:score raised KeyError on sample 'row-7'"),
    ],
)
def test_a_wrong_result_is_told_with_the_sample(tmp_path, body, words):
    plugin = metric(tmp_path, f"def score(answer, target, sample):\n    {body}\n")
    with pytest.raises(InputError, match=words):
        score(plugin)


@pytest.mark.parametrize("value", ["mine.py", "missing.py:score", "mine.txt:score", "x.py:a b"])
def test_the_option_must_name_a_file_and_a_function(value):
    with pytest.raises(InputError, match="cannot be used"):
        registry.configured_metric("python", {"function": value})


def test_without_a_function_it_says_what_to_give():
    with pytest.raises(InputError, match="needs the option 'function'") as caught:
        registry.configured_metric("python", {})
    assert "--metric-option function=my_metric.py:score" in caught.value.hint
