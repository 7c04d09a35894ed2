from __future__ import annotations

from pathlib import Path

import pytest

from advisor.schema.evaluation import Sample
from tests.fixtures.training import training_job
from trainers.mixing import general_order, mixed, wanted

GENERAL = tuple(Sample(id=f"g{n}", input=f"general {n}", target="yes") for n in range(100))


def job(share: float, *, general: tuple[Sample, ...] = GENERAL, seed: int = 0):
    plain = training_job("tiny", Path("out"), general_share=share, seed=seed)
    return plain.model_copy(update={"general_samples": general})


def is_general(sample: Sample) -> bool:
    return sample.id.startswith("g")


@pytest.mark.parametrize(("rows", "share", "count"), [(24, 0.0, 0), (90, 0.1, 10), (24, 0.5, 24)])
def test_so_many_that_they_are_the_share_of_all(rows, share, count):
    assert wanted(rows, share) == count


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.75])
def test_general_rows_make_up_the_share(share):
    found = mixed(job(share))
    assert sum(map(is_general, found)) / len(found) == pytest.approx(share, abs=0.02)
    assert len({sample.id for sample in found}) == len(found)
    assert {s.id for s in found if not is_general(s)} == {f"s{n}" for n in range(24)}


def test_the_seed_decides_which_and_where():
    assert mixed(job(0.2)) == mixed(job(0.2))
    ids = [sample.id for sample in mixed(job(0.2))]
    others = [sample.id for sample in mixed(job(0.2, seed=1))]
    assert ids != others
    assert {i for i in ids if i[0] == "g"} != {i for i in others if i[0] == "g"}


def test_general_rows_stand_among_the_others():
    places = [n for n, sample in enumerate(mixed(job(0.5))) if is_general(sample)]
    assert places != list(range(24, 48))
    assert min(places) < 24 < max(places)


def test_nothing_to_mix_leaves_the_samples_as_they_are():
    assert mixed(job(0.0)) == job(0.0).train_samples
    assert mixed(job(0.5, general=())) == job(0.5).train_samples


def test_too_few_are_all_taken():
    assert sum(map(is_general, mixed(job(0.5, general=GENERAL[:3])))) == 3


def test_the_order_holds_every_sample_once():
    assert sorted(s.id for s in general_order(GENERAL, 7)) == sorted(s.id for s in GENERAL)
