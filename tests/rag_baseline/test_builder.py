import pytest

from advisor.errors import CorpusError
from advisor.schema.evaluation import Document, Message, Sample
from rag_baseline.builder import RagBuilder, readable
from tests.fixtures.bench import DOCUMENTS, Tools
from tests.fixtures.embedders import LetterEmbedder

pytestmark = pytest.mark.ml
ASKED = Sample(id="s1", input="How often must the sieve be cleaned?", target="every 40 hours")


def fitted(tmp_path, documents=DOCUMENTS, **tools):
    builder = RagBuilder(LetterEmbedder())
    builder.fit([], [], documents, Tools(tmp_path, **tools))
    return builder


def test_the_form_is_exactly_this(tmp_path):
    documents = [Document(name=f"{letter}.md", text=f"Text {letter}.") for letter in "abc"]
    prompt = fitted(tmp_path, documents).build(ASKED.model_copy(update={"input": "bbb?"}))
    system, user = prompt.messages
    assert system == Message(role="system", content="Answer the question.")
    assert user.role == "user"
    assert user.content == (
        "Context:\n[1] Text b.\n\n[2] Text a.\n\n[3] Text c.\n\nQuestion: bbb?"
    )  # fmt: skip
    assert prompt.passages == ("b.md#1", "a.md#1", "c.md#1")
    assert len(prompt.passage_texts) == 3
    assert all(text in prompt.messages[-1].content for text in prompt.passage_texts)


class NarrowEmbedder(LetterEmbedder):
    """Reads 200 characters and no more."""

    def cuts(self, texts):
        return any(len(text) > 200 for text in texts)


def test_passages_are_as_short_as_the_embedder_reads():
    long = Document(name="long.txt", text="A sentence of thirty letters. " * 40)
    short = Document(name="short.txt", text="Few words.")
    sizes = [len(p.text) for p in readable(long, NarrowEmbedder())]
    assert max(sizes) <= 150
    assert max(len(p.text) for p in readable(long, LetterEmbedder())) > 500
    assert [p.text for p in readable(short, NarrowEmbedder())] == ["Few words."]


def test_passages_no_embedder_could_read_are_not_cut_for_ever():
    class Blind(LetterEmbedder):
        def cuts(self, texts):
            return bool(texts)

    assert readable(Document(name="a.txt", text="word " * 400), Blind())


def test_embedding_is_told_on_the_builders_line(tmp_path):
    text = "\n\n".join(f"# Part {n}\n" + "word " * 80 for n in range(140))
    tools = Tools(tmp_path)
    RagBuilder(LetterEmbedder()).fit([], [], [Document(name="a.md", text=text)], tools)
    assert tools.progress.done == tools.progress.total >= 140


def test_the_target_is_never_shown(tmp_path):
    secret = ASKED.model_copy(update={"target": "SECRET-77"})
    assert "SECRET-77" not in fitted(tmp_path).build(secret).model_dump_json()


def test_fewer_passages_than_three_and_no_instruction(tmp_path):
    builder = fitted(tmp_path, [Document(name="one.txt", text="Only this.")], instruction="")
    (only,) = builder.build(ASKED).messages
    assert only.content == f"Context:\n[1] Only this.\n\nQuestion: {ASKED.input}"


def test_the_rows_own_system_turn_replaces_the_instruction(tmp_path):
    history = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hello!"),
    )
    prompt = fitted(tmp_path).build(ASKED.model_copy(update={"history": history}))
    assert [m.role for m in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content == "Be brief."


def test_no_document_is_told(tmp_path):
    with pytest.raises(CorpusError, match="needs documents"):
        fitted(tmp_path, [])


def test_settings_change_with_the_documents(tmp_path):
    one = fitted(tmp_path).settings
    other = fitted(tmp_path, [Document(name="one.txt", text="Only this.")]).settings
    assert one["index"] != other["index"]
    assert one == fitted(tmp_path).settings


def test_preparing_changes_nothing_but_speed(tmp_path):
    builder = fitted(tmp_path)
    alone = builder.build(ASKED)
    builder.prepare([ASKED, ASKED.model_copy(update={"input": "Where is it kept?"})])
    assert builder.build(ASKED) == alone
