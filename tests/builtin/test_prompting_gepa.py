import sys

import pytest

from advisor.builtin import prompting
from advisor.builtin.metrics.label_f1 import MacroF1Metric
from advisor.builtin.prompting.gepa_search import GepaBuilder
from advisor.errors import BackendResponseError, DatasetError, MissingExtraError
from tests.fixtures.bench import Tools
from tests.fixtures.codes import HINT, finds_the_rule, orders, right_with_hint
from tests.fixtures.scripted_model import ScriptedModel, text_of

TRAIN, DEV, TEST = orders(60), orders(30, start=500, split="dev"), orders(10, start=800)


def search(tmp_path, model, train=TRAIN, dev=DEV, options=None, **tools):
    builder = GepaBuilder().configured(options or {})
    builder.fit(train, dev, [], Tools(tmp_path, model=model, **tools))
    return builder


@pytest.fixture
def gepa():
    return pytest.importorskip("gepa")


def test_it_finds_the_rule_without_a_word_to_the_screen(gepa, tmp_path, capfd):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    builder = search(tmp_path, model)
    assert builder.instruction == f"Answer the question. {HINT}"
    assert [right_with_hint(builder.build(s)) for s in TEST] == [s.target for s in TEST]
    assert "Chosen: instruction found by gepa, 1.00 against 0.00" in builder.story[1]
    assert [row.origin for row in builder.trace] == ["the start", "instruction found by gepa"]
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_failures_that_are_shown_come_from_the_train_part(gepa, tmp_path):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    search(tmp_path, model)
    text = "\n".join(text_of(prompt) for prompt in model.reflected)
    assert not [sample.id for sample in (*DEV, *TEST) if sample.input in text]
    assert sum(sample.input in text for sample in TRAIN) == 4


@pytest.mark.parametrize("calls", [12, 40, 60, 200])
def test_it_keeps_to_its_calls(gepa, tmp_path, calls):
    model = ScriptedModel(right_with_hint, lambda _: "T20480")
    builder = search(tmp_path, model, options={"calls": str(calls)})
    assert 0 < model.used <= builder.calls_wanted(TRAIN, DEV) == calls
    assert builder.instruction == "Answer the question."


def test_the_same_way_is_taken_again(gepa, tmp_path):
    def asked(seed):
        model = ScriptedModel(right_with_hint, finds_the_rule)
        search(tmp_path, model, seed=seed)
        return [prompt.model_dump_json() for prompt in (*model.asked, *model.reflected)]

    assert asked(0) == asked(0)
    assert asked(1) != asked(0)


def test_answers_that_stay_away_leave_the_start(gepa, tmp_path):
    for granted in (0, 5, 31):
        model = ScriptedModel(right_with_hint, finds_the_rule, calls=granted)
        assert search(tmp_path, model).instruction == "Answer the question."
        assert model.used == granted


def test_a_service_that_is_down_is_told(gepa, tmp_path):
    class Down(ScriptedModel):
        def ask(self, prompts):
            if len(self.asked) < 30:
                return super().ask(prompts)
            raise BackendResponseError("down")

        def reflect(self, prompts, *, max_new_tokens):
            raise BackendResponseError("down")

    with pytest.raises(BackendResponseError, match="down"):
        search(tmp_path, Down(right_with_hint, finds_the_rule))


def test_nothing_is_searched_without_calls_model_or_samples(gepa, tmp_path):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    assert "Nothing was searched" in search(tmp_path, model, options={"calls": "3"}).story[0]
    assert "Nothing was searched" in search(tmp_path, None).story[0]
    assert model.used == 0
    with pytest.raises(DatasetError):
        search(tmp_path, model, train=[])


def test_samples_that_all_belong_together_end_it_at_once(gepa, tmp_path):
    train = [s.model_copy(update={"document": "manual.pdf"}) for s in TRAIN]
    model = ScriptedModel(right_with_hint, finds_the_rule)
    assert "Nothing was searched" in search(tmp_path, model, train=train, dev=[]).story[0]
    assert model.used == 0


def test_dev_samples_are_answered_by_every_prompt_that_is_judged(gepa, tmp_path):
    """Gepa's own cache took the train sample for the dev sample of the same place."""
    model = ScriptedModel(right_with_hint, finds_the_rule)
    search(tmp_path, model)
    dev = {sample.id for sample in DEV}
    found = [p.sample_id for p in model.asked if HINT in text_of(p) and p.sample_id in dev]
    assert sorted(found) == sorted(dev)


def test_an_error_of_any_kind_ends_the_search(gepa, tmp_path):
    class Broken(ScriptedModel):
        def score(self, prompts, completions, samples):
            if samples[0].split == "train":
                raise ZeroDivisionError("no samples")
            return super().score(prompts, completions, samples)

    with pytest.raises(ZeroDivisionError, match="no samples"):
        search(tmp_path, Broken(right_with_hint, finds_the_rule))


def test_rounds_without_a_call_end_the_search(gepa, tmp_path, monkeypatch):
    from gepa.proposer.reflective_mutation.reflective_mutation import ReflectiveMutationProposer

    rounds = []

    def broken(self, state):
        rounds.append(state.i)
        assert len(rounds) < 100
        raise RuntimeError("in gepa")

    monkeypatch.setattr(ReflectiveMutationProposer, "propose", broken)
    found = search(tmp_path, ScriptedModel(right_with_hint, finds_the_rule))
    assert found.instruction == "Answer the question."
    assert len(rounds) <= 5


def test_prompts_that_do_not_fit_the_window_are_not_asked(gepa, tmp_path):
    model = ScriptedModel(right_with_hint, finds_the_rule, context_tokens=55)
    found = search(tmp_path, model)
    assert all(HINT not in text_of(prompt) for prompt in model.asked)
    assert found.instruction == "Answer the question."
    assert "made prompts that do not fit" in " ".join(found.story)
    with pytest.raises(DatasetError, match="not even the zero-shot prompt fits"):
        search(tmp_path, ScriptedModel(right_with_hint, finds_the_rule, context_tokens=40))


def test_of_a_metric_of_totals_the_whole_decides(gepa, tmp_path):
    def label(number):
        return "rare" if number % 8 == 0 else "common"

    def answer(prompt):
        number = int(prompt.messages[-1].content.split()[1])
        if "Guess" in prompt.messages[0].content:
            return "common"
        return label(number) if label(number) == "rare" or number % 3 else "rare"

    def chosen(metric):
        model = ScriptedModel(
            answer, lambda _: "```\nGuess the most common label.\n```", metric=metric
        )
        train, dev = (
            [s.model_copy(update={"target": label(int(s.id[1:]))}) for s in some]
            for some in (TRAIN, orders(80, start=500, split="dev"))
        )
        return search(tmp_path, model, train, dev, {"calls": "480"}).instruction

    assert chosen(None) == "Guess the most common label."
    assert chosen(MacroF1Metric()) == "Answer the question."


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gepa", None)
    monkeypatch.delitem(sys.modules, f"{prompting.__name__}._gepa", raising=False)
    monkeypatch.delattr(prompting, "_gepa", raising=False)
    with pytest.raises(MissingExtraError, match="gepa") as error:
        search(tmp_path, ScriptedModel())
    assert error.value.extra == "prompts"
