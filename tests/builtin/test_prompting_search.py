from dataclasses import dataclass

import pytest

from advisor.builtin.metrics.label_f1 import MacroF1Metric
from advisor.builtin.prompting.compared import Mark, paired
from advisor.builtin.prompting.optimisation import PromptOptimisationBuilder
from advisor.builtin.prompting.parts import calls_worth, parts_of
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.errors import DatasetError, MissingExtraError
from advisor.schema.evaluation import Message
from tests.fixtures.bench import Tools
from tests.fixtures.codes import (
    HINT,
    finds_the_rule,
    order,
    orders,
    right_with_hint,
    right_with_shots,
)
from tests.fixtures.scripted_model import ScriptedModel, text_of

pytest.importorskip("numpy")
TRAIN, DEV, TEST = orders(60), orders(30, start=500, split="dev"), orders(30, start=800)


@dataclass
class Searched:
    builder: PromptOptimisationBuilder
    model: ScriptedModel

    @property
    def score(self):
        """Share right on samples that the search never saw."""
        asked = [self.builder.build(sample) for sample in TEST]
        right = [self.model.answer(p) == s.target for p, s in zip(asked, TEST, strict=True)]
        return sum(right) / len(right)


def search(tmp_path, model, train=TRAIN, dev=DEV, options=None, **tools):
    builder = PromptOptimisationBuilder().configured(options or {})
    builder.fit(train, dev, [], Tools(tmp_path, model=model, **tools))
    return Searched(builder, model)


def junk(prompt):
    return "T20480"


def test_it_finds_the_rule_that_only_failures_show(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_hint, finds_the_rule))
    assert HINT in found.builder.instruction
    assert found.score == 1
    start = ZeroShotBuilder()
    start.fit(TRAIN, DEV, [], Tools(tmp_path))
    assert right_with_hint(start.build(TEST[0])) != TEST[0].target
    assert "Chosen: instruction written from failures, 1.00 against 0.00" in found.builder.story[1]
    first = found.builder.trace[0]
    assert (first.origin, first.score, first.samples) == ("the start", 0, 30)


def test_failures_that_are_shown_come_from_the_train_part(tmp_path):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    search(tmp_path, model)
    text = "\n".join(text_of(prompt) for prompt in model.reflected)
    assert not [sample.id for sample in (*DEV, *TEST) if sample.input in text]
    assert sum(sample.input in text for sample in TRAIN) == 6


def test_shots_are_found_where_the_model_cannot_write(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_shots, junk))
    assert found.score == 1
    assert "similar shots" in found.builder.story[1]
    assert set(found.builder.build(TEST[0]).shots) <= {sample.id for sample in TRAIN}
    assert found.builder.settings["similar"] is True


def test_without_shots_there_are_none(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_shots, junk), options={"shots": "no"})
    assert found.builder.build(TEST[0]).shots == ()
    assert all(message.role != "assistant" for p in found.model.asked for message in p.messages)


def test_nothing_helps_so_the_start_stands(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_hint, junk))
    start = ZeroShotBuilder()
    start.fit(TRAIN, DEV, [], Tools(tmp_path))
    assert [found.builder.build(s) for s in TEST] == [start.build(s) for s in TEST]
    assert "No other prompt was better" in found.builder.story[1]
    assert "nothing that was new" in found.builder.story[2]


def test_a_start_that_is_always_right_costs_no_more_than_to_see_it(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_hint), instruction=HINT)
    assert found.model.used == 30
    assert "answers all of them right" in found.builder.story[1]


def test_a_lead_that_may_be_chance_is_not_taken(tmp_path):
    def a_little_better(prompt):
        number = int(prompt.messages[-1].content.split()[1])
        told = "hint" in prompt.messages[0].content
        sample = order(number)
        return sample.target if number % 2 or (told and number % 10 == 0) else "no"

    def hints(prompt):
        return "<instruction>Mind this hint.</instruction>"

    dev = orders(20, start=500, split="dev")
    found = search(
        tmp_path, ScriptedModel(a_little_better, hints), dev=dev, options={"shots": "no"}
    )
    assert found.builder.instruction == "Answer the question."
    assert "had 0.60 against 0.50" in found.builder.story[1]
    assert found.builder.story[1].endswith("(better on 2, worse on 0); may be chance.")


@pytest.mark.parametrize("calls", [12, 13, 40, 60, 100, 300])
def test_it_keeps_to_its_calls_and_finds_the_rule_with_forty(tmp_path, calls):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    found = search(tmp_path, model, options={"calls": str(calls)})
    assert model.used <= found.builder.calls_wanted(TRAIN, DEV) == calls
    assert found.score == (calls >= 40)


@pytest.mark.parametrize("calls", [0, 1, 11])
def test_too_few_calls_are_not_spent(tmp_path, calls):
    model = ScriptedModel(right_with_hint, finds_the_rule)
    found = search(tmp_path, model, options={"calls": str(calls)})
    assert model.used == 0 == found.builder.calls_wanted(TRAIN, DEV)
    assert "Nothing was searched" in found.builder.story[0]
    assert found.builder.build(TEST[0]).messages[0].content == "Answer the question."


@pytest.mark.parametrize("granted", [0, 5, 31, 45, 60])
def test_answers_that_stay_away_end_the_search_with_what_is_known(tmp_path, granted):
    model = ScriptedModel(right_with_hint, finds_the_rule, calls=granted)
    found = search(tmp_path, model)
    assert model.used == granted
    assert found.score == (granted >= 45)
    assert ("ended early" in " ".join(found.builder.story)) == (granted > 0)


def test_no_model_leaves_the_start(tmp_path):
    found = search(tmp_path, None)
    assert found.builder.build(TEST[0]).messages[0].content == "Answer the question."
    assert "no model may be asked" in found.builder.story[0]


def test_without_a_dev_part_train_samples_are_judged_on_and_that_is_told(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_shots, junk), dev=[])
    assert found.score == 1
    assert "20 train samples were set aside" in " ".join(found.builder.story)
    shown = {shot for sample in TEST for shot in found.builder.build(sample).shots}
    asked = {prompt.sample_id for prompt in found.model.asked}
    assert shown.isdisjoint(asked - {case.sample_id for case in found.model.asked[20:28]})


def test_samples_that_belong_together_are_judged_on_together():
    train = [s.model_copy(update={"group": f"g{n // 5}"}) for n, s in enumerate(TRAIN)]
    parts = parts_of(train, [], 0)
    assert {s.group for s in parts.pool}.isdisjoint({s.group for s in parts.dev})
    assert len(parts.dev) == parts.aside == 20
    assert calls_worth(train[:6], [], 200) == 0
    assert calls_worth([], DEV, 200) == 0


def test_shots_that_were_found_are_not_shown_to_themselves_nor_to_copies(tmp_path):
    for options in ({}, {"calls": "30"}):
        found = search(tmp_path, ScriptedModel(right_with_shots, junk), options=options)
        assert found.builder.build(TEST[0]).shots
        for sample in TRAIN:
            copy = sample.model_copy(update={"id": "copy", "input": sample.input.upper()})
            for one in (sample, copy):
                prompt = found.builder.build(one)
                assert sample.id not in prompt.shots
                assert all(turn.content != sample.target for turn in prompt.messages)


def test_the_same_way_is_taken_again_after_an_interruption(tmp_path):
    def told(seed):
        model = ScriptedModel(right_with_hint, finds_the_rule)
        found = search(tmp_path, model, train=TRAIN[::-1] if seed == 0 else TRAIN, seed=seed)
        return [p.model_dump_json() for p in (*model.asked, *model.reflected)], found.builder

    (one, first), (other, again) = told(0), told(0)
    assert one == other
    assert first.settings == again.settings
    assert first.trace == again.trace
    assert told(1)[0] != one


def test_a_system_turn_that_all_rows_share_is_what_is_improved(tmp_path):
    own = (Message(role="system", content="You are the shop."),)
    train, dev, test = (
        [s.model_copy(update={"history": own}) for s in some] for some in (TRAIN, DEV, TEST)
    )
    model = ScriptedModel(right_with_hint, finds_the_rule)
    found = search(tmp_path, model, train=train, dev=dev)
    assert "<instruction>\nYou are the shop.\n</instruction>" in text_of(model.reflected[0])
    [system, _] = found.builder.build(test[0]).messages
    assert system.content == f"Answer the question. {HINT}"


def test_rows_with_system_turns_of_their_own_hear_both(tmp_path):
    train, dev = (
        [s.model_copy(update={"history": (Message(role="system", content=f"Shop {s.id}."),)})
         for s in some]
        for some in (TRAIN, DEV)
    )  # fmt: skip
    found = search(tmp_path, ScriptedModel(right_with_hint, finds_the_rule), train=train, dev=dev)
    assert found.builder.build(dev[0]).messages[0].content == (
        f"Shop {dev[0].id}.\n\nAnswer the question. {HINT}"
    )


def test_prompts_that_do_not_fit_the_window_are_not_tried(tmp_path):
    model = ScriptedModel(right_with_shots, junk, context_tokens=70)
    found = search(tmp_path, model)
    assert all(len(text_of(prompt).split()) + 32 <= 70 for prompt in model.asked)
    assert found.builder.build(TEST[0]).shots == ()


def test_without_the_library_similar_shots_are_left_out_and_that_is_told(tmp_path, monkeypatch):
    from advisor.builtin.prompting import similar

    def missing():
        raise MissingExtraError("Choosing similar shots", "rag")

    monkeypatch.setattr(similar, "_back_room", missing)
    found = search(tmp_path, ScriptedModel(right_with_shots, junk))
    assert found.score == 1
    assert "Similar shots were not tried" in found.builder.story[-1]


def test_no_train_sample_is_told(tmp_path):
    with pytest.raises(DatasetError, match="at least 1 train sample"):
        search(tmp_path, ScriptedModel(), train=[])


def marks(*values):
    return [Mark(value) for value in values]


def test_pairs_without_a_score_do_not_count():
    found = paired(marks(0.0, None, 0.5, 1.0), marks(1.0, 1.0, None, 0.0, 1.0))
    assert (found.n, found.wins, found.losses, found.difference) == (2, 1, 1, 0)
    assert found.chance == 0.75
    assert not found.is_better
    assert paired(marks(*[0.0] * 4), marks(*[1.0] * 4)).is_better
    assert not paired(marks(*[0.0] * 3), marks(*[1.0] * 3)).is_better


def test_samples_that_all_belong_together_leave_nothing_to_judge_on(tmp_path):
    for count in (12, 60):
        train = [s.model_copy(update={"document": "manual.pdf"}) for s in TRAIN[:count]]
        for dev in ([], DEV[:3]):
            model = ScriptedModel(right_with_hint, finds_the_rule)
            found = search(tmp_path, model, train=train, dev=dev)
            assert found.builder.calls_wanted(train, dev) == 0 == model.used
            assert "Nothing was searched" in found.builder.story[0]
            assert "fewer than 4 samples that can be judged on" in found.builder.story[0]
            assert found.builder.instruction == "Answer the question."


def test_without_a_call_the_story_tells_how_to_allow_them(tmp_path):
    found = search(tmp_path, ScriptedModel(right_with_hint, finds_the_rule, calls=0))
    [told] = found.builder.story
    assert told.startswith("Nothing was searched, the zero-shot prompt stands: answers cost money;")
    assert told.endswith("name it with --builders prompt_optimisation.")


def test_a_start_that_does_not_fit_is_told_before_anything_is_asked(tmp_path):
    model = ScriptedModel(right_with_shots, junk, context_tokens=40)
    with pytest.raises(DatasetError, match=r"not even the zero-shot prompt fits.*32.*40 tokens"):
        search(tmp_path, model)
    assert model.used == 0


def by_label(prompt):
    """Always 'common' where it is told to guess; else rare labels right, some common ones wrong."""
    number = int(prompt.messages[-1].content.split()[1])
    if any("Guess" in message.content for message in prompt.messages):
        return "common"
    return LABELLED[number] if LABELLED[number] != "common" or number % 3 else "rare"


LABELLED = {n: "rare" if n % 8 == 0 else "common" for n in range(1000)}


def test_a_metric_of_totals_is_compared_as_a_whole(tmp_path):
    """More answers are right when only the common label is given, yet macro F1 falls."""
    train, dev = (
        [s.model_copy(update={"target": LABELLED[int(s.id[1:])]}) for s in some]
        for some in (TRAIN, orders(80, start=500, split="dev"))
    )

    def writes(prompt):
        return "<instruction>Guess the most common label.</instruction>"

    def chosen(metric):
        model = ScriptedModel(by_label, writes, metric=metric)
        found = search(
            tmp_path, model, train=train, dev=dev, options={"shots": "no", "calls": "480"}
        )
        return found.builder

    by_mean, by_whole = chosen(None), chosen(MacroF1Metric())
    assert by_mean.instruction == "Guess the most common label."
    assert by_whole.instruction == "Answer the question."
    start, other = by_whole.trace[:2]
    assert other.score < 0.55 < start.score


def counted(*pairs):
    totals = [
        {f"tp:{wanted}": 1.0} if wanted == given else {f"fn:{wanted}": 1.0, f"fp:{given}": 1.0}
        for wanted, given in pairs
    ]
    return [Mark(float("fn" not in str(each)), each) for each in totals]


def test_a_lead_of_totals_is_held_against_swapped_answers():
    value_of = MacroF1Metric().value_of
    right, wrong = counted(*[("a", "a"), ("b", "b")] * 6), counted(*[("a", "b"), ("b", "b")] * 6)
    found = paired(wrong, right, value_of)
    assert (found.start, found.other, found.wins) == (pytest.approx(1 / 3), 1, 6)
    assert found.chance == 1 / 64
    assert found.is_better
    assert not paired(right, wrong, value_of).is_better
    assert paired(right, right, value_of).chance == 1
    many = paired(wrong * 3, right * 3, value_of)
    assert 0 < many.chance <= 0.002
    mixed = paired(wrong + right, right + wrong, value_of)
    assert mixed.chance > 0.4
    assert not mixed.is_better
