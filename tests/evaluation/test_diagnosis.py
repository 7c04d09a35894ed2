"""Every cause on samples made by hand, and on a corpus in which causes were planted."""

import random
import time

import pytest

from advisor.builtin.metrics.accuracy import AccuracyMetric
from advisor.builtin.metrics.exact_match import ExactMatchMetric
from advisor.builtin.metrics.json_fields import JsonFieldsMetric
from advisor.evaluation import diagnosis
from advisor.evaluation.diagnosis import diagnose
from advisor.schema.evaluation import Completion, Document, Message, Prompt, Sample, ScoredSample
from tests.fixtures import values as make
from tests.fixtures.bench import DOCUMENTS
from tests.fixtures.planted import DESIGNED, HELD_OUT, hit, planted

OIL = "The pump is filled with 3 litres of blue oil."
SIEVE = "Clean the sieve every 40 hours with warm water."
QUESTION = "How much oil does the pump take?"


def answered(text, target="3 litres", question=QUESTION, value=0.0, **changes):
    """A scored answer with its sample."""
    number = changes.pop("number", 0)
    sample = Sample(id=f"s{number}", input=question, target=target, split="test", **changes)
    completion = Completion(text=text, prompt_tokens=1, completion_tokens=1, latency_ms=1.0)
    return sample, ScoredSample(sample_id=sample.id, value=value, completion=completion)


def found(*pairs, shown=(), documents=(), metric=None, searched=None, **changes):
    """The diagnosis of these answers."""
    prompts = {
        sample.id: Prompt(
            sample_id=sample.id,
            messages=(Message(role="user", content=sample.input),),
            passages=tuple(f"p{at}" for at in range(len(shown))),
            passage_texts=tuple(shown),
        )
        for sample, _ in pairs
    }
    scores = tuple(
        scored.model_copy(update={"passages": prompts[sample.id].passages})
        for sample, scored in pairs
    )
    evaluation = make.evaluation("rag", 0.0).model_copy(
        update={"scores": scores, "approach": "rag"} | changes
    )
    return diagnose(
        evaluation,
        samples={sample.id: sample for sample, _ in pairs},
        prompts=prompts,
        documents=documents,
        metric=metric or ExactMatchMetric(),
        searched=(searched or {}) if shown else None,
    )


def cause(*pairs, **given):
    (only,) = found(*pairs, **given).examples
    return only.cause


def test_nothing_failed():
    assert found(answered("3 litres", value=1.0)) is None


def test_samples_without_a_score_are_left_out():
    sample, scored = answered("?")
    assert found((sample, scored.model_copy(update={"unscored": True}))) is None


@pytest.mark.parametrize("text", ["", " \n "])
def test_no_answer(text):
    assert cause(answered(text)) == "no_answer"


def test_an_error_is_no_answer_and_calls_for_asking_again():
    sample, scored = answered("3 litres")
    broken = scored.completion.model_copy(update={"error": "timed out", "finish": "error"})
    result = found((sample, scored.model_copy(update={"completion": broken})))
    assert result.examples[0].cause == "no_answer"
    assert result.lever == "none"
    assert "ask again" in result.sentence


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Three liters", "3 litres"),
        ("the 3 litres.", "3 litres"),
        ("March 12, 2020", "12 March 2020"),
        ("2020-03-12", "12.03.2020"),
        ("twenty-one", "21"),
        ("1,000", "1000"),
        ("5 percent", "5%"),
        ("$1.5 million", "1.5 million dollars"),
        ("in the tenth and eleventh centuries", "10th and 11th centuries"),
        ("It takes 3 litres in all.", "3 litres"),
        ("e-mail", "email"),
        ("東京です", "東京"),
        (
            "You clean the sieve with warm water, every 40 h",
            "Clean the sieve every 40 hours with warm water",
        ),
    ],
)
def test_right_in_other_words(text, target):
    assert cause(answered(text, target)) == "other_wording"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("The answer is 3 litres", "3 litres"),
        ("Answer: 3 litres", "3 litres"),
        ("```\n3 litres\n```", "3 litres"),
        ('{"amount": "3 litres"}', "3 litres"),
        ("Let me think.\nIt says so.\n3 litres", "3 litres"),
        ("So we get \\boxed{21}", "21"),
        ('Here you go: {"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('{"a": 1, ', '{"a": 1}'),
        ("a is 1", '{"a": 1}'),
        ("FIN-16, K8, Ann", "[FIN-16] K8 // Ann"),
        ("Ann; K8; FIN 16", "[FIN-16] K8 // Ann"),
        ("colour: red; size: 3", "size=3\ncolour=red"),
        ('{"b": "x", "a": "y"}', '{"a": "x", "b": "y"}'),
    ],
)
def test_right_in_another_form(text, target):
    assert cause(answered(text, target)) == "wrong_format"


def test_json_with_values_written_otherwise_is_wording_and_with_others_is_wrong():
    target = '{"oil": "3 litres"}'
    same, other = answered('{"oil": "three liters"}', target), answered('{"oil": "9"}', target)
    assert cause(same, metric=JsonFieldsMetric()) == "other_wording"
    assert cause(other, metric=JsonFieldsMetric()) == "wrong"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("4 litres", "3 litres"),
        ("not 3 litres", "3 litres"),
        ("3 litres or 4 litres", "3 litres"),
        ("between 1990 and 1998", "1998"),
        ("in 1999", "in 1998"),
        ("It is not closed", "It is closed"),
        ("C#", "C++"),
        ("The answer is not Rome", "Rome"),
        ("1 2", "12"),
        ("[LOG-16] K8 // Ann Bell Cole", "[FIN-16] K8 // Ann Bell Cole"),
        ("the red lamp of the left front door", "the red lamp of the right front door"),
    ],
)
def test_other_content_is_never_called_right(text, target):
    assert cause(answered(text, target)) == "wrong"


LABELS = ("card_arrival", "card_linking", "lost_or_stolen_card")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Card arrival.", "other_wording"),
        ("card arival", "other_wording"),
        ("card_linking", "wrong"),
        ("lost_or_stolen_phone", "wrong_format"),
        ("Label: card_arrival", "wrong_format"),
        ("It is about card arrival, I think", "wrong_format"),
        ("card_arrival or card_linking", "wrong"),
        ("not card_arrival", "wrong"),
    ],
)
def test_labels_that_share_words_are_not_the_same(text, expected):
    others = [
        answered(label, label, value=1.0, number=n) for n, label in enumerate(LABELS, start=1)
    ]
    asked = answered(text, "card_arrival", "Where is it?")
    assert cause(asked, *others, metric=AccuracyMetric(), documents=DOCUMENTS) == expected


def test_targets_that_stand_often_are_labels_whatever_the_metric():
    many = [answered(x, x, value=1.0, number=n) for n, x in enumerate(("good", "bad") * 4, 1)]
    assert cause(answered("goodd", "good"), *many) == "wrong"
    assert cause(answered("feeling: good", "good"), *many) == "wrong_format"


def test_passages_and_documents_decide_where_a_fact_was_lost():
    wrong = answered("9 litres")
    assert cause(wrong, shown=(SIEVE, OIL), documents=DOCUMENTS) == "ignored"
    assert cause(wrong, shown=(SIEVE,), documents=DOCUMENTS) == "not_retrieved"
    other = [Document(name="other.md", text=SIEVE)]
    assert cause(wrong, shown=(SIEVE,), documents=other) == "not_in_documents"
    assert cause(wrong) == "wrong"


def test_what_is_made_of_the_input_is_not_looked_up():
    question = "This is Tefan Tagioll. My order is J781."
    wrong = answered("Tefan", "[FIN-16] J781 // Tefan Tagioll", question)
    assert cause(wrong, documents=DOCUMENTS) == "wrong"


def test_a_long_answer_is_missing_only_where_its_words_are():
    told = "The pump needs blue oil, three litres of it, before the sieve is cleaned with water"
    assert cause(answered("No idea what", told), documents=DOCUMENTS) == "wrong"
    strange = "Turbines demand amber grease, renewed quarterly by certified harbour mechanics only"
    assert cause(answered("No idea what", strange), documents=DOCUMENTS) == "not_in_documents"


def test_the_same_words_about_another_thing_are_not_the_fact():
    """A value of other products, in too many places to tell which is meant."""
    others = [Document(name=f"{n}.md", text=f"The Zorb {n} needs Dobog 44.") for n in "abcdef"]
    sheets = [
        *others,
        Document(name="jihu-mini.md", text="The Jihu Mini needs a lubricant; ask the workshop."),
        Document(name="nobai-pro.md", text="The Nobai Pro needs Dobog 44 as its lubricant."),
    ]
    wrong = answered("Dabpra 72", "Dobog 44", "Which lubricant do I put on the Jihu Mini?")
    right = answered("Dabpra 72", "Dobog 44", "Which lubricant do I put on the Nobai Pro?")
    assert cause(wrong, documents=sheets) == "not_in_documents"
    assert cause(right, documents=sheets) == "not_retrieved"


def test_the_place_of_the_fact_is_named():
    result = found(answered("9 litres"), shown=(SIEVE, OIL), documents=DOCUMENTS)
    assert result.examples[0].where == "p1"
    assert "passage 2 of 2" in result.examples[0].because
    result = found(answered("9 litres"), shown=(SIEVE,), documents=DOCUMENTS)
    assert result.examples[0].where == "pump.md"


def test_marks_of_passages_are_no_part_of_an_answer():
    sample, scored = answered("It takes 3 litres [1].")
    prompt = Prompt(sample_id="s0", messages=(), passages=("p",), passage_texts=(OIL,), cites=True)
    evaluation = make.evaluation("rag", 0.0).model_copy(update={"scores": (scored,)})
    for cites, cause in ((True, "other_wording"), (False, "ignored")):
        result = diagnose(
            evaluation, samples={"s0": sample}, documents=DOCUMENTS, metric=ExactMatchMetric(),
            prompts={"s0": prompt.model_copy(update={"cites": cites})}, searched={},
        )  # fmt: skip
        assert result.examples[0].cause == cause


def test_a_refusal_is_laid_to_the_search_where_the_fact_was_not_shown():
    refused = answered("The context does not mention it.")
    assert cause(refused, shown=(OIL,), documents=DOCUMENTS) == "declined"
    assert cause(refused, shown=(SIEVE,), documents=DOCUMENTS) == "not_retrieved"
    assert cause(refused) == "declined"


def test_questions_without_an_answer():
    given = answered("3 litres", "", is_answerable=False)
    assert cause(given, documents=DOCUMENTS) == "should_have_declined"
    refused = answered("I cannot answer that.", "unanswerable", is_answerable=False)
    assert cause(refused) == "other_wording"
    implied = answered("3 litres", "I don't know.")
    assert cause(implied) == "should_have_declined"


def test_judgements_stand_in_no_document():
    assert cause(answered("no", "yes"), shown=(OIL,), documents=DOCUMENTS) == "wrong"


def test_long_context_counts_as_shown():
    sample, scored = answered("9 litres")
    told = Message(role="system", content=DOCUMENTS[0].text)
    prompt = Prompt(sample_id="s0", messages=(told, Message(role="user", content=sample.input)))
    evaluation = make.evaluation("long_context", 0.0).model_copy(
        update={"scores": (scored,), "approach": "long_context"}
    )
    result = diagnose(
        evaluation, samples={"s0": sample}, prompts={"s0": prompt}, documents=DOCUMENTS,
        metric=ExactMatchMetric(),
    )  # fmt: skip
    assert result.examples[0].cause == "ignored"
    assert "the prompt holds" in result.examples[0].because


def test_a_system_without_passages_is_told_that_it_is_shown_none():
    result = found(answered("9 litres"), documents=DOCUMENTS)
    assert result.examples[0].cause == "not_retrieved"
    assert "which this system is not shown" in result.sentence
    assert result.lever == "passages"


NEAR = hit("n", "other.md", SIEVE)
PART = hit("q", "pump.md", "A humming noise means that air is in the line.")
HOLDS = hit("p", "pump.md", OIL)


@pytest.mark.parametrize(
    ("hits", "settings", "lever", "said"),
    [
        ([NEAR] * 7 + [HOLDS], {}, "passages", "among the first 10 found"),
        ([NEAR, PART], {}, "chunking", "no passage holds the whole fact"),
        ([NEAR] * 4, {}, "hybrid", "search by words and meaning together"),
        ([NEAR] * 4, {"rag.retriever": "hybrid"}, "chunking", "another embedder"),
        ([], {}, "passages", "search otherwise"),
    ],
)
def test_what_deeper_hits_show_picks_the_lever(hits, settings, lever, said):
    result = found(
        answered("9 litres"), shown=(SIEVE,), documents=DOCUMENTS, searched={"s0": hits},
        manifest=make.manifest(settings=settings),
    )  # fmt: skip
    assert (result.lever, said in result.sentence) == (lever, True), result.sentence
    assert result.sentence.startswith("1 of 1 failures: ")


@pytest.mark.parametrize(
    ("pair", "given", "lever"),
    [
        (answered("9 litres"), {"shown": (OIL,)}, "prompt"),
        (answered("9 litres"), {"shown": (OIL,), "approach": "prompt_optimisation"}, "reader"),
        (answered("9 litres"), {"shown": (SIEVE,), "documents": [Document(name="a", text="b")]},
         "documents"),
        (answered("```3 litres```"), {}, "format"),
        (answered("three liters"), {}, "metric"),
        (answered("I do not know"), {}, "abstention"),
        (answered("3", "", is_answerable=False), {}, "abstention"),
        (answered("9 litres"), {}, "shots"),
        (answered("9 litres"), {"asks_model": False}, "none"),
    ],
)  # fmt: skip
def test_each_cause_has_its_lever(pair, given, lever):
    assert found(pair, **given).lever == lever


def test_a_telling_cause_goes_before_what_cannot_be_told():
    wrong = [answered("9", "7", number=n) for n in range(6)]
    fenced = [answered("```7```", "7", number=n + 6) for n in range(4)]
    assert found(*wrong, *fenced).lever == "format"
    assert found(*wrong, fenced[0]).lever == "shots"


def test_counts_shares_and_three_examples_of_each():
    wrong = [answered("9", "7", number=n) for n in range(6)]
    empty = [answered("", "7", number=n + 6) for n in range(2)]
    result = found(*wrong, *empty, answered("7", "7", number=9, value=1.0))
    assert (result.failures, result.n) == (8, 9)
    assert [(c.cause, c.count, c.share) for c in result.causes] == [
        ("wrong", 6, 0.75),
        ("no_answer", 2, 0.25),
    ]
    assert [e.cause for e in result.examples] == ["wrong"] * 3 + ["no_answer"] * 2
    assert result.share("wrong") == 0.75
    assert result.share("ignored") == 0


def test_examples_are_cut_and_hold_no_secret():
    token = "glpat-" + "AbCdEfGhIjKlMnOpQrSt"
    result = found(answered(f"{token} " + "and so on " * 60, f"key {token}", f"What is {token}?"))
    (example,) = result.examples
    assert "glpat" not in result.model_dump_json()
    assert len(example.got) <= 160
    assert "\n" not in example.got


@pytest.mark.parametrize("answers", [DESIGNED, HELD_OUT], ids=["designed", "held out"])
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_causes_are_found(answers, seed, monkeypatch):
    """At least 95 % of 300 failures; the wordings of the second set were never looked at before."""
    monkeypatch.setattr(diagnosis, "EXAMPLES", 1000)
    case = planted(answers, count=300, seed=seed)
    result = diagnose(
        case.evaluation, samples=case.samples, prompts=case.prompts, documents=case.documents,
        metric=ExactMatchMetric(), searched=case.searched,
    )  # fmt: skip
    seen = {example.sample_id: example.cause for example in result.examples}
    wrong = [(c, seen[i]) for i, c in case.causes.items() if seen[i] != c]
    assert len(wrong) <= 0.05 * len(case.causes), wrong


def test_time_grows_with_documents_and_samples_not_with_their_product():
    rng = random.Random(0)
    some = ["".join(rng.choices("abcdefghijkl", k=rng.randint(3, 9))) for _ in range(5000)]
    filler = [Document(name=f"x{n}", text=" ".join(rng.choices(some, k=20_000))) for n in range(8)]
    case = planted(HELD_OUT, count=800, seed=2)
    start = time.perf_counter()
    diagnose(
        case.evaluation, samples=case.samples, prompts=case.prompts,
        documents=[*case.documents, *filler], metric=ExactMatchMetric(), searched={},
    )  # fmt: skip
    assert time.perf_counter() - start < 8, "1 MB of documents and 800 failures"
