"""Looks at a test part: counted once each, whoever counts, and told when they are too many."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from advisor import test_ledger
from advisor.errors import StorageError


def test_looks_are_counted_once_each_and_by_test_part() -> None:
    assert str(test_ledger.file()).startswith(os.environ["ADVISOR_HOME"])
    assert test_ledger.uses("one") == 0
    counted = [test_ledger.count_use("one", what) for what in ("a", "b", "a")]
    assert counted == [1, 2, 2]
    assert test_ledger.count_use("two", "a") == 1
    assert (test_ledger.uses("one"), test_ledger.uses("two")) == (2, 1)
    assert "a" not in test_ledger.file().read_text().split('"')


def test_looks_that_end_together_do_not_mix() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: test_ledger.count_use("one", f"look {n % 20}"), range(60)))
    assert test_ledger.uses("one") == 20


def test_a_line_that_cannot_be_read_costs_only_itself() -> None:
    test_ledger.count_use("one", "a")
    with test_ledger.file().open("a") as stream:
        stream.write("{half a li\n[]\n")
    assert test_ledger.count_use("one", "b") == 2


def test_switched_off_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_TEST_LEDGER", "off")
    assert test_ledger.count_use("one", "a") == 0
    assert not test_ledger.file().exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    Path(os.environ["ADVISOR_HOME"]).write_text("a file where the folder should be")
    with pytest.raises(StorageError) as caught:
        test_ledger.count_use("one", "a")
    assert "ADVISOR_TEST_LEDGER" in caught.value.hint


def test_the_warning_begins_where_choice_outgrows_the_interval() -> None:
    assert test_ledger.warning(12, 250) is None
    told = test_ledger.warning(13, 250)
    assert told is not None
    assert "5.3 points" in told


@pytest.mark.parametrize(("looks", "samples"), [(2, 100), (13, 250), (50, 1000)])
def test_the_stated_optimism_is_what_simulation_gives(looks: int, samples: int) -> None:
    chance = np.random.default_rng(0)
    scores = chance.binomial(samples, 0.5, size=(4000, looks)) / samples
    simulated = scores.max(axis=1).mean() - 0.5
    assert abs(test_ledger.optimism(looks, samples) - simulated) < 0.04 * simulated + 0.001
