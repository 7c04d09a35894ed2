from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.schema.evaluation import Document
from rag_baseline.chunk import SIZE, chunk


def cut(text, name="a.md", **more):
    return chunk(Document(name=name, text=text), **more)


def texts(text, name="a.md", **more):
    return [passage.text for passage in cut(text, name, **more)]


def test_a_short_section_stays_whole():
    text = "# A\n\nOne.\n\nTwo.\n\n## B\nThree."
    assert texts(text) == ["# A\n\nOne.\n\nTwo.", "## B\nThree."]


def test_a_heading_without_a_body_goes_with_what_follows():
    assert texts("# Book\n\n## Part\n\n### One\nText.\n") == ["# Book\n\n## Part\n\n### One\nText."]


def test_a_heading_at_the_end_is_kept():
    assert texts("Text.\n\n## End\n") == ["Text.", "## End"]


def test_a_hash_in_code_or_in_plain_text_is_no_heading():
    fenced = "# A\n```\n# comment\nx = 1\n```\n"
    assert len(texts(fenced)) == 1
    assert texts("intro\n# comment\nmore", name="a.txt") == ["intro\n# comment\nmore"]


def test_a_long_section_is_cut_between_paragraphs():
    paragraphs = [f"{letter * 20}." for letter in "abcdef"]
    found = texts("\n\n".join(paragraphs), size=70, overlap=0)
    assert found == ["\n\n".join(paragraphs[:3]), "\n\n".join(paragraphs[3:])]


def test_a_long_paragraph_is_cut_between_sentences_then_words():
    assert texts("One two three. Four five six.", size=16, overlap=0) == [
        "One two three.", "Four five six.",
    ]  # fmt: skip
    assert texts("one two three four", size=9, overlap=0) == ["one two", "three", "four"]
    assert texts("x" * 25, size=10, overlap=0) == ["x" * 10, "x" * 10, "x" * 5]


def test_neighbours_overlap_by_whole_words():
    words = " ".join(f"word{number:02}" for number in range(40))
    found = cut(words, size=100, overlap=20)
    for before, after in pairwise(found):
        assert 0 < before.end - after.start <= 20
        assert after.text.startswith("word")


def test_nothing_gives_nothing():
    assert texts("") == texts(" \n\n ") == []


def test_names_count_from_one():
    assert [p.id for p in cut("# A\nx\n# B\ny")] == ["a.md#1", "a.md#2"]


PIECES = st.lists(
    st.sampled_from(
        [
            "word ",
            "Sentence. ",
            "\n",
            "\n\n",
            "# Head\n",
            "## ",
            "```\n",
            "x" * 40,
            " ",
            "é\u2028",
            "\r\n",
            "\t",
        ]
    ),
    max_size=120,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(
    text=st.one_of(PIECES, st.text(max_size=400)),
    size=st.integers(1, 120),
    overlap=st.integers(0, 60),
    name=st.sampled_from(["a.md", "a.txt"]),
)
def test_offsets_are_exact_and_no_character_is_lost(text, size, overlap, name):
    passages = cut(text, name, size=size, overlap=overlap)
    covered = set()
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert 0 < len(passage.text) <= size
        covered.update(range(passage.start, passage.end))
    missing = [c for at, c in enumerate(text) if at not in covered and not c.isspace()]
    assert missing == []
    starts = [passage.start for passage in passages]
    assert starts == sorted(starts)
    assert len({p.id for p in passages}) == len(passages)


def test_the_default_fits_what_the_embedding_model_reads():
    text = "The quick brown fox jumps over the lazy dog. " * 100
    assert max(len(passage) for passage in texts(text)) <= SIZE == 600


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_both_kinds(end):
    text = end.join(["# A", "one", "", "# B", "two"])
    assert len(texts(text)) == 2
