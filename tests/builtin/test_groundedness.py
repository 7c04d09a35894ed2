"""Which statements a passage supports, which it does not, and the limits of looking at words."""

import json
import re

import pytest

from advisor import registry
from advisor.builtin.metrics.refusal import declines
from advisor.builtin.metrics.statements import _akin, sentences, statements, supported
from advisor.schema.evaluation import Completion, Prompt, Sample

PUMP = (
    "The P-200 pump was installed in Hall 3 on 12 May 2024. It delivers 1,250 litres per minute "
    "at a pressure of 4.5 bar. The filter must not be cleaned with solvents. Maria Lindqvist "
    "inspects the pump every six months."
)


def score(name, answer, *passages, **options):
    metric = registry.configured_metric(name, options)
    return metric.score(
        Prompt(sample_id="s", messages=(), passage_texts=passages),
        Completion(text=answer, prompt_tokens=0, completion_tokens=0, latency_ms=0),
        Sample(id="s", input="", target=""),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "The pump delivers 1250 litres per minute.",
        "1,250 litres are delivered per minute by the P-200 pump.",
        "The filter must never be cleaned with solvents.",
        "Cleaning the filter with solvents is not permitted.",
        "Maria Lindqvist inspects the pump.",
        "The pump was installed on 12 May 2024.",
        "Every six months the pump is inspected by Maria Lindqvist.",
        "- Pressure: 4.5 bar",
    ],
)
def test_a_paraphrase_in_the_passages_words_is_supported(statement):
    assert supported(statement, PUMP).holds, supported(statement, PUMP)


@pytest.mark.parametrize(
    ("statement", "lacking"),
    [
        ("The pump delivers 1350 litres per minute.", "1350"),
        ("The pump was installed in Hall 4.", "4"),
        ("The P-300 pump was installed in Hall 3.", "p-300"),
        ("Every six months Anna Berg inspects the pump.", "anna, berg"),
        ("The filter must be cleaned with solvents.", "denied on one side alone"),
        ("The pump does not deliver 1,250 litres per minute.", "denied on one side alone"),
        ("The pump was installed on 12 Mays 2024.", "mays"),
        ("The pump needs a licensed electrician for maintenance.", "electrician"),
    ],
)
def test_a_wrong_number_name_denial_or_addition_is_not(statement, lacking):
    found = supported(statement, PUMP)
    assert not found.holds
    assert lacking in found.lacking


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("measured", "measures", True),
        ("cleaning", "cleaned", True),
        ("rate", "rating", True),
        ("study", "studies", True),
        ("inspect", "inspection", True),
        ("contract", "contrast", False),
        ("car", "care", False),
        ("plan", "plant", False),
        ("port", "portal", False),
    ],
)
def test_words_are_the_same_up_to_their_ending(a, b, same):
    assert _akin(a, b) is same


@pytest.mark.parametrize(
    ("statement", "is_true"),
    [
        ("The device was set up in the third building.", True),  # synonyms are not seen
        ("The pump inspects Maria Lindqvist every six months.", False),  # roles exchanged
        ("The pump must be inspected at a pressure of 4.5 bar.", False),  # facts mixed
    ],
)
def test_what_words_alone_cannot_see(statement, is_true):
    """Each of these is judged wrongly; whoever mends one finds it here."""
    assert supported(statement, PUMP).holds is not is_true


def test_the_share_is_of_statements_and_the_first_unsupported_one_is_told():
    answer = "The pump delivers 1,250 litres per minute. It was painted green in Lyon. Is that all?"
    found = score("groundedness", answer, "Nothing to see here.", PUMP)
    assert found.value == 0.5
    assert found.note.startswith("statement 2 of 2 lacks:")
    assert score("hallucination_rate", answer, "Nothing to see here.", PUMP).value == 0.5


def test_one_passage_must_support_a_statement_alone():
    whole = "The pump in Hall 3 delivers 1,250 litres."
    halves = ("The pump stands in Hall 3.", "A unit delivers 1,250 litres.")
    assert score("groundedness", whole, " ".join(halves)).value == 1
    assert score("groundedness", whole, *halves).value == 0


@pytest.mark.parametrize("name", ["groundedness", "hallucination_rate"])
def test_there_is_no_share_where_nothing_can_be_held_against_a_passage(name):
    for answer, passages in [
        ("The pump is new.", ()),
        ("Yes.", (PUMP,)),
        ("I don't know.", (PUMP,)),
        ("What do you mean?", (PUMP,)),
    ]:
        found = score(name, answer, *passages)
        assert found.unscored, answer
        assert found.value == 0
        assert found.note


def test_an_empty_answer_is_not_grounded_and_hallucinates_nothing():
    assert not score("groundedness", "", PUMP).unscored
    assert score("groundedness", "", PUMP).value == 0
    assert score("hallucination_rate", "", PUMP).unscored


def test_coverage_is_an_option_and_stands_in_the_signature():
    loose = "The pump delivers 1,250 litres, which is remarkable."
    assert score("groundedness", loose, PUMP).value == 1
    assert score("groundedness", loose, PUMP, coverage="1").value == 0
    signature = registry.configured_metric("groundedness", {"coverage": "0.9"}).signature
    assert "|coverage:0.9|" in signature


def test_sentences_end_where_readers_end_them():
    assert sentences("Dr. Berg paid 3.5 million. She left at 5 p.m. He stayed.")[:1] == [
        "Dr. Berg paid 3.5 million."
    ]
    assert sentences("- one thing\n- another\n\n2. third") == ["one thing", "another", "third"]
    assert sentences("Он пришёл. Она ушла!") == ["Он пришёл.", "Она ушла!"]
    assert sentences("我来了。他走了。") == ["我来了。", "他走了。"]
    assert statements("Sure! Yes. The pump runs.") == ["Sure!", "The pump runs."]


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot provide medical advice.",
        "I am unable to answer this.",
        "As an AI language model, I have no opinion.",
        "I don\u2019t know.",
        "The provided context does not contain this. The context does not mention a price.",
        "Sorry, I do not have access to that information.",
        "Es tut mir leid, das geht nicht.",
        "Je ne peux pas répondre.",
        "Lo siento, no puedo ayudar.",
    ],
)
def test_a_refusal_is_heard(text):
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The pump cannot be cleaned with solvents.",
        "I can help with that.",
        "You don't know the password? Reset it.",
        "She said she was sorry.",
        "We are open on Sundays.",
        "The document states a limit of 5.",
        "x " * 200 + "I cannot help with that.",
    ],
)
def test_an_answer_is_no_refusal(text):
    assert not declines(text)


def test_on_encyclopedia_sentences_own_passages_support_and_others_do_not(shared_folder):
    """724 sentences of SQuAD 2.0's articles, against their own and the next paragraph."""
    file = shared_folder / "data/squad_v2_sample/dev-sample.json"
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    own, other, caught = [], [], []
    for article in articles:
        passages = [paragraph["context"] for paragraph in article["paragraphs"]]
        for passage, following in zip(passages, passages[1:] + passages[:1], strict=True):
            for sentence in statements(passage):
                own.append(supported(sentence, passage).holds)
                other.append(supported(sentence, following).holds)
                number = re.search(r"\d+", sentence)
                if number:
                    wrong = str(int(number[0]) + 7)
                    changed = sentence[: number.start()] + wrong + sentence[number.end() :]
                    caught.append(not supported(changed, passage).holds)
    assert len(own) > 700
    assert sum(own) / len(own) >= 0.99
    assert sum(other) / len(other) <= 0.02
    assert sum(caught) / len(caught) >= 0.98
