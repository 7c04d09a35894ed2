import pytest

from advisor.builtin.prompting.compared import Mark
from advisor.builtin.prompting.reflection import (
    LONGEST,
    Case,
    asking_to_improve,
    read_instruction,
)
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.schema.evaluation import Completion
from tests.fixtures.bench import Tools, capitals
from tests.fixtures.scripted_model import ScriptedModel, text_of

TRAIN = capitals(30, split="train", start=100)
WRITTEN = "Name the city of that number."


def completion(text, **more):
    told = {"prompt_tokens": 1, "completion_tokens": 1, "latency_ms": 1.0} | more
    return Completion(text=text, **told)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Sure.\n<instruction>\n{WRITTEN}\n</instruction>\nDone.", WRITTEN),
        (f"<think>not <instruction>this</instruction></think><INSTRUCTION>{WRITTEN}</INSTRUCTION>", WRITTEN),
        (f"<instruction>old</instruction> or <instruction>{WRITTEN}</instruction>", WRITTEN),
        (f"<instruction>{WRITTEN}", WRITTEN),
        (f"Here it is:\n```text\n{WRITTEN}\n```", WRITTEN),
        (f"<instruction>\n```\n{WRITTEN}\n```\n</instruction>", WRITTEN),
        (f"  {WRITTEN} ", WRITTEN),
        ("T20480", ""),
        ("", ""),
        ("<instruction></instruction>", ""),
        ("<instruction>12 34</instruction>", ""),
        ("<instruction>" + "word " * LONGEST + "</instruction>", ""),
        ("<instruction>The  present ONE.</instruction>", ""),
    ],
)  # fmt: skip
def test_an_instruction_is_read_from_many_forms(text, found):
    assert read_instruction(completion(text), ["the present one."]) == found


def test_errors_and_texts_that_were_cut_off_hold_no_instruction():
    for text in (WRITTEN, f"<instruction>{WRITTEN}", f"```\n{WRITTEN}"):
        assert read_instruction(completion(text, finish="length")) == ""
    closed = f"<instruction>{WRITTEN}</instruction> and so on"
    assert read_instruction(completion(closed, finish="length")) == WRITTEN
    assert read_instruction(completion(WRITTEN, finish="error", error="down")) == ""


def test_what_is_asked_shows_each_failure_and_not_too_much_of_it():
    long = TRAIN[0].model_copy(update={"input": f"begin {'x' * 5000} end"})
    asked = asking_to_improve(
        "Answer.",
        [Case(long, "wrong", Mark(0.0), "no label")],
        [Case(TRAIN[1], "City 101", Mark(1.0), "")],
        [],
    )
    text = text_of(asked)
    assert "<instruction>\nAnswer.\n</instruction>" in text
    for part in ("begin", " end", "Right answer: City 100", "Its answer: wrong", "(no label)"):
        assert part in text
    assert len(text) < 2500


def zero_shot(tmp_path, source, model, instruction="Given."):
    builder = ZeroShotBuilder().configured({"instruction": source})
    builder.fit(TRAIN, [], [], Tools(tmp_path, instruction=instruction, model=model))
    return builder


def writer():
    return ScriptedModel(write=lambda _: f"<instruction>{WRITTEN}</instruction>")


@pytest.mark.parametrize(
    ("source", "given", "instruction", "calls"),
    [
        ("given", "Given.", "Given.", 0),
        ("given", "", "", 0),
        ("written", "Given.", WRITTEN, 1),
        ("auto", "", WRITTEN, 1),
        ("auto", "Given.", "Given.", 0),
    ],
)
def test_the_model_writes_where_it_is_asked_to(tmp_path, source, given, instruction, calls):
    model = writer()
    builder = zero_shot(tmp_path, source, model, given)
    assert builder.instruction == instruction
    assert len(model.reflected) == calls <= builder.calls_wanted(TRAIN, [])
    assert builder.calls_wanted([], []) == 0
    system = [turn.content for turn in builder.build(TRAIN[0]).messages if turn.role == "system"]
    assert system == ([instruction] if instruction else [])


def test_it_sees_eight_train_samples_and_the_story_tells_what_it_wrote(tmp_path):
    model = writer()
    builder = zero_shot(tmp_path, "written", model)
    [asked] = model.reflected
    assert text_of(asked).count("Right answer: City 1") == 8
    assert builder.story == (f"The model wrote the instruction from 8 train samples: {WRITTEN}",)


def test_the_given_one_stands_where_nothing_usable_is_written(tmp_path):
    for model in (ScriptedModel(write=lambda _: "T20480"), ScriptedModel(calls=0), None):
        builder = zero_shot(tmp_path, "written", model)
        assert builder.instruction == "Given."
        assert "the given one stands" in builder.story[0]
        assert "the prompts have none" in zero_shot(tmp_path, "auto", model, "").story[0]
