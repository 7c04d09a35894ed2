import pytest

from advisor.builtin.prompting.long_context import FRAME_TOKENS, LongContextBuilder
from advisor.errors import CorpusError
from advisor.schema.evaluation import Document, Message, Sample
from tests.fixtures.bench import DOCUMENTS, MANUAL, Tools, capitals
from tests.fixtures.scripted_model import ScriptedModel

ASKED = Sample(id="t1", input="How loud is it?", target="57 dB", split="test")
MORE = [Document(name="b.md", text="Second text."), Document(name="a.md", text="First text.\n")]


def fitted(tmp_path, corpus=DOCUMENTS, train=(), options=None, **model):
    builder = LongContextBuilder().configured(options or {})
    builder.fit(train, [], corpus, Tools(tmp_path, model=ScriptedModel(**model)))
    return builder


def test_the_documents_stand_before_the_question_and_are_named(tmp_path):
    prompt = fitted(tmp_path, [*DOCUMENTS, *MORE]).build(ASKED)
    assert [message.role for message in prompt.messages] == ["system", "user"]
    assert prompt.messages[1].content == "How loud is it?"
    text = prompt.messages[0].content
    assert text.startswith("Answer the question.\n\nAnswer from the documents below.")
    assert text.index("First text.") < text.index("Second text.") < text.index(MANUAL.strip())
    assert prompt.passages == ("a.md", "b.md", "pump.md")
    assert prompt.passage_texts[0] == "First text.\n"


def test_every_prompt_begins_alike_whatever_order_the_documents_come_in(tmp_path):
    one = fitted(tmp_path, MORE)
    other = fitted(tmp_path, MORE[::-1])
    heads = {one.build(sample).messages[0].content for sample in capitals(3)}
    assert heads == {other.build(ASKED).messages[0].content}
    assert one.settings == other.settings
    assert one.settings["documents"] == 2


def test_a_conversation_keeps_its_turns_behind_the_documents(tmp_path):
    history = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hello"),
        Message(role="assistant", content="Hello!"),
    )
    prompt = fitted(tmp_path).build(ASKED.model_copy(update={"history": history}))
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.messages[0].content.startswith("Be brief.\n\nAnswer from the documents")


def test_it_fits_to_the_token_and_says_by_how_much_it_does_not(tmp_path):
    train = [ASKED.model_copy(update={"input": "word " * 30})]
    question = 3 + 30
    tokens = int(fitted(tmp_path, train=train).settings["document_tokens"])
    room = tokens + question + FRAME_TOKENS + 32
    fitted(tmp_path, train=train, context_tokens=room)
    with pytest.raises(CorpusError, match=r"1 document of \d+ tokens does not fit: .* 7 tokens"):
        fitted(tmp_path, train=train, context_tokens=room - 7)
    with pytest.raises(CorpusError, match=r"2 documents of 30 tokens do not fit"):
        fitted(tmp_path, MORE, context_tokens=10)


def test_the_window_can_be_stated_and_must_be_known(tmp_path):
    with pytest.raises(CorpusError, match="Nobody knows") as error:
        fitted(tmp_path, context_tokens=None)
    assert "long_context.context_tokens=" in error.value.hint
    told = {"context_tokens": "1000"}
    assert fitted(tmp_path, options=told, context_tokens=None).build(ASKED).passages
    with pytest.raises(CorpusError, match="the 20 that the model takes"):
        fitted(tmp_path, options={"context_tokens": "20"})


def test_without_a_model_tokens_are_estimated_from_above(tmp_path):
    builder = LongContextBuilder(context_tokens=1000)
    builder.fit([], [], DOCUMENTS, Tools(tmp_path))
    assert builder.settings["document_tokens"] > len(MANUAL) / 2
    with pytest.raises(CorpusError, match="do not fit"):
        LongContextBuilder(100).fit([], [], [*DOCUMENTS, *MORE], Tools(tmp_path))


def test_no_document_is_told(tmp_path):
    with pytest.raises(CorpusError, match="got none"):
        fitted(tmp_path, [Document(name="empty.md", text=" \n")])
