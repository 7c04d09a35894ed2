import pytest

from advisor.builtin.metrics.citations import CitationsMetric, cited_sentences
from advisor.schema.evaluation import Completion, Prompt, Sample

PASSAGES = (
    "The pump takes 3 litres of blue oil.",
    "Clean the sieve every 40 hours with warm water.",
)


def scored(answer, passages=PASSAGES, **options):
    return (
        CitationsMetric()
        .configured(options)
        .score(
            Prompt(sample_id="s", messages=(), passage_texts=passages),
            Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=1),
            Sample(id="s", input="?", target="x"),
        )
    )


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("The pump takes 3 litres of oil [1].", 1),
        ("The pump takes 3 litres of oil. [1] Clean the sieve every 40 hours.[2]", 1),
        ("The pump takes 3 litres of oil [2].", 0),
        ("The pump takes 3 litres of oil [1][2].", 0.5),
        ("The pump takes 3 litres of oil [1, 7].", 0.5),
        ("The pump takes 4 litres of oil [1].", 0),
        ("The pump takes 3 litres of oil.", 0),
        ("3 litres [1]", 1),
        ("Yes [2]", 1),
        ("Yes [0]", 0),
        ("", 0),
    ],
)
def test_by_hand(answer, value):
    found = scored(answer)
    assert found.value == value
    assert not found.unscored


def test_what_cannot_be_scored_is_said():
    assert scored("I do not know.").unscored
    assert scored("3 litres [1]", passages=()).unscored
    assert "lacks: 4" in scored("The pump takes 4 litres [1].").note
    assert scored("3 litres [9]").note == "[9] names none of 2 passages"


def test_sentences_keep_the_marks_behind_them():
    assert cited_sentences("One is here. [1] Two is there [2][3]! Three.") == [
        ("One is here.", 1),
        ("Two is there!", 2),
        ("Two is there!", 3),
    ]


def test_how_much_a_passage_must_cover_can_be_set():
    answer = "The pump takes oil and grease daily [1]."
    assert scored(answer).value == 0
    assert scored(answer, coverage="0.4").value == 1
