"""What a review and a newcomer met: labels, refusals, wrong answers called right, documents."""

import random
import time
from types import SimpleNamespace

import pytest

from advisor import registry
from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.evaluation import findings
from advisor.evaluation.diagnosis import FORGIVING, diagnose
from advisor.evaluation.diagnosis_form import declines
from advisor.evaluation.diagnosis_labels import LABEL_METRICS, NO_LABEL
from advisor.evaluation.diagnosis_reading import Reading
from advisor.evaluation.retrieval_scores import retrieval_scores
from advisor.schema.evaluation import Document, Prompt
from advisor.schema.relevance import Relevance
from tests.evaluation.test_diagnosis import OIL, SIEVE, answered, cause, found
from tests.fixtures import values as make
from tests.fixtures.bench import DOCUMENTS
from tests.fixtures.planted import HELD_OUT, hit, planted

BANK = (
    "balance_not_updated_after_cheque_or_cash_deposit",
    "apple_pay_or_google_pay",
    "Refund_not_showing_up",
    "card_acceptance",
)


def test_metrics_named_here_are_registered():
    for name in {*LABEL_METRICS, *FORGIVING}:
        assert registry.metric(name).info.id == name


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "micro_f1", "exact_match", "token_f1"])
def test_labels_are_never_laid_to_documents(metric):
    """Majority on a few labels, one of them of eight words, with documents beside."""
    pairs = [
        answered(BANK[0], BANK[n % 4], f"Question {n}", number=n, value=float(n % 4 == 0))
        for n in range(24)
    ]
    result = found(
        *pairs, metric=registry.metric(metric), documents=DOCUMENTS, asks_model=False,
        builder="majority",
    )  # fmt: skip
    assert {each.cause for each in result.causes} == {"wrong"}
    assert "most frequent target" in result.sentence


def test_an_answer_that_is_no_label_is_told_to_be_one():
    others = [answered(x, x, f"q {n}", number=n, value=1.0) for n, x in enumerate(BANK, 1)]
    asked = answered("Hello, how are you?", BANK[1], "Where is it?")
    result = found(asked, *others, metric=registry.metric("macro_f1"), documents=DOCUMENTS)
    assert result.examples[0].cause == "wrong_format"
    assert result.examples[0].because == NO_LABEL
    assert result.lever == "format"
    assert "answer with one of the labels" in result.sentence
    mute = found(asked, *others, metric=registry.metric("macro_f1"), asks_model=False)
    assert mute.examples[0].cause == "wrong"


@pytest.mark.parametrize("label", ["none", "unknown"])
def test_a_label_is_no_refusal(label):
    pairs = [answered("positive", label, f"q{n}", number=n) for n in range(6)]
    pairs += [answered(label, "positive", f"z{n}", number=10 + n) for n in range(6)]
    result = found(*pairs, metric=registry.metric("accuracy"))
    assert {each.cause for each in result.causes} == {"wrong"}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry for the inconvenience. We will refund your order within five days.",
        "This item is not available in your region; order it from the EU shop.",
        "I made a transfer and I do not see my balance up",
        "I can't find my refund. Please help.",
        "I don't know how to cancel my card",
        "The warranty does not include batteries.",
        "It takes 3 litres; the colour is not mentioned.",
        "Lunch is not provided.",
    ],
)
def test_what_answers_or_asks_is_no_refusal(text):
    assert not declines(text)
    assert cause(answered("Call your bank.", text, "What now?")) == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't answer that.",
        "I am not sure.",
        "The provided context does not contain this information. Please check the manual.",
        "The answer is not in the passages.",
        "Not mentioned.",
        "N/A",
        "We don't have enough information.",
    ],
)
def test_refusals(text):
    assert declines(text)


def test_a_question_said_again_is_no_refusal():
    question = "Customer: I don't know it. Which oil?"
    assert cause(answered("I don't know it.", "blue oil", question)) == "wrong"


@pytest.mark.parametrize(
    ("text", "target", "question"),
    [
        ("Everyone except Anna", "Anna", "Who may enter?"),
        ("the opposite of increase", "increase", "What does it do?"),
        ("Paris and Lyon", "Paris", "Which city?"),
        ("Paris, London", "Paris", "Which city?"),
        ("Paris and Lyon", "Paris", "Paris or Lyon?"),
        ("Berlin; formerly Bonn", "Bonn", "Which city?"),
        ("Smith Jones sued Baker", "Baker", "Who sued?"),
        ("Baker sued Smith", "Smith sued Baker", "Who sued whom?"),
        ("older than Anna", "Anna", "Who is it?"),
        ("than Anna", "Anna", "Who is it?"),
        ("Maybe Anna", "Anna", "Who is it?"),
        ("Can I cancel a transfer I made", "cancel_transfer", "Can I cancel a transfer I made"),
        ("Can I cancel a transfer I made", "cancel transfer", "Can I cancel a transfer I made"),
        ("Anna, when Paul agrees", "Anna", "Who decides?"),
    ],
)
def test_a_target_beside_other_content_is_not_right(text, target, question):
    assert cause(answered(text, target, question)) == "wrong"


@pytest.mark.parametrize("documents", [(), DOCUMENTS])
def test_metrics_that_forgive_wording_are_not_blamed(documents):
    asked = answered("It takes 3 litres in all.")
    assert cause(asked, documents=documents) == "other_wording"
    assert cause(asked, documents=documents, metric=registry.metric("contains")) == "wrong"


def test_a_metric_of_degrees_fails_below_half():
    metric = registry.metric("token_f1")
    pairs = [answered("x", number=n, value=v) for n, v in enumerate((0.97, 0.5, 0.49, 0.0))]
    result = found(*pairs, metric=metric)
    assert (result.failures, result.n) == (2, 4)
    assert found(*pairs).failures == 4
    assert found(answered("x", value=0.9), metric=metric) is None


def sheets():
    return [
        Document(name="filter.md", text="The filter is changed every 500 hours of work."),
        Document(name="oil.md", text=OIL),
    ]


def test_a_stray_figure_does_not_hide_a_fact():
    asked = answered("9", "every 500 hours", "Customer 7 asks: How often is the filter changed?")
    result = found(asked, documents=sheets())
    assert (result.examples[0].cause, result.examples[0].where) == ("not_retrieved", "filter.md")
    many = [Document(name=f"{n}.md", text=sheets()[0].text) for n in range(9)]
    assert cause(asked, documents=many) == "not_retrieved"


RIVER = "The Colorado lies east. The Colorado River is its border."


def test_a_fact_in_the_document_that_is_named_is_in_a_document_and_shown():
    asked = answered(
        "9", "Colorado River", "What is the name of the body found by Arizona and Mexico?",
        document="california.txt",
    )  # fmt: skip
    documents = [*sheets(), Document(name="california.txt", text=RIVER)]
    assert cause(asked, documents=documents) == "not_retrieved"
    seen = {"s0": [hit("p0", "california.txt", RIVER)]}
    assert cause(asked, shown=(RIVER,), documents=documents, searched=seen) == "ignored"
    retrieved = retrieval_scores([asked[0]], seen, shown=1, corpus=documents)
    assert retrieved.recall[1] == 1


@pytest.mark.parametrize("seed", [3, 4])
def test_recall_and_causes_do_not_contradict_each_other(seed):
    """No sample with a right passage in its prompt is laid to the search, and the reverse."""
    case = planted(HELD_OUT, count=150, seed=seed)
    reading = Reading(list(case.samples.values()), case.documents)
    searched = {
        name: [hit(case.prompts[name].passages[0], case.samples[name].document or "x", text)]
        for name, prompt in case.prompts.items()
        for text in prompt.passage_texts
    }
    for scored in case.evaluation.scores:
        name = scored.sample_id
        sample = case.samples[name]
        (only,) = diagnose(
            case.evaluation.model_copy(update={"scores": (scored,)}), samples={name: sample},
            prompts=case.prompts, documents=reading, metric=ExactMatchMetric(), searched=searched,
        ).examples  # fmt: skip
        if reading.relevance.by(sample):
            right = reading.relevance.is_right(sample, searched[name][0].passage)
            assert only.cause != "not_in_documents"
            assert (only.cause, right) not in {("not_retrieved", True), ("ignored", False)}


def test_recall_at_what_is_shown_is_that_of_the_prompts():
    sample, _ = answered("x")
    near, holds = hit("n", "sieve.md", SIEVE), hit("p", "oil.md", OIL)
    given = {"hits": {"s0": [near, holds]}, "shown": 3, "corpus": sheets()}
    assert retrieval_scores([sample], **given).recall[3] == 1
    one = Prompt(sample_id="s0", messages=(), passages=("n",), passage_texts=(SIEVE,))
    scores = retrieval_scores([sample], **given, prompts={"s0": one})
    assert (scores.shown, scores.recall[1], scores.recall[3]) == (1, 0, 1)
    assert scores.recall_interval.high < 1
    two = one.model_copy(update={"passages": ("n", "p"), "passage_texts": (SIEVE, OIL)})
    scores = retrieval_scores([sample], **given, prompts={"s0": two})
    assert (scores.shown, scores.recall[2]) == (2, 1)
    cut = two.model_copy(update={"passage_texts": (SIEVE, "The pump is filled")})
    assert retrieval_scores([sample], **given, prompts={"s0": cut}).recall[2] == 0


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        ("majority", "most frequent target"),
        ("extractive_copy", "a model that reads the passages"),
        ("nearest_neighbour", "most similar training sample"),
        ("embedding_classifier", "labels that are mixed up"),
        ("of_my_own", "learns from samples alone"),
    ],
)
@pytest.mark.parametrize(
    ("text", "documents"),
    [("9 litres", DOCUMENTS), ("9 litres", ()), ("The answer is: 3 litres", ()), ("", ()),
     ("I do not know", ())],
)  # fmt: skip
def test_no_prompt_is_told_to_what_has_none(builder, said, text, documents):
    pairs = [answered(text, number=n) for n in range(3)]
    result = found(*pairs, documents=documents, asks_model=False, builder=builder)
    assert result.lever == "none"
    assert said in result.sentence
    assert "prompt" not in result.sentence


def test_a_lever_for_fewer_than_most_says_so():
    wrong = [answered("9", "7", number=n) for n in range(6)]
    fenced = [answered("```7```", "7", number=n + 6) for n in range(4)]
    sentence = found(*wrong, *fenced).sentence
    assert sentence.startswith("4 of 10 failures: ")
    assert "6 times" in sentence


def test_an_empty_answer_is_shown_as_nothing():
    (example,) = found(answered(" \n")).examples
    assert (example.because, example.got) == ("the answer is empty", "(nothing)")


def test_the_second_system_does_not_read_the_documents_again(monkeypatch):
    rng = random.Random(0)
    some = ["".join(rng.choices("abcdefghijkl", k=rng.randint(3, 9))) for _ in range(3000)]
    corpus = [Document(name=f"x{n}", text=" ".join(rng.choices(some, k=20_000))) for n in range(4)]
    pairs = [answered("9", rng.choice(some), f"What is {n}?", number=n) for n in range(30)]
    samples = [sample for sample, _ in pairs]
    system = SimpleNamespace(
        builder=SimpleNamespace(), samples=samples,
        prompts=[Prompt(sample_id=s.id, messages=()) for s in samples],
    )  # fmt: skip
    base = make.evaluation("zero_shot", 0.0).model_copy(
        update={"scores": tuple(scored for _, scored in pairs)}
    )
    monkeypatch.setattr(findings, "_READINGS", [])
    took = []
    for _ in range(2):
        start = time.process_time()
        findings.with_findings(base, system, corpus, ExactMatchMetric())
        took.append(time.process_time() - start)
    assert took[1] < took[0] / 4
    findings.with_findings(base, system, list(corpus), ExactMatchMetric())
    assert len(findings._READINGS) == 1, "the last corpus alone is kept"


def test_an_answer_at_the_end_of_a_text_stands_there_once():
    """Its places decide whether it tells passages apart: more than five do not."""
    asked = [answered("x", "a pump" + " more" * n, number=n)[0] for n in range(7)]
    relevance = Relevance(asked, [Document(name="a.md", text="It is a pump")])
    assert relevance.by(asked[0]) == "answer"
    assert relevance.by(asked[1]) == ""
