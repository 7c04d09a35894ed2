import pytest

from advisor.contracts import Configurable, Retrieving, Searching
from advisor.errors import CorpusError, DatasetError, InputError
from advisor.schema.evaluation import Document, Hit, Message, Sample
from rag_baseline.prompting.builder import RagBuilder, RagFewShotBuilder
from tests.fixtures.answering import FunctionModel
from tests.fixtures.bench import DOCUMENTS, Tools

pytestmark = pytest.mark.ml
ASKED = Sample(id="s1", input="How often must the sieve be cleaned?", target="every 40 hours")
ABC = [Document(name=f"{letter}.md", text=f"Text {letter}.") for letter in "abc"]
TRAIN = [
    Sample(id="t1", input="What fills the pump?", target="blue oil"),
    Sample(id="t2", input="Where is the pump kept?", target="in a dry room"),
    Sample(id="t3", input="What does a humming noise mean?", target="air in the line"),
    Sample(id="t4", input=ASKED.input, target="every 40 hours"),
]
DENSE = {"search": "dense", "sweep": "off"}


def fitted(
    tmp_path, documents=DOCUMENTS, *, train=(), dev=(), options=None, kind=RagBuilder, **tools
):
    builder = kind().configured(DENSE | (options or {}))
    builder.fit(train, dev, documents, Tools(tmp_path, **tools))
    return builder


def asked(builder, sample=ASKED):
    return builder.build(sample).messages[-1].content


def test_the_form_is_exactly_this(tmp_path):
    prompt = fitted(tmp_path, ABC).build(ASKED.model_copy(update={"input": "bbb?"}))
    system, user = prompt.messages
    assert system == Message(role="system", content="Answer the question.")
    assert user.role == "user"
    assert user.content == (
        "Context:\n[1] Text b.\n\n[2] Text a.\n\n[3] Text c.\n\nQuestion: bbb?"
    )  # fmt: skip
    assert [one.split("#")[0] for one in prompt.passages] == ["b.md", "a.md", "c.md"]
    assert len(prompt.passage_texts) == 3
    assert all(text in prompt.messages[-1].content for text in prompt.passage_texts)
    assert not prompt.cites


PARTS = [
    Document(name="bx.md", text="# Manual\n\nAll of it.\n\n## Pump BX-2\n\nIt takes 3 litres."),
    Document(name="plain.txt", text="Nothing over this."),
]


def test_the_reader_sees_the_headings_that_were_searched(tmp_path):
    sample = ASKED.model_copy(update={"input": "Pump BX-2 takes?"})
    prompt = fitted(tmp_path, PARTS, options={"search": "bm25"}).build(sample)
    assert prompt.passage_texts[0] == "Manual\n## Pump BX-2\n\nIt takes 3 litres."
    numbered = [f"[{at}] {text}" for at, text in enumerate(prompt.passage_texts, start=1)]
    context = "\n\n".join(numbered)
    assert prompt.messages[-1].content == f"Context:\n{context}\n\nQuestion: Pump BX-2 takes?"
    cited = fitted(tmp_path, PARTS, options={"search": "bm25", "cite": "yes"}).build(sample)
    assert cited.passage_texts[0] == "bx.md > Manual\n## Pump BX-2\n\nIt takes 3 litres."
    assert "[1] bx.md > Manual\n## Pump BX-2\n" in cited.messages[-1].content
    alone = fitted(tmp_path, PARTS[1:]).build(sample)
    assert alone.messages[-1].content == (
        "Context:\n[1] Nothing over this.\n\nQuestion: Pump BX-2 takes?"
    )


@pytest.mark.parametrize("kind", [RagBuilder, RagFewShotBuilder])
def test_no_text_is_shown_twice_however_many_copies_there_are(tmp_path, kind):
    text = "The sieve is cleaned every 40 hours."
    for count in (3, 30):
        copies = [Document(name=f"copy{n}.txt", text=text) for n in range(count)]
        others = [Document(name=f"x{n}.txt", text=f"Sieve, part {n}.") for n in range(3)]
        builder = fitted(tmp_path, [*copies, *others], train=TRAIN[:1], kind=kind)
        prompt = builder.build(ASKED)
        assert len(set(prompt.passage_texts)) == len(prompt.passage_texts) == 3
        assert all(turn.content.count(text) <= 1 for turn in prompt.messages)
        assert len(builder.hits(ASKED, 3)) == 3


def test_headings_take_room_too(tmp_path):
    title = "word " * 30
    parts = [Document(name=f"{n}.md", text=f"# {title}\n\nx.\n\n## {n}\n\nText {n}.") for n in "ab"]
    options = {"context_tokens": "50"}
    model = FunctionModel(str, context_tokens=None)
    prompt = fitted(tmp_path, parts, options=options, model=model).build(ASKED)
    assert sum(len(text.split()) + 3 for text in prompt.passage_texts) <= 50
    assert prompt.passages


def test_it_says_what_it_can_do(tmp_path):
    builder = fitted(tmp_path)
    assert isinstance(builder, Searching)
    assert isinstance(builder, Retrieving)
    assert isinstance(builder, Configurable)
    assert (builder.shown, builder.info.approach, builder.info.needs) == (3, "rag", ("documents",))
    best = builder.hits(ASKED, 2)
    assert [hit.passage.id for hit in best] == list(builder.build(ASKED).passages[:2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pasages": "3"}, "no option 'pasages'. Did you mean 'passages'"),
        ({"passages": "0"}, "must be a whole number"),
        ({"search": "sparse"}, "one of hybrid, dense, bm25"),
        ({"decline_below": "high"}, "auto, off or a number"),
        ({"tokens": "100", "overlap": "60"}, "more than half"),
        ({"shots": "3"}, "no option 'shots'"),
        ({"where.": "x"}, "no option 'where.'"),
        ({"decline": " "}, "it is empty"),
    ],
)
def test_wrong_options_are_told(options, message):
    with pytest.raises(InputError, match=message):
        RagBuilder().configured(options)


def test_embedding_is_told_on_the_builders_line(tmp_path):
    text = "\n\n".join(f"# Part {n}\n{n} " + "word " * 80 for n in range(300))
    tools = Tools(tmp_path)
    RagBuilder().configured(DENSE).fit([], [], [Document(name="a.md", text=text)], tools)
    assert tools.progress.done == tools.progress.total >= 300


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


def test_what_befell_the_index_is_part_of_the_story(tmp_path):
    assert fitted(tmp_path).story == ()
    for path in tmp_path.rglob("index-*/vectors-0.npy"):
        path.write_bytes(b"x" * path.stat().st_size)
    for search in ("dense", "hybrid"):
        builder = fitted(tmp_path, options={"search": search})
        told = ("The stored index was damaged or of another make; it was built anew.",)
        assert builder.story == (told if search == "dense" else ())


def test_no_document_is_told(tmp_path):
    with pytest.raises(CorpusError, match="needs documents"):
        fitted(tmp_path, [])
    with pytest.raises(CorpusError, match="indexed"):
        RagBuilder().build(ASKED)


def test_settings_change_with_documents_and_options(tmp_path):
    one = fitted(tmp_path).settings
    other = fitted(tmp_path, [Document(name="one.txt", text="Only this.")]).settings
    assert one["index"] != other["index"]
    assert one == fitted(tmp_path).settings
    filtered = fitted(tmp_path, options={"passages": "2", "where.kind": "manual"}).settings
    assert (filtered["passages"], filtered["where.kind"]) == (2, "manual")


def test_preparing_changes_nothing_but_speed(tmp_path):
    for kind in (RagBuilder, RagFewShotBuilder):
        builder = fitted(tmp_path, train=TRAIN, kind=kind)
        alone = builder.build(ASKED)
        builder.prepare([ASKED, ASKED.model_copy(update={"input": "Where is it kept?"})])
        assert builder.build(ASKED) == alone


@pytest.mark.parametrize("search", ["hybrid", "dense", "bm25"])
def test_each_way_of_searching_finds_the_sentence(tmp_path, search):
    builder = fitted(tmp_path, options={"search": search, "passages": "1"})
    assert "sieve every 40 hours" in asked(builder)
    assert builder.settings["search"] == search


class Fixed:
    """A retriever of the run's own that always finds the last passages."""

    from advisor.contracts import PluginInfo

    info = PluginInfo(id="fixed", label="the last")

    def index(self, passages):
        self.passages = list(passages)

    def search(self, query, k):
        return [Hit(passage=one, score=1.0) for one in self.passages[::-1][:k]]


def test_the_runs_retriever_is_taken_and_no_other_may_be_asked_for(tmp_path):
    builder = RagBuilder().configured({"passages": "1"})
    builder.fit([], [], DOCUMENTS, Tools(tmp_path, retriever=Fixed()))
    assert "humming noise" in asked(builder)
    assert builder.settings["search"] == "fixed"
    with pytest.raises(InputError, match="the retriever fixed"):
        RagBuilder().configured(DENSE).fit([], [], ABC, Tools(tmp_path, retriever=Fixed()))


def test_passages_are_filtered_by_metadata_and_by_the_document_of_the_sample(tmp_path):
    kinds = [one.model_copy(update={"metadata": {"kind": one.name[0]}}) for one in ABC]
    only_c = fitted(tmp_path, kinds, options={"where.kind": "c"})
    assert only_c.build(ASKED).passage_texts == ("Text c.",)
    named = ASKED.model_copy(update={"document": "a"})
    assert fitted(tmp_path, kinds).build(named).passages != ("a.md#1",)
    within = fitted(tmp_path, kinds, options={"within_document": "yes"})
    assert within.build(named).passage_texts == ("Text a.",)
    assert len(within.build(ASKED).passages) == 3
    both = fitted(tmp_path, kinds, options={"within_document": "yes", "where.kind": "b"})
    assert both.build(named).passages == ()


def test_a_document_in_parts_is_searched_in_all_of_them(tmp_path):
    parts = [Document(name=f"book.pdf#{n}", text=f"Page {n} is here.") for n in range(1, 5)]
    builder = fitted(tmp_path, [*ABC, *parts], options={"within_document": "yes"})
    named = ASKED.model_copy(update={"document": "book.pdf"})
    assert {one.partition("#")[0] for one in builder.build(named).passages} == {"book.pdf"}
    builder = fitted(tmp_path, [*ABC, *parts], options={"within_document": "yes"}, retriever=None)
    fixed = RagBuilder().configured({"within_document": "yes", "sweep": "off"})
    fixed.fit([], [], [*parts, *ABC], Tools(tmp_path, retriever=Fixed()))
    assert len(fixed.build(named).passages) == 3


def test_a_prompt_for_citations_and_for_declining_asks_for_them(tmp_path):
    text = asked(fitted(tmp_path, options={"cite": "yes", "decline": "no idea"}))
    assert "such as [1]" in text
    assert "answer exactly: no idea\n\nQuestion: " in text
    assert fitted(tmp_path, options={"cite": "yes"}).build(ASKED).cites


def unanswerable(name, text, target="none"):
    return Sample(id=name, input=text, target=target, is_answerable=False)


def test_what_to_answer_without_an_answer_is_read_off_the_data(tmp_path):
    train = [*TRAIN, unanswerable("u1", "Who built it?"), unanswerable("u2", "What does it cost?")]
    builder = fitted(tmp_path, train=train)
    assert "answer exactly: none" in asked(builder)
    assert builder.settings["decline"].startswith("auto ")  # a digest: it is a text of the data
    assert "answer exactly" not in asked(fitted(tmp_path, train=train, options={"decline": "off"}))
    various = [unanswerable(f"u{n}", "Why?", target=f"text {n}") for n in range(4)]
    assert "answer exactly" not in asked(fitted(tmp_path, train=various))


def test_a_question_far_from_every_passage_is_told_so(tmp_path):
    near = [
        Sample(id=f"n{n}", input=DOCUMENTS[0].text[n:150], target="x", is_answerable=True)
        for n in range(12)
    ]
    far = [unanswerable(f"f{n}", f"{n}zzzzxqqq{n}") for n in range(12)]
    builder = fitted(tmp_path, dev=[*near, *far])
    assert 0 < builder.settings["decline_below"] < 1
    assert "may have nothing to do" in asked(builder, far[0])
    assert "may have nothing to do" not in asked(builder, near[0])
    off = fitted(tmp_path, dev=[*near, *far], options={"decline_below": "off"})
    assert off.settings["decline_below"] == "off"
    assert "may have nothing to do" not in asked(off, far[0])
    fixed = fitted(tmp_path, options={"decline": "no", "decline_below": "1"})
    assert "may have nothing to do" in asked(fixed)


def test_passages_are_packed_into_the_tokens_there_are(tmp_path):
    builder = fitted(tmp_path, options={"context_tokens": "20", "passages": "4"})
    whole = fitted(tmp_path, options={"passages": "4"})
    few, all_of_them = builder.build(ASKED), whole.build(ASKED)
    assert 0 < len(few.passages) < len(all_of_them.passages)
    assert few.passages[0] == all_of_them.passages[0]


def test_the_models_context_limits_passages_and_is_counted_only_where_near(tmp_path):
    wide = FunctionModel(str, context_tokens=100_000)
    builder = fitted(tmp_path, model=wide)
    assert len(builder.build(ASKED).passages) == 3
    assert wide.counted == 0
    narrow = FunctionModel(str, context_tokens=80)
    builder = fitted(tmp_path, model=narrow)
    assert 0 < len(builder.build(ASKED).passages) < 3
    assert narrow.counted


def test_neighbours_are_shown_with_what_is_found(tmp_path):
    words = [f"w{n}" for n in range(400)]
    text = " ".join(words)
    options = {"tokens": "50", "overlap": "0", "passages": "1", "neighbours": "1", "search": "bm25"}
    builder = fitted(tmp_path, [Document(name="a.txt", text=text)], options=options)
    alone = fitted(
        tmp_path, [Document(name="a.txt", text=text)], options=options | {"neighbours": "0"}
    )
    sample = ASKED.model_copy(update={"input": "w200"})
    (shown,), (bare,) = builder.build(sample).passage_texts, alone.build(sample).passage_texts
    assert bare in shown
    assert len(shown) > 2 * len(bare)
    assert shown in text


def test_shots_have_passages_of_their_own_in_the_form_of_the_question(tmp_path):
    builder = fitted(tmp_path, train=TRAIN, kind=RagFewShotBuilder, options={"shots": "2"})
    prompt = builder.build(ASKED)
    roles = [m.role for m in prompt.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert "t4" not in prompt.shots  # the question itself
    users = [m.content for m in prompt.messages if m.role == "user"]
    assert all(text.startswith("Context:\n[1] ") and "\n\nQuestion: " in text for text in users)
    by_id = {sample.id: sample for sample in TRAIN}
    answers = [m.content for m in prompt.messages if m.role == "assistant"]
    assert answers == [by_id[name].target for name in prompt.shots]
    fixed = fitted(
        tmp_path, train=TRAIN, kind=RagFewShotBuilder, options={"shots": "2", "choose": "fixed"}
    )
    other = ASKED.model_copy(update={"id": "s2", "input": "Where is it?"})
    assert set(fixed.build(other).shots) == set(
        fixed.build(other.model_copy(update={"input": "Humming?"})).shots
    )
    with pytest.raises(DatasetError, match="there is none"):
        fitted(tmp_path, kind=RagFewShotBuilder)


def test_the_most_similar_shot_stands_last(tmp_path):
    builder = fitted(tmp_path, train=TRAIN, kind=RagFewShotBuilder, options={"shots": "3"})
    sample = ASKED.model_copy(update={"input": "What does a humming noise mean so loud?"})
    assert builder.build(sample).shots[-1] == "t3"


def test_shots_name_passages_where_the_answer_is_to_and_decline_where_there_is_none(tmp_path):
    train = [*TRAIN[:2], unanswerable("u1", "What does the pump cost?")]
    options = {"cite": "yes", "decline": "unknown", "decline_below": "off", "shots": "5"}
    builder = fitted(tmp_path, train=train, kind=RagFewShotBuilder, options=options)
    prompt = builder.build(ASKED)
    answers = dict(
        zip(
            prompt.shots, [m.content for m in prompt.messages if m.role == "assistant"], strict=True
        )
    )
    assert answers["u1"] == "unknown"
    assert answers["t1"].startswith("blue oil [")


def test_shots_that_do_not_fit_are_left_out(tmp_path):
    roomy = FunctionModel(str, context_tokens=100_000)
    tight = FunctionModel(str, context_tokens=330)
    options = {"shots": "3"}
    many = fitted(tmp_path, train=TRAIN, kind=RagFewShotBuilder, options=options, model=roomy)
    few = fitted(tmp_path, train=TRAIN, kind=RagFewShotBuilder, options=options, model=tight)
    assert len(many.build(ASKED).shots) == 3
    assert len(few.build(ASKED).shots) < 3
    assert few.build(ASKED).shots == many.build(ASKED).shots[-len(few.build(ASKED).shots) :]
