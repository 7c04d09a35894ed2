import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.schema.evaluation import Hit, Passage
from rag_baseline.prompting.packing import distinct, pack, widened

TEXT = "First one here. Second is two. Third goes on for long, and on. Fourth ends it all now."


def words(text):
    return len(text.split())


def hit(start, end, *, document="a.md", score=1.0, text=TEXT, heading=""):
    passage = Passage(
        id=f"{document}#{start}-{end}",
        document=document,
        text=text[start:end],
        start=start,
        end=end,
        heading=heading,
    )
    return Hit(passage=passage, score=score)


def texts(hits):
    return [one.passage.text for one in hits]


def other(text, name):
    return hit(0, len(text), text=text, document=name)


def test_best_first_as_many_as_fit_and_none_cut():
    found = [other("a b c d", "1"), other("e f g h i j k l m n", "2"), other("o p", "3")]
    assert texts(pack(found, most=3, budget=None, count=words)) == texts(found)
    assert texts(pack(found, most=1, budget=None, count=words)) == ["a b c d"]
    assert texts(pack(found, most=3, budget=12, count=words)) == ["a b c d", "o p"]


def test_what_says_the_same_is_shown_once():
    found = [other("The pump, filled.", "1"), other("the pump filled", "2"), other("More.", "3")]
    assert texts(pack(found, most=2, budget=None, count=words)) == ["The pump, filled.", "More."]


def test_a_number_or_a_heading_tells_near_copies_apart():
    long = "The pump of this model is filled with blue oil and cleaned every {} weeks by hand."
    found = [other(long.format(n), name) for n, name in ((2, "1"), (3, "2"), (2, "3"))]
    assert distinct(found, 3) == found[:2]
    assert len(distinct([hit(0, 30, heading="A"), hit(0, 30, heading="B")], 2)) == 2
    assert distinct(found, 1) == found[:1]


def test_what_is_shown_over_a_text_counts():
    found = [hit(0, 15, heading="Four words stand here"), other("o p", "3")]
    assert texts(pack(found, most=3, budget=10, count=words)) == ["First one here."]
    assert len(pack(found, most=3, budget=15, count=words)) == 2
    (cut,) = pack(found[:1], most=1, budget=9, count=words)
    assert (cut.passage.text, cut.passage.heading) == ("First one", "Four words stand here")
    (bare,) = pack(found[:1], most=1, budget=5, count=words)
    assert (bare.passage.text, bare.passage.heading) == ("First one", "")


def test_overlapping_passages_become_one_in_the_place_of_the_better():
    found = [hit(16, 50), other("Elsewhere.", "b.md"), hit(0, 30)]
    first, second = pack(found, most=2, budget=None, count=words)
    assert (first.passage.text, first.passage.id) == (TEXT[:50], "a.md#16-50")
    assert (first.passage.start, first.passage.end) == (0, 50)
    assert second.passage.text == "Elsewhere."


def test_one_that_bridges_two_makes_one_of_three():
    found = [hit(0, 20), hit(40, 60), hit(15, 45)]
    (only,) = pack(found, most=3, budget=None, count=words)
    assert only.passage.text == TEXT[:60]


def test_passages_under_other_headings_stay_apart():
    assert (
        len(
            pack(
                [hit(0, 30, heading="A"), hit(20, 50, heading="B")],
                most=3,
                budget=None,
                count=words,
            )
        )
        == 2
    )


@pytest.mark.parametrize(
    ("budget", "expected"),
    [(10, "First one here. Second is two."), (7, "First one here."), (5, "First one"), (3, None)],
)
def test_only_the_best_alone_is_cut_and_behind_a_sentence(budget, expected):
    found = pack([hit(0, len(TEXT)), hit(0, 15, document="b")], most=2, budget=budget, count=words)
    assert texts(found) == ([expected] if expected else [])
    assert all(one.passage.end - one.passage.start == len(one.passage.text) for one in found)


def test_a_hit_is_widened_by_its_neighbours_in_the_document():
    row = [hit(0, 15).passage, hit(16, 30).passage, hit(31, 62).passage, hit(63, 86).passage]
    wide = widened(Hit(passage=row[1], score=0.5), 1, {"a.md": row})
    assert wide.passage.text == TEXT[:62]
    assert (wide.passage.id, wide.score) == (row[1].id, 0.5)
    assert widened(Hit(passage=row[1], score=0.5), 1, {}).passage == row[1]


spans = st.tuples(st.integers(0, 80), st.integers(1, 40)).map(
    lambda s: (s[0], min(86, s[0] + s[1]))
)


@settings(max_examples=60, deadline=None)
@given(found=st.lists(spans, max_size=8), budget=st.integers(1, 60), most=st.integers(1, 5))
def test_packed_passages_keep_to_budget_and_number_and_are_slices_of_the_text(found, budget, most):
    packed = pack([hit(*span) for span in found], most=most, budget=budget, count=words)
    assert len(packed) <= most
    assert sum(words(text) + 3 for text in texts(packed)) <= budget
    assert all(TEXT[p.passage.start : p.passage.end] == p.passage.text for p in packed)
