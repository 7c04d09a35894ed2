"""What the baseline stage says of evaluations that are not whole, and how it chooses the best."""

from dataclasses import replace

import pytest

from advisor.builtin.metrics.label_f1 import MacroF1Metric
from advisor.builtin.prompting.few_shot import FewShotBuilder
from advisor.builtin.prompting.zero_shot import ZeroShotBuilder
from advisor.evaluation.purse import Purse
from advisor.stages.baseline import baseline
from tests.evaluation.test_runner_unscored import Mute, names
from tests.evaluation.test_runner_watch import CENT
from tests.fixtures.bench import FunctionSession, Tools, bench, capitals, knows


class Two(FunctionSession):
    """One function answers prompts without shots, another those with."""

    def __init__(self, plain, with_shots, finish="stop"):
        super().__init__(plain)
        self.plain, self.with_shots, self.finish = plain, with_shots, finish

    def generate(self, prompts, *, max_new_tokens):
        self.answer = self.with_shots if prompts[0].shots else self.plain
        return super().generate(prompts, max_new_tokens=max_new_tokens)

    def completion(self, asked):
        return super().completion(asked).model_copy(update={"finish": self.finish})


def measured(tmp_path, session, test, *, world=None, train=None):
    return baseline(
        [*(train or capitals(20, split="train", start=1000)), *test],
        builders={"zero_shot": ZeroShotBuilder(), "few_shot": FewShotBuilder()},
        corpus=(),
        bench=world or bench(session, tmp_path),
        tools=Tools(tmp_path),
    )


def test_a_metric_of_totals_is_compared_by_its_totals(tmp_path):
    labels = ("red", "green", "blue", "blue", "blue")

    def labelled(samples):
        return [s.model_copy(update={"target": labels[at % 5]}) for at, s in enumerate(samples)]

    session = Two(lambda _: "blue", lambda asked: "red" if asked.endswith("0?") else "blue")
    world = replace(bench(session, tmp_path), metric=MacroF1Metric())
    train = labelled(capitals(20, split="train", start=1000))
    found = measured(tmp_path, session, labelled(capitals(60)), world=world, train=train)
    values = {e.builder: e.value for e in found.evaluations}
    (comparison,) = found.comparisons
    assert "totals" in comparison.test
    assert comparison.difference == pytest.approx(values["few_shot"] - values["zero_shot"])
    means = [sum(s.value for s in e.scores) / e.n for e in found.evaluations]
    assert comparison.difference != pytest.approx(means[1] - means[0])


def test_where_the_cap_ended_one_the_best_is_chosen_by_samples_that_all_have(tmp_path):
    """Both are right on the same samples, and yet one looks better on the few it was asked."""
    looked_better = False
    for seed in range(4):
        session = Two(knows(0.6), knows(0.6))
        purse = Purse(CENT, cap_usd=200 * 0.07 + 3.5)
        world = bench(session, tmp_path / str(seed), purse=purse, seed=seed, batch_size=4)
        found = measured(tmp_path, session, capitals(200), world=world)
        whole, part = found.evaluations
        assert (whole.ended, part.ended) == ("all", "budget")
        looked_better |= part.value > whole.value
        assert found.best == "zero_shot"
        told = f"chosen by the {part.n} samples that all have answered"
        assert any(told in warning for warning in found.warnings)
    assert looked_better


def test_after_too_few_samples_the_best_is_one_that_is_whole(tmp_path):
    session = Two(knows(0.3), knows(1))
    purse = Purse(CENT, cap_usd=100 * 0.07 + 1.0)
    world = bench(session, tmp_path, purse=purse, batch_size=4)
    found = measured(tmp_path, session, capitals(100), world=world)
    assert found.evaluations[1].ended == "budget"
    assert found.best == "zero_shot"
    assert any("after too few samples to compare by" in warning for warning in found.warnings)


def test_samples_without_a_score_and_cut_answers_are_told(tmp_path):
    session = Two(knows(1), knows(1), finish="length")
    world = replace(bench(session, tmp_path), metric=Mute(names(range(5))))
    found = measured(tmp_path, session, capitals(60), world=world)
    assert found.evaluations[0].n == 55
    assert (
        "zero_shot: mute could give 5 of 60 answers no value; they count neither way."
        in found.warnings
    )
    assert (
        "zero_shot: 60 of 60 answers were cut at 64 tokens; raise --max-new-tokens."
        in found.warnings
    )


def test_few_cut_answers_are_not_told(tmp_path):
    found = measured(tmp_path, Two(knows(1), knows(1)), capitals(60))
    assert not [warning for warning in found.warnings if "cut at" in warning]


@pytest.mark.parametrize("is_alike", [True, False])
def test_what_can_be_seen_counts_samples_of_one_document_for_less(tmp_path, is_alike):
    """Ten samples a document: alike in all they score, or no more than any others."""

    def answer(asked):
        number = int(asked.removeprefix("Capital ").rstrip("?"))
        knows_it = number // 10 % 2 if is_alike else number % 2
        return f"City {number}" if knows_it else "no"

    test = [s.model_copy(update={"document": f"d{at // 10}"}) for at, s in enumerate(capitals(200))]
    bills = []
    session = FunctionSession(answer)
    found = baseline(
        test,
        builders={"zero_shot": ZeroShotBuilder()},
        corpus=(),
        bench=bench(session, tmp_path),
        tools=Tools(tmp_path),
        agree=bills.append,
    )
    before = bills[0].detectable, bills[0].detectable_by_groups
    assert 0.1 < before[0] < 0.2
    assert 0.3 < before[1] < 0.6
    low = 0.3 if is_alike else 0.1
    assert low < found.detectable < low * 2
    alone = measured(tmp_path / "alone", FunctionSession(answer), capitals(200))
    assert alone.bill.detectable_by_groups is None
