import pytest

from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.builtin.prompting.labels import closed_labels, names_labels
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.errors import DatasetError
from advisor.schema.evaluation import Message, Sample
from tests.fixtures.bench import Tools, capitals

LISTED = (
    "Answer with exactly one of these labels and nothing else:\n- billing\n- Card lost\n- other"
)
ASKED = Sample(id="t", input="My bill is wrong.", target="billing", split="test")


def labelled(count, labels=("billing", "Card lost", "other")):
    return [
        Sample(id=f"{n:03}", input=f"text {n}", target=labels[n % len(labels)])
        for n in range(count)
    ]


def system(builder, train, tmp_path, instruction="Which?", sample=ASKED):
    builder.fit(train, [], [], Tools(tmp_path, instruction=instruction))
    messages = builder.build(sample).messages
    return messages[0].content if messages[0].role == "system" else ""


@pytest.mark.parametrize("builder", [ZeroShotBuilder, FewShotBuilder])
def test_labels_are_listed_after_the_instruction(builder, tmp_path):
    made = builder()
    assert system(made, labelled(30), tmp_path) == f"Which?\n\n{LISTED}"
    assert made.settings["labels_listed"] == 3


def test_three_of_each_are_enough_to_see_labels():
    assert len(closed_labels(labelled(231, [f"intent {n}" for n in range(77)]))) == 77


@pytest.mark.parametrize(
    "train",
    [
        capitals(40),
        labelled(200, [f"intent {n}" for n in range(101)]),
        labelled(120, [str(n) for n in range(30)]),
        labelled(40, ['{"a": 1}', '{"a": 2}']),
        labelled(60, ["x" * 100, "y" * 100]),
        labelled(4, ["a", "b"]),
        [],
    ],
    ids=["all differ", "too many", "quantities", "json", "long", "few", "none"],
)
def test_other_targets_are_not_listed(train, tmp_path):
    assert closed_labels(train) == ()
    assert system(ZeroShotBuilder(), train, tmp_path) == "Which?"


def test_marks_are_labels_though_they_are_numbers():
    assert closed_labels(labelled(60, ["1", "2", "3", "4", "5"])) == ("1", "2", "3", "4", "5")


def test_spellings_of_a_label_are_one_label_in_its_commonest_spelling():
    train = [*labelled(30), *labelled(3, ["BILLING"])]
    assert closed_labels(train) == ("billing", "Card lost", "other")


def test_an_instruction_that_names_them_stands_alone(tmp_path):
    told = "Is it billing, card_lost or other?"
    assert system(ZeroShotBuilder(), labelled(30), tmp_path, told) == told
    assert names_labels("账单 or 其他", ["账单", "其他"])
    assert not names_labels("which one", ["账单", "其他"])


def test_without_an_instruction_the_list_is_the_system_turn(tmp_path):
    assert system(ZeroShotBuilder(), labelled(30), tmp_path, "") == LISTED


def test_a_rows_own_system_turn_is_followed_by_the_list_unless_it_names_them(tmp_path):
    for own, told in (
        ("Be brief.", f"Be brief.\n\n{LISTED}"),
        ("Say billing, card lost or other.", "Say billing, card lost or other."),
    ):
        turns = (Message(role="system", content=own),)
        sample = ASKED.model_copy(update={"history": turns, "tools": ('{"name": "f"}',)})
        found = system(ZeroShotBuilder(), labelled(30), tmp_path, sample=sample)
        assert found.startswith(f"{told}\n\nThese functions may be called:")


def test_the_option_decides(tmp_path):
    no = ZeroShotBuilder().configured({"list_labels": "no"})
    assert system(no, labelled(30), tmp_path) == "Which?"
    yes = ZeroShotBuilder().configured({"list_labels": "yes"})
    assert system(yes, labelled(3), tmp_path) == f"Which?\n\n{LISTED}"
    with pytest.raises(DatasetError, match="201 different targets"):
        system(yes, capitals(201), tmp_path)
