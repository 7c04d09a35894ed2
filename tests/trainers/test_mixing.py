from __future__ import annotations

from pathlib import Path

import pytest

from advisor.schema.evaluation import Sample
from tests.fixtures.training import training_job
from trainers.engines.recipes.rows import row_notes, trained_samples
from trainers.mixing import in_order, mixture, taken, wanted

GENERAL = tuple(Sample(id=f"g{n}", input=f"general {n}", target="yes") for n in range(100))


def job(share: float, *, general: tuple[Sample, ...] = GENERAL, seed: int = 0):
    plain = training_job("tiny", Path("out"), general_share=share, seed=seed)
    return plain.model_copy(update={"general_samples": general})


@pytest.mark.parametrize(("rows", "share", "count"), [(24, 0.0, 0), (90, 0.1, 10), (24, 0.5, 24)])
def test_so_many_that_they_are_the_share_of_all(rows, share, count):
    assert wanted(job(share), rows) == count


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.75])
def test_general_rows_make_up_the_share(share):
    asked = job(share)
    found = taken(asked)
    assert len(found) / (len(found) + 24) == pytest.approx(share, abs=0.02)
    assert len({sample.id for sample in found}) == len(found)


def test_the_seed_decides_which():
    assert taken(job(0.2)) == taken(job(0.2))
    assert {s.id for s in taken(job(0.2))} != {s.id for s in taken(job(0.2, seed=1))}


def test_nothing_is_taken_without_a_share_or_without_general_data():
    assert taken(job(0.0)) == ()
    assert in_order(job(0.0)) == []
    assert taken(job(0.5, general=())) == ()


def test_too_few_are_all_taken():
    assert {s.id for s in taken(job(0.5, general=GENERAL[:3]))} == {"g0", "g1", "g2"}


def test_the_order_holds_every_sample_once():
    assert sorted(s.id for s in in_order(job(0.1))) == sorted(s.id for s in GENERAL)


def test_what_other_engines_are_written_holds_the_same_samples():
    asked = job(0.2)
    assert trained_samples(asked) == (*asked.train_samples, *taken(asked))


@pytest.mark.parametrize(
    ("rows", "share", "fitting", "remark"),
    [
        (90, 0.1, 100, ""),
        (
            90,
            0.1,
            100 - 40,
            "40 of 100 rows that may be mixed in are longer than 128 tokens, and none",
        ),
        (
            90,
            0.5,
            30,
            (
                "General data: 25 % of the training rows instead of the 50 % that the plan asks for: 70"
                " of 100 rows that may be mixed in are longer than 128 tokens and left out; raise"
                " --seq-len, or give more general data that fit (--general-data)."
            ),
        ),
        (
            300,
            0.5,
            100,
            (
                "25 % of the training rows instead of the 50 % that the plan asks for: 300 rows are"
                " wanted, and 100 may be mixed in; give more general data (--general-data)."
            ),
        ),
        (
            300,
            0.5,
            20,
            (
                "6.2 % of the training rows instead of the 50 % that the plan asks for: 80 of 100 rows"
                " that may be mixed in are longer than 128 tokens and left out; all 100 would not make"
                " the 300 that are wanted; raise --seq-len and give more general data"
            ),
        ),
        (90, 0.1, 0, "none instead of the 10 % that the plan asks for: 100 of 100 rows"),
    ],
)
def test_a_share_that_is_missed_is_told_with_reason_and_remedy(rows, share, fitting, remark):
    found = mixture(job(share), rows, fitting=fitting)
    assert found.taken == min(fitting, found.wanted)
    assert remark in found.remark
    assert bool(remark) == bool(found.remark)


def test_what_other_engines_are_written_tells_that_rows_are_few():
    told = row_notes(job(0.5, general=GENERAL[:3]))
    assert "General data is mixed into train.jsonl: 3 rows." in told
    assert any("24 rows are wanted, and 3 may be mixed in" in note for note in told)
    assert len(row_notes(job(0.5))) == 1


@pytest.mark.ml
def test_general_rows_that_are_too_long_are_counted_in_the_notes(tiny_llama):
    from datasets import Dataset
    from transformers import AutoTokenizer

    from trainers.engines.trl.objectives._general import mixed

    long = tuple(s.model_copy(update={"input": "very " * 200}) for s in GENERAL[:90])
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    task = Dataset.from_list([{"input_ids": [1, 2], "labels": [1, 2]}] * 30)
    rows, notes = mixed(task, job(0.5, general=(*long, *GENERAL[90:])), tokenizer)
    assert len(rows) == 40
    assert notes[0] == "10 rows of general data are mixed in, 25 % of all."
    assert notes[1].startswith(
        "General data: 25 % of the training rows instead of the 50 % that the plan asks for: 90 of"
        " 100 rows that may be mixed in are longer than 128 tokens"
    )
    none, notes = mixed(task, job(0.5, general=long), tokenizer)
    assert len(none) == 30
    assert "none instead of the 50 %" in "".join(notes)


@pytest.mark.ml
def test_what_is_trained_on_here_holds_the_same_samples(tiny_llama):
    from datasets import Dataset
    from transformers import AutoTokenizer

    from trainers.engines.trl.objectives._general import general_rows, mixed

    asked = job(0.2)
    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    task = Dataset.from_list([{"input_ids": [1, 2], "labels": [1, 2]}] * 24)
    rows, notes = mixed(task, asked, tokenizer)
    expected = general_rows(taken(asked), tokenizer, asked.plan.sequence_length)
    assert len(expected) == len(taken(asked)) == 6
    assert rows.to_list()[24:] == expected
    assert notes == ("6 rows of general data are mixed in, 20 % of all.",)
