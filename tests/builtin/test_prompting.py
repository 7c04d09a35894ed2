import pytest

from advisor.builtin.prompting.few_shot import FewShotBuilder, choose_shots
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.errors import DatasetError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.bench import Tools, capitals

ASKED = Sample(id="t1", input="Capital 7?", target="City 7", split="test")
HISTORY = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Hello"),
    Message(role="assistant", content="Hello!"),
)


def turns(prompt):
    return [(message.role, message.content) for message in prompt.messages]


def fitted(builder, tmp_path, train=(), **tools):
    builder.fit(train, [], [], Tools(tmp_path, **tools))
    return builder


def test_zero_shot_is_instruction_and_input(tmp_path):
    prompt = fitted(ZeroShotBuilder(), tmp_path).build(ASKED)
    assert turns(prompt) == [("system", "Answer the question."), ("user", "Capital 7?")]
    assert prompt.sample_id == "t1"


def test_without_an_instruction_there_is_no_system_turn(tmp_path):
    prompt = fitted(ZeroShotBuilder(), tmp_path, instruction="").build(ASKED)
    assert turns(prompt) == [("user", "Capital 7?")]


def test_the_rows_own_system_turn_replaces_the_instruction(tmp_path):
    prompt = fitted(ZeroShotBuilder(), tmp_path).build(
        ASKED.model_copy(update={"history": HISTORY})
    )
    assert turns(prompt) == [
        ("system", "Be brief."), ("user", "Hello"), ("assistant", "Hello!"), ("user", "Capital 7?"),
    ]  # fmt: skip


def test_few_shot_shows_four_solved_samples_before_the_input(tmp_path):
    train = capitals(30, split="train", start=100)
    prompt = fitted(FewShotBuilder(), tmp_path, train).build(ASKED)
    assert [role for role, _ in turns(prompt)] == ["system", *["user", "assistant"] * 4, "user"]
    by_id = {sample.id: sample for sample in train}
    shown = turns(prompt)[1:-1]
    assert shown == [
        turn
        for shot in prompt.shots
        for turn in (("user", by_id[shot].input), ("assistant", by_id[shot].target))
    ]
    assert turns(prompt)[-1] == ("user", "Capital 7?")


def test_the_shots_are_the_same_for_every_sample_and_seed_decides(tmp_path):
    train = capitals(30, split="train", start=100)
    builder = fitted(FewShotBuilder(), tmp_path, train)
    shots = builder.build(ASKED).shots
    assert builder.build(ASKED.model_copy(update={"id": "t2", "input": "x"})).shots == shots
    assert fitted(FewShotBuilder(), tmp_path, train[::-1]).build(ASKED).shots == shots
    assert fitted(FewShotBuilder(), tmp_path, train, seed=1).build(ASKED).shots != shots


@pytest.mark.parametrize("seed", range(20))
def test_labels_are_shown_evenly(seed):
    train = [
        Sample(id=f"{number}", input=f"text {number}", target="common" if number < 95 else f"rare {number % 2}")
        for number in range(100)
    ]  # fmt: skip
    shown = [shot.target for shot in choose_shots(train, 4, seed)]
    assert len(set(shown)) == 3


def test_fewer_samples_than_shots_are_all_shown(tmp_path):
    train = capitals(2, split="train", start=100)
    assert len(fitted(FewShotBuilder(), tmp_path, train).build(ASKED).shots) == 2


def test_a_sample_is_never_its_own_shot(tmp_path):
    train = capitals(3, split="train", start=100)
    assert train[0].id not in fitted(FewShotBuilder(), tmp_path, train).build(train[0]).shots


def test_a_shots_earlier_turns_are_shown_but_not_its_system_turn(tmp_path):
    train = [capitals(1)[0].model_copy(update={"history": HISTORY})]
    prompt = fitted(FewShotBuilder(), tmp_path, train).build(ASKED)
    assert turns(prompt)[:3] == [
        ("system", "Answer the question."), ("user", "Hello"), ("assistant", "Hello!"),
    ]  # fmt: skip


def test_no_train_sample_is_told(tmp_path):
    with pytest.raises(DatasetError, match="at least 1 train sample"):
        fitted(FewShotBuilder(), tmp_path)


def test_settings_change_with_shots_and_instruction(tmp_path):
    train = capitals(30, split="train", start=100)
    one = fitted(FewShotBuilder(), tmp_path, train).settings
    assert one["shots"] == 4
    assert fitted(FewShotBuilder(), tmp_path, train, seed=1).settings != one
    assert fitted(FewShotBuilder(), tmp_path, train, instruction="Else.").settings != one
    assert fitted(FewShotBuilder(), tmp_path, train).settings == one
