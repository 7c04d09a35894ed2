from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.evaluation.retrieval_scores import (
    ndcg,
    reciprocal_rank,
    retrieval_scores,
    right_passages,
)
from advisor.schema.evaluation import Document, Hit, Passage, Sample
from advisor.schema.relevance import MOST_PLACES, Relevance, holds, names_document

TEXTS = {
    "pump.md": "The pump takes 3 litres of blue oil.",
    "sieve.md": "Clean the sieve every 40 hours.",
    "store.md": "Keep it at 5 degrees in a dry room.",
    "noise.md": "A humming noise means air in the line.",
}
CORPUS = [Document(name=name, text=text) for name, text in TEXTS.items()]


def hits(*names):
    return [
        Hit(
            passage=Passage(
                id=f"{name}#1", document=name, text=TEXTS[name], start=0, end=len(TEXTS[name])
            ),
            score=1 - at / 10,
        )
        for at, name in enumerate(names)
    ]


def sample(name, target, **more):
    return Sample(id=name, input=f"{name}?", target=target, **more)


ASKED = [sample("oil", "3 litres"), sample("hours", "every 40 hours"), sample("cold", "5 degrees")]
FOUND = {
    "oil": hits("pump.md", "sieve.md", "store.md", "noise.md"),
    "hours": hits("pump.md", "sieve.md", "store.md", "noise.md"),
    "cold": hits("pump.md", "sieve.md", "noise.md", "store.md"),
}


def test_by_hand():
    found = retrieval_scores(ASKED, FOUND, shown=2, corpus=CORPUS)
    assert (found.n, found.without, found.judged_by, found.shown) == (3, 0, "answer", 2)
    assert found.recall == pytest.approx({1: 1 / 3, 2: 2 / 3, 3: 2 / 3, 5: 1, 10: 1})
    assert found.mrr == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    assert found.ndcg == pytest.approx((1 + 1 / log2(3) + 1 / log2(5)) / 3)
    assert found.recall_interval.low < 2 / 3 < found.recall_interval.high


def test_what_is_not_found_counts_where_a_document_holds_it():
    nothing = {"oil": hits("noise.md"), "hours": [], "cold": hits("store.md")}
    found = retrieval_scores(ASKED, nothing, shown=1, corpus=CORPUS)
    assert (found.n, found.without) == (3, 0)
    assert found.recall[10] == pytest.approx(1 / 3)
    blind = retrieval_scores(ASKED, nothing, shown=1)
    assert (blind.n, blind.without, blind.recall[10]) == (1, 2, 1)


def test_samples_that_say_nothing_about_retrieval_are_left_out_and_counted():
    often = [Document(name=f"{n}.md", text="Yes, it is.") for n in range(MOST_PLACES + 1)]
    asked = [
        *ASKED,
        sample("yes", "yes"),
        sample("absent", "purple"),
        sample("none", "5 degrees", is_answerable=False),
        sample("blank", " "),
    ]
    found = retrieval_scores(asked, FOUND, shown=3, corpus=[*CORPUS, *often])
    assert (found.n, found.without) == (3, 4)
    assert retrieval_scores(asked[3:], FOUND, shown=3, corpus=CORPUS) is None


def test_a_named_document_decides_and_the_answer_in_it():
    twice = [*CORPUS, Document(name="other.md", text="The other one takes 3 litres too.")]
    named = sample("oil", "3 litres", document="pump")
    elsewhere = Passage(id="o", document="other.md", text=twice[-1].text, start=0, end=9)
    relevance = Relevance([named], twice)
    passages = [elsewhere, hits("pump.md")[0].passage]
    assert right_passages(named, passages, relevance) == [passages[1]]
    assert relevance.by(named) == "mixed"
    told_otherwise = sample("oil", "three litres in all", document="pump.md")
    assert Relevance([told_otherwise], twice).by(told_otherwise) == "document"
    found = retrieval_scores([told_otherwise], {"oil": hits("pump.md")}, shown=1, corpus=twice)
    assert (found.judged_by, found.mrr) == ("document", 1)


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        ("3 litres", "It takes 3 litres.", True),
        ("3 litres", "It takes 13 litres.", False),
        ("art", "a party", False),
        ("1,000 km", "up to 1000 km", True),
        ("7.3", "It holds 7.3 liters", True),
        ("7", "It holds 7.3 liters", False),
        ("AX-41!", "the ax 41 model", True),
        ("", "anything", False),
        ("...", "anything ...", False),
        ("東京", "首都は東京です", True),
        ("京都", "首都は東京です", False),
        (
            "Switch the pump off, drain the oil and wait for ten minutes before opening.",
            "First switch off the pump and drain its oil; then wait ten minutes before opening it.",
            True,
        ),
        (
            "Switch the pump off, drain the oil and wait for ten minutes before opening.",
            "The pump is opened with a key of ten millimetres.",
            False,
        ),
    ],
)
def test_an_answer_stands_in_a_text_as_whole_words(answer, text, expected):
    assert holds(answer, text) is expected


@pytest.mark.parametrize(
    ("named", "document", "expected"),
    [
        ("a/pump.md", "a/pump.md", True),
        ("pump", "a/pump.md", True),
        ("pump.pdf", "a/pump.pdf#3", True),
        ("a/pump", "a/pump.pdf#3", True),
        ("pum", "a/pump.md", False),
        ("", "a/pump.md", False),
    ],
)
def test_documents_are_known_by_path_file_and_stem(named, document, expected):
    assert names_document(named, document) is expected


orders = st.lists(st.booleans(), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(rights=orders, seed=st.randoms())
def test_the_perfect_order_is_1_and_no_other_is_better(rights, seed):
    best = sorted(rights, reverse=True)
    shuffled = list(rights)
    seed.shuffle(shuffled)
    assert ndcg(best) == reciprocal_rank(best) == float(any(rights))
    assert 0 <= ndcg(shuffled) <= ndcg(best)
    assert 0 <= reciprocal_rank(shuffled) <= reciprocal_rank(best)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(ASKED))
def test_the_order_of_samples_changes_nothing_and_recall_grows_with_depth(order):
    found = retrieval_scores(order, FOUND, shown=2, corpus=CORPUS)
    assert found == retrieval_scores(ASKED, FOUND, shown=2, corpus=CORPUS)
    depths = sorted(found.recall)
    assert [found.recall[k] for k in depths] == sorted(found.recall[k] for k in depths)
