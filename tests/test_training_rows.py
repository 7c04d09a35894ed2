"""A run's row lengths: counted once by the trainer, kept, guessed where nobody can count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from advisor.artifacts import RunFolder
from advisor.assembly import objective_of
from advisor.contracts import TrainerInfo
from advisor.errors import ModelFolderError
from advisor.schema.decide import Decision
from advisor.schema.run import RunSettings
from advisor.training_rows import KEPT, general_mixture, row_lengths
from advisor.workspace import Workspace
from tests.fixtures.training import training_plan

DECISION = Decision.model_construct(settings=())


class Meter:
    """Counts the words of target and input; may refuse."""

    info = TrainerInfo(id="meter", label="meter", pairs=(("sft", "*"), ("dpo", "*")))

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = False

    def row_lengths(self, samples: Any, plan: Any, instruction: str) -> list[int]:
        self.asked += 1
        if self.refuses:
            raise ModelFolderError("No tokenizer.", hint="-")
        return [len((s.input + " " + s.target).split()) for s in samples]


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def space(tmp_path, meter, monkeypatch):
    def make(rows: list[dict[str, str]], **chosen: Any) -> Workspace:
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        settings = RunSettings(data=str(data), **chosen)
        found = Workspace(settings, RunFolder(tmp_path / "run"))
        monkeypatch.setitem(found.__dict__, "trainer", meter)
        return found

    return make


ANSWERS = [{"prompt": f"say {n} " + "word " * (n % 40), "completion": "yes"} for n in range(80)]
PAIRS = [
    {"prompt": f"say {n}", "chosen": "yes", "rejected": "no " * (50 + n % 30)} for n in range(80)
]
TEXTS = [{"text": f"A text of its own, number {n}."} for n in range(80)]


def lengths(space: Workspace, **changes: Any) -> Any:
    asked = {"objective": "sft", "batch_size": 8, "limit": None} | changes
    return row_lengths(space, DECISION, **asked)


def test_rows_are_counted_once_and_kept_in_the_run_folder(space, meter):
    first = lengths(space(ANSWERS))
    again = lengths(space(ANSWERS))
    assert meter.asked == 1
    assert first == again
    assert first.sequence_length == 64
    assert first.lengths.is_exact
    assert "own tokenizer" in first.why
    assert (space(ANSWERS).folder.path / KEPT).is_file()


def test_other_data_are_counted_anew(space, meter):
    lengths(space(ANSWERS))
    lengths(space(PAIRS))
    assert meter.asked == 3


def test_of_a_pair_the_longer_answer_counts(space):
    assert lengths(space(PAIRS), objective="dpo").sequence_length == 128


def test_what_cannot_be_counted_is_guessed_and_says_so(space, meter):
    meter.refuses = True
    found = lengths(space(ANSWERS))
    assert found.lengths is None
    assert found.sequence_length >= 64
    assert "guessed" in found.why


def test_a_damaged_record_is_counted_anew(space, meter):
    first = lengths(space(ANSWERS))
    (space(ANSWERS).folder.path / KEPT).write_text("{", encoding="utf-8")
    assert lengths(space(ANSWERS)) == first
    assert meter.asked == 2


def test_a_fixed_length_is_the_limit(space):
    found = lengths(space(ANSWERS), limit=32)
    assert (found.sequence_length, found.lengths.limit) == (32, 32)
    assert found.lengths.truncated_samples > 0


def test_texts_are_cut_to_any_length(space, meter):
    assert lengths(space(TEXTS), objective="cpt").sequence_length is None
    assert meter.asked == 0


@pytest.mark.parametrize(
    ("rows", "wished", "chosen", "objective"),
    [
        (ANSWERS, "sft", {}, "sft"),
        (ANSWERS, "dpo", {}, "sft"),
        (PAIRS, "dpo", {}, "dpo"),
        (PAIRS, "orpo", {}, "sft"),  # this trainer takes no orpo
        (PAIRS, "sft", {}, "sft"),
        (ANSWERS, "cpt", {}, "sft"),
        (TEXTS, "sft", {}, "cpt"),
        (PAIRS, "sft", {"objective": "kto"}, "kto"),
    ],
)
def test_the_objective_is_what_the_data_can_serve(space, rows, wished, chosen, objective):
    assert objective_of(space(rows, **chosen), wished, ("lora",)) == objective


def test_without_data_a_run_trains_on_answers(tmp_path):
    found = Workspace(RunSettings(), RunFolder(tmp_path))
    assert objective_of(found, "dpo", ("lora",)) == "sft"
    assert lengths(found).sequence_length is None


GENERAL = [
    {"prompt": f"what is {n}" + " more" * (40 * (n % 4 > 0)), "completion": "this"}
    for n in range(100)
]


def test_general_data_that_will_not_fit_are_counted_before_training(space, meter, tmp_path):
    path = tmp_path / "general.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in GENERAL), encoding="utf-8")
    made = space(ANSWERS, general_data=str(path))
    plan = training_plan("tiny", sequence_length=42, general_share=0.5)
    found = general_mixture(made, DECISION, plan)
    assert (found.general, found.sequence_length) == (80, 42)
    assert 50 < found.too_long < 70
    assert found.taken == 80 - found.too_long < found.rows
    assert f"{found.too_long} of 80 rows that may be mixed in are longer than 42" in found.remark
    roomy = general_mixture(made, DECISION, training_plan("tiny", general_share=0.5))
    assert (roomy.too_long, roomy.remark) == (0, "")
    meter.refuses = True
    unknown = general_mixture(made, DECISION, plan)
    assert (unknown.too_long, unknown.general) == (0, 80)
    assert general_mixture(made, DECISION, training_plan("tiny")) is None
    assert general_mixture(made, DECISION, plan.model_copy(update={"objective": "cpt"})) is None
