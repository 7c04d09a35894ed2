import pytest

from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.contracts import PluginInfo
from advisor.data_check.leakage import leaked
from advisor.errors import (
    BackendAuthError,
    BackendResponseError,
    ConsentError,
    CorpusError,
    DatasetError,
    MissingExtraError,
    ModelFolderError,
)
from advisor.schema.evaluation import Completion, Message
from advisor.stages.baseline import baseline, without_leaks
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows


class Watching(ZeroShotBuilder):
    """Keeps what it was fitted on and asked to build."""

    info = PluginInfo(id="watching", label="a spy", cost_rank=5)

    def __init__(self):
        super().__init__()
        self.saw, self.built = [], []

    def fit(self, train, dev, corpus, tools):
        self.saw = [*train, *dev]
        super().fit(train, dev, corpus, tools)

    def build(self, sample):
        self.built.append(sample)
        return super().build(sample)


class NeedsDocuments(ZeroShotBuilder):
    def fit(self, train, dev, corpus, tools):
        if not corpus:
            raise CorpusError("Retrieval needs documents, got none.")
        super().fit(train, dev, corpus, tools)


def splits(train=20, dev=5, test=40):
    return [
        *capitals(train, split="train", start=1000),
        *capitals(dev, split="dev", start=2000),
        *capitals(test),
    ]


def measure(tmp_path, samples, builders, answer=None, **more):
    session = FunctionSession(answer or knows(0.5))
    return baseline(
        samples,
        builders=builders,
        corpus=(),
        bench=bench(session, tmp_path),
        tools=Tools(tmp_path),
        **more,
    )


def both():
    return {"zero_shot": ZeroShotBuilder(), "few_shot": FewShotBuilder()}


def better_with_shots():
    """Zero-shot and few-shot differ in nothing a function of the last turn can see, so count turns."""

    class Session(FunctionSession):
        def generate(self, prompts, *, max_new_tokens):
            for_shots = knows(0.9) if prompts[0].shots else knows(0.3)
            self.answer = for_shots
            return super().generate(prompts, max_new_tokens=max_new_tokens)

    return Session(knows(0))


def test_all_builders_answer_the_same_test_samples_and_dev_is_left_alone(tmp_path):
    found = measure(tmp_path, splits(), both(), target=0.8)
    for evaluation in found.evaluations:
        assert [s.sample_id for s in evaluation.scores] == [s.id for s in capitals(40)]
        assert evaluation.manifest.split == "test"
    assert [e.builder for e in found.evaluations] == ["zero_shot", "few_shot"]
    assert found.target == 0.8
    assert found.leaked_samples == 0


def test_builders_learn_from_train_and_dev_and_never_see_test(tmp_path):
    spy = Watching()
    measure(tmp_path, splits(), {"watching": spy})
    assert {s.split for s in spy.saw} == {"train", "dev"}
    assert {s.split for s in spy.built} == {"test"}


def test_the_best_is_the_highest_value_and_it_is_compared(tmp_path):
    found = baseline(
        splits(test=100),
        builders=both(),
        corpus=(),
        bench=bench(better_with_shots(), tmp_path),
        tools=Tools(tmp_path),
    )
    assert found.best == "few_shot"
    (comparison,) = found.comparisons
    assert (comparison.a, comparison.b) == ("zero_shot", "few_shot")
    assert comparison.interval.low > 0
    assert comparison.p_value < 0.01


@pytest.mark.parametrize("order", [["zero_shot", "few_shot"], ["few_shot", "zero_shot"]])
def test_equal_values_go_to_the_cheaper_builder(tmp_path, order):
    builders = {name: both()[name] for name in order}
    assert measure(tmp_path, splits(), builders).best == "zero_shot"


def test_the_shared_manifest_holds_no_builders_own_settings(tmp_path):
    found = measure(tmp_path, splits(), both())
    assert "few_shot.shots" in found.evaluations[1].manifest.settings
    assert not [key for key in found.manifest.settings if "." in key]


def test_a_leaked_test_sample_is_counted_left_out_and_told(tmp_path):
    samples = splits()
    copy = samples[-1].model_copy(
        update={"id": "copy", "split": "train", "input": "  capital\n39? ".replace("\n", " ")}
    )
    found = measure(tmp_path, [*samples, copy], both())
    assert found.leaked_samples == 1
    assert "s039" not in {s.sample_id for s in found.evaluations[0].scores}
    assert any("also stand in the train split" in w for w in found.warnings)


def test_the_same_last_turn_after_another_conversation_is_no_leak():
    test = capitals(1)
    earlier = (Message(role="user", content="Of which country?"),)
    train = [test[0].model_copy(update={"history": earlier, "split": "train"})]
    assert without_leaks(test, train) == (test, 0)
    system = (Message(role="system", content="Answer in French."),)
    train = [test[0].model_copy(update={"history": system, "split": "train"})]
    assert without_leaks(test, train) == (test, 0)


@pytest.mark.parametrize("text", ["  capital  0?", "Ｃapital 0?", "CAPITAL\u00a00?", "City?"])  # noqa: RUF001 - a full-width letter, on purpose
def test_a_leak_is_what_data_check_calls_one(text):
    train = [s.model_copy(update={"id": "t", "input": text}) for s in capitals(1, split="train")]
    test = capitals(3)
    kept, count = without_leaks(test, train)
    found = leaked([*train, *test])
    assert count == len(found) == (text != "City?")
    assert [s for s in test if s not in found] == kept


def test_nothing_left_after_leaks_is_told(tmp_path):
    test = capitals(5)
    train = [s.model_copy(update={"id": f"t{s.id}", "split": "train"}) for s in test]
    with pytest.raises(
        DatasetError, match="5 in the test split, 5 of them also in the train split"
    ):
        measure(tmp_path, [*train, *test], both())


def test_no_test_split_is_told(tmp_path):
    with pytest.raises(DatasetError, match="No test sample is left"):
        measure(tmp_path, capitals(5, split="train"), both())


def test_a_builder_without_what_it_needs_is_left_out_with_a_warning(tmp_path):
    builders = {
        "zero_shot": ZeroShotBuilder(),
        "few_shot": FewShotBuilder(),
        "rag": NeedsDocuments(),
    }
    found = measure(tmp_path, capitals(20), builders)
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert found.comparisons == ()
    assert any(w.startswith("few_shot was left out: ") for w in found.warnings)
    assert any(w.startswith("rag was left out: Retrieval needs documents") for w in found.warnings)


def test_no_builder_left_is_told(tmp_path):
    with pytest.raises(DatasetError, match="No baseline can be measured"):
        measure(tmp_path, capitals(20), {"rag": NeedsDocuments()})


def test_few_samples_are_warned_of(tmp_path):
    assert any("Only 40 test samples" in w for w in measure(tmp_path, splits(), both()).warnings)
    many = measure(tmp_path / "many", splits(test=100), both())
    assert not [w for w in many.warnings if w.startswith("Only")]


def test_failures_are_counted_shown_and_warned_of(tmp_path):
    def answer(asked):
        if asked == "Capital 3?":
            raise RuntimeError("broken")
        return knows(1)(asked)

    found = measure(tmp_path, splits(), both(), answer=answer)
    assert found.evaluations[0].failures == found.evaluations[0].may_pass == 1
    assert found.unsettled == ("zero_shot", "few_shot")
    assert any("zero_shot: 1 of 40 samples got no answer" in w for w in found.warnings)


class Short(FunctionSession):
    """A model that takes no prompt with shots, or raises on it."""

    def __init__(self, error=None):
        super().__init__(knows(0.5))
        self.error = error

    def generate(self, prompts, *, max_new_tokens):
        if not prompts[0].shots:
            return super().generate(prompts, max_new_tokens=max_new_tokens)
        if self.error:
            raise self.error
        refusal = "The prompt has 900 tokens, the model takes 512."
        return [
            Completion(
                text="", prompt_tokens=900, completion_tokens=0, latency_ms=0, finish="error",
                error=refusal,
            )
            for _ in prompts
        ]  # fmt: skip


def measure_short(tmp_path, builders, error=None):
    return baseline(
        splits(),
        builders=builders,
        corpus=(),
        bench=bench(Short(error), tmp_path),
        tools=Tools(tmp_path),
    )


def test_a_builder_whose_prompts_are_too_long_is_left_out(tmp_path):
    found = measure_short(tmp_path, both())
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert found.best == "zero_shot"
    (warning,) = [w for w in found.warnings if w.startswith("few_shot was left out: ")]
    assert "The prompt has 900 tokens, the model takes 512." in warning
    assert found.unsettled == ()


def test_a_builder_left_out_for_a_passing_cause_is_asked_again(tmp_path):
    found = measure_short(tmp_path, both(), RuntimeError("no network"))
    assert [e.builder for e in found.evaluations] == ["zero_shot"]
    assert found.unsettled == ("few_shot",)
    again = measure(tmp_path, splits(), both())
    assert [e.builder for e in again.evaluations] == ["zero_shot", "few_shot"]
    assert again.unsettled == ()


def test_no_builder_that_gets_answers_is_told(tmp_path):
    with pytest.raises(BackendResponseError, match="the model takes 512"):
        measure_short(tmp_path, {"few_shot": FewShotBuilder()})


@pytest.mark.parametrize(
    "error",
    [BackendAuthError("no key"), MissingExtraError("A model", "train"), ModelFolderError("none")],
)
def test_what_concerns_the_whole_model_is_not_a_builders_fault(tmp_path, error):
    with pytest.raises(type(error)):
        measure_short(tmp_path, both(), error)


def test_builders_share_one_purse_and_their_answers_are_kept_apart(tmp_path):
    found = measure(tmp_path, splits(), both())
    assert found.bill.calls_planned == sum(e.n for e in found.evaluations)
    again = measure(tmp_path, splits(), both())
    assert (again.bill.calls_planned, again.bill.calls) == (0, 0)
    assert again.evaluations == found.evaluations


def test_nobody_is_asked_before_the_bill_is_agreed_to(tmp_path):
    def refuse(bill):
        raise ConsentError(f"{bill.calls_planned} calls")

    session = FunctionSession(knows(1))
    with pytest.raises(ConsentError, match="calls"):
        baseline(
            splits(),
            builders=both(),
            corpus=(),
            bench=bench(session, tmp_path),
            tools=Tools(tmp_path),
            agree=refuse,
        )
    assert session.batches == []


def test_plain_text_cannot_be_measured_by_answers(tmp_path):
    texts = [sample.model_copy(update={"input": ""}) for sample in splits()]
    with pytest.raises(DatasetError, match="65 of 65 samples are plain text"):
        measure(tmp_path, texts, both())


def test_near_copies_in_train_are_warned_of_and_left_in(tmp_path):
    samples = splits()
    twin = next(s for s in samples if s.split == "test")
    long = twin.model_copy(update={"input": "Which of these towns has the seat of government?"})
    near = long.model_copy(
        update={"id": "near", "input": long.input.replace("towns", "tawns"), "split": "train"}
    )
    rest = [s for s in samples if s.id != twin.id]
    found = measure(tmp_path, [*rest, long, near], {"zero_shot": ZeroShotBuilder()})
    assert any(w.startswith("1 test samples are nearly equal to a train") for w in found.warnings)
    assert found.evaluations[0].n == 40
