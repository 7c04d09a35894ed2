"""The gain of written samples is measured on collected ones, with an interval and a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from advisor import registry
from advisor.data_check.split import split
from advisor.errors import BackendResponseError
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.purse import Purse
from advisor.generation.classifier import Learner as Fitted
from advisor.generation.gain import dev_of, measured, steps
from advisor.generation.shots import NearestShots
from advisor.generation.sources import Sources, seeds_of
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Sample
from advisor.schema.purse import TokenPrice
from tests.fixtures.bench import Tools
from tests.fixtures.writer import Writer, department, seeds


class Learner:
    """Right on so many dev samples for each hundred of training ones."""

    name, metric_id, is_binary = "learner", "accuracy", True

    def __init__(self, per_hundred: int) -> None:
        self.per_hundred = per_hundred
        self.seen: list[int] = []

    def scores(self, train: Sequence[Sample], dev: Sequence[Sample]) -> list[float]:
        self.seen.append(len(train))
        right = 20 + len(train) * self.per_hundred // 100
        return [float(place < right) for place in range(len(dev))]


def test_the_gain_is_per_hundred_and_says_when_it_may_be_chance() -> None:
    train, written, dev = seeds(50), seeds(250, 1), seeds(100, 2)
    learner = Learner(10)
    gain = measured(learner, train, written, dev, seed=0)
    assert learner.seen == [50, 150, 250, 300]
    assert [point.added for point in gain.points] == [0, 100, 200, 250]
    assert gain.per_hundred == pytest.approx(0.1)
    assert gain.per_hundred_interval is not None
    assert gain.per_hundred_interval.low > 0.05
    assert "went from 0.250 to 0.500: +25.0 points" in gain.sentence
    assert "chance" not in gain.sentence
    assert measured(Learner(0), train, written, dev, seed=0).sentence.endswith("chance.")
    assert measured(Learner(-8), train, written, dev, seed=0).sentence.endswith("harm.")


def test_steps_end_with_all_that_was_added() -> None:
    assert (steps(30), steps(100), steps(250)) == ([0, 30], [0, 100], [0, 100, 200, 250])


def test_only_collected_dev_rows_measure() -> None:
    placed = split([*seeds(100), *seeds(10, 1, synthetic_by="m")], seed=0)
    assert len(dev_of(placed)) == 10


def meter(session: Writer, purse: Purse | None = None) -> NearestShots:
    sources = Sources(seeds_of(split(seeds(100), seed=0)), "Which department?")
    asker = Asker(session, Conditions("echo", "big", 16), purse=purse, batch_size=4)
    return NearestShots(sources, asker, registry.metric("exact_match"))


def test_the_nearest_shots_are_shown_nearest_last() -> None:
    train = [*seeds(60), Sample(id="x", input="one two three parcel", target="shipping")]
    session = Writer(answer=lambda text, _: department(text))
    dev = [Sample(id="d", input="one two three invoice", target="billing")]
    assert meter(session).scores(train, dev) == [1.0]
    assert session.prompts[0].messages[-3].content == "one two three parcel"
    assert session.prompts[0].temperature == 0


def test_money_that_ends_too_early_gives_no_gain() -> None:
    price = TokenPrice(
        prompt_usd_per_million=1, completion_usd_per_million=1, provenance=Provenance(kind="table")
    )
    with pytest.raises(BackendResponseError, match="budget ended"):
        meter(Writer(), Purse(price, 1e-4)).scores(seeds(40), seeds(30, 2))


@pytest.mark.ml
@pytest.mark.slow
def test_the_classifier_learns_from_written_samples(tmp_path) -> None:
    learner = Fitted(registry.predictor("embedding_classifier"), Tools(tmp_path))
    few = [s for s in seeds(200) if s.target == "billing"][:4]
    gain = measured(learner, few, seeds(120, 1), seeds(60, 2), seed=0)
    assert gain.points[0].value < 0.6 < gain.points[-1].value
    assert (gain.system, gain.metric) == ("embedding classifier", "accuracy")
