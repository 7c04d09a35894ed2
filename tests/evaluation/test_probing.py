"""One probe before and after: tests, intervals, their correction, and how often they err."""

from __future__ import annotations

import json
import math
import random

import pytest

from advisor.contracts import MetricInfo
from advisor.evaluation.asking import Asker, Conditions
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.probing import (
    FEWEST,
    FLOOR,
    NO_LOSS,
    WORST_LOSS,
    Answered,
    answered,
    compared,
    corrected,
    unasked,
)
from advisor.schema.evaluation import Completion, Message, Sample, Score
from advisor.schema.probe import Probe


def samples(count: int, **more) -> tuple[Sample, ...]:
    return tuple(Sample(id=f"s{n}", input=f"q{n}", target=f"a{n}", **more) for n in range(count))


def probe(count: int = 60, **more) -> Probe:
    values = {"kind": "task", "metric": "exact_match", "allowed": 0.05} | more
    return Probe(name=values.pop("name", "p"), samples=samples(count), **values)


def loss_probe(count: int = 40) -> Probe:
    return probe(count, kind="loss", metric="", allowed=0.1, higher_is_better=False)


def shares(right: int, count: int) -> Answered:
    return Answered(tuple(float(n < right) for n in range(count)))


def test_a_share_that_fell_far_is_worse():
    (found,) = corrected([compared(probe(), shares(54, 60), shares(30, 60))])
    assert found.is_worse
    assert (found.before, found.after, found.n) == (0.9, 0.5, 60)
    assert found.worse_by == pytest.approx(0.4)
    assert found.p_value == pytest.approx(2 * 0.5**24)  # exact McNemar: 24 lost, none won
    assert 0.25 < found.interval.low < 0.4 < found.interval.high < 0.55


def test_a_share_that_rose_is_not_worse_whichever_way_the_metric_points():
    rose = compared(probe(), shares(30, 60), shares(54, 60))
    fell = compared(probe(higher_is_better=False), shares(54, 60), shares(30, 60))
    for found in corrected([rose, fell]):
        assert not found.is_worse
        assert found.worse_by == pytest.approx(-0.4)
        assert found.interval.high < 0
    (refusing,) = corrected(
        [compared(probe(higher_is_better=False), shares(0, 60), shares(24, 60))]
    )
    assert refusing.is_worse
    assert refusing.worse_by == pytest.approx(0.4)
    assert refusing.interval.low > 0


def test_what_is_allowed_is_let_pass_though_it_is_beyond_chance():
    many, just = probe(400, allowed=0.05), shares(380, 400)
    (small,) = corrected([compared(many, just, shares(362, 400))])
    assert small.p_value < 0.001
    assert small.worse_by == pytest.approx(0.045)
    assert not small.is_worse
    (large,) = corrected([compared(many, just, shares(358, 400))])
    assert large.is_worse


def test_few_items_are_shown_and_decide_nothing():
    few = compared(probe(FEWEST - 1), shares(29, 29), shares(0, 29))
    enough = compared(probe(FEWEST), shares(30, 30), shares(0, 30))
    told = corrected([few, enough])
    assert [found.is_worse for found in told] == [False, True]
    assert told[0].p_value is None
    assert told[0].worse_by == 1
    assert "Fewer than 30" in told[0].note
    assert told[1].p_value == enough.p_value  # the untested one is no part of Holm's family


@pytest.mark.parametrize(("asked", "worst"), [(probe(), 0.0), (probe(higher_is_better=False), 1.0)])
def test_what_is_on_the_floor_has_nothing_to_lose_and_costs_the_others_nothing(asked, worst):
    before, after = Answered((worst,) * 60), Answered((1 - worst,) * 3 + (worst,) * 57)
    floor = compared(asked, before, after)
    assert floor.nothing_to_lose
    assert FLOOR in floor.note
    assert floor.p_value is None
    assert not floor.shows_forgetting
    one = compared(probe(), shares(60, 60), shares(54, 60))  # 6 lost: p = 0.03125
    assert corrected([floor, one])[1].is_worse
    above = compared(asked, Answered((1 - worst,) + (worst,) * 59), after)
    assert not above.nothing_to_lose
    assert above.shows_forgetting


def test_holm_is_over_all_that_were_tested():
    one = compared(probe(), shares(60, 60), shares(54, 60))  # 6 lost: p = 0.03125
    assert corrected([one])[0].is_worse
    calm = [compared(probe(), shares(50, 60), shares(50, 60)) for _ in range(2)]
    told = corrected([*calm, one])
    assert told[-1].p_value == pytest.approx(3 * 0.03125)
    assert not told[-1].is_worse


def test_losses_may_rise_by_more_than_one_nat():
    before = Answered(tuple(0.1 + 0.001 * n for n in range(40)))
    after = Answered(tuple(1.3 + 0.004 * n for n in range(40)))
    (found,) = corrected([compared(loss_probe(), before, after)])
    assert found.is_worse
    assert found.unit == "nats per token"
    assert found.worse_by == pytest.approx(1.2585)
    assert 1.2 < found.interval.low < found.worse_by < found.interval.high
    slight = Answered(tuple(value + 0.05 for value in before.values))
    (calm,) = corrected([compared(loss_probe(), before, slight)])
    assert calm.p_value < 0.001
    assert not calm.is_worse


def test_items_without_a_value_on_one_side_are_no_pairs():
    before = Answered((None, *(1.0,) * 39), note="1 got no answer.")
    after = Answered((1.0,) * 40)
    found = compared(probe(40), before, after)
    assert found.n == 39
    assert found.note == "Before: 1 got no answer."
    nothing = compared(probe(2), Answered((None, None)), Answered((1.0, None)))
    assert (nothing.n, nothing.before, nothing.after, nothing.p_value) == (0, None, None, None)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_the_worst_there_is(broken):
    before = Answered((0.1,) * 40)
    (found,) = corrected([compared(loss_probe(), before, Answered((broken,) * 40))])
    assert found.is_worse
    assert (found.after, found.worse_by) == (WORST_LOSS, pytest.approx(WORST_LOSS - 0.1))
    assert "40 had no finite value after, which counts as the worst." in found.note
    json.dumps(found.model_dump(), allow_nan=False)
    (equal,) = corrected(
        [compared(loss_probe(), Answered((broken,) * 40), Answered((broken,) * 40))]
    )
    assert not equal.is_worse


def test_one_loss_in_forty_that_is_no_number_is_told_and_may_be_chance():
    after = Answered((*(0.1,) * 39, math.nan))
    (found,) = corrected([compared(loss_probe(), Answered((0.1,) * 40), after)])
    assert found.worse_by == pytest.approx((WORST_LOSS - 0.1) / 40)
    assert not found.is_worse
    assert "1 had no finite value after" in found.note
    json.dumps(found.model_dump(), allow_nan=False)


def test_losses_that_are_no_numbers_come_back_from_the_cache_as_the_worst(tmp_path):
    class Wrecked(Answering):
        def losses(self, read):
            self.read += len(read)
            return [math.nan] * len(read)

    cache = CompletionCache(tmp_path / "c.sqlite")
    before = Answered((0.1,) * 40)
    for _ in range(2):
        after = answered(asker(Wrecked(), cache), loss_probe())
        (found,) = corrected([compared(loss_probe(), before, after)])
        assert found.is_worse
        assert found.after == WORST_LOSS
    cache.close()


@pytest.mark.parametrize(
    ("asked", "before", "worst"),
    [
        (probe(40), 1.0, 0.0),
        (probe(40, higher_is_better=False), 0.0, 1.0),
        (loss_probe(), 0.1, 100.0),
    ],
)
def test_what_was_answered_before_and_is_not_any_more_is_lost(asked, before, worst):
    gone = Answered((None,) * 40)
    (found,) = corrected([compared(asked, Answered((before,) * 40), gone)])
    assert found.is_worse
    assert (found.n, found.after) == (40, worst)
    assert "40 were answered before and not after" in found.note
    unknown = gone._replace(unasked=frozenset(range(40)))
    assert compared(asked, Answered((before,) * 40), unknown).n == 0


def test_answers_that_fail_are_lost_and_those_that_nobody_asked_are_not():
    class Failing(Answering):
        def generate(self, prompts, *, max_new_tokens):
            made = super().generate(prompts, max_new_tokens=max_new_tokens)
            failed = made[0].model_copy(update={"finish": "error", "error": "time-out"})
            return [failed, *made[1:]]

    found = answered(asker(Failing()), probe(4), Same())
    assert found.values == (None, 1.0, 0.0, None)
    assert found.unasked == {3}  # which the metric cannot score


def test_without_a_before_what_is_after_is_shown():
    found = compared(probe(40), None, shares(10, 40))
    assert (found.before, found.after, found.worse_by, found.p_value) == (None, 0.25, None, None)
    assert not corrected([found, unasked(probe(), "why")])[0].is_worse


def test_items_of_one_group_are_no_independent_witnesses():
    grouped = tuple(
        s.model_copy(update={"group": f"g{n // 10}"}) for n, s in enumerate(samples(60))
    )
    alone = compared(probe(), shares(60, 60), shares(30, 60))
    together = compared(
        probe().model_copy(update={"samples": grouped}), shares(60, 60), shares(30, 60)
    )
    assert alone.p_value < 1e-6
    assert together.p_value > 0.1  # three of six groups fell
    assert together.interval.high - together.interval.low > alone.interval.high - alone.interval.low


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["task", "loss"])
def test_where_nothing_changed_a_family_of_probes_seldom_says_worse(kind):
    rng, wrong, rounds = random.Random(5), 0, 400 if kind == "task" else 120
    for at in range(rounds):
        found = []
        for _ in range(6):
            if kind == "loss":
                before = [rng.gauss(2, 0.5) for _ in range(36)]
                after = [value + rng.gauss(0, 0.4) for value in before]
                found.append(
                    compared(
                        loss_probe(36).model_copy(update={"allowed": 0.0}),
                        Answered(tuple(before)),
                        Answered(tuple(after)),
                        seed=at,
                    )
                )
            else:
                pairs = [(rng.random() < 0.7, rng.random() < 0.7) for _ in range(60)]
                ours, theirs = zip(*pairs, strict=True)
                found.append(
                    compared(
                        probe(allowed=0.0),
                        Answered(tuple(map(float, ours))),
                        Answered(tuple(map(float, theirs))),
                    )
                )
        wrong += any(one.is_worse for one in corrected(found))
    # at most 5 % of families, with 3 standard errors on top
    assert wrong / rounds <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / rounds)


class Answering:
    """A session that answers with its prompts' last word and knows a loss for each text."""

    model_digest = "w1"

    def __init__(self, *, text: str = "a1") -> None:
        self.text, self.asked, self.read = text, 0, 0

    def generate(self, prompts, *, max_new_tokens):
        self.asked += len(prompts)
        self.turns = [prompt.messages for prompt in prompts]
        return [
            Completion(text=self.text, prompt_tokens=1, completion_tokens=1, latency_ms=0)
            for _ in prompts
        ]

    def losses(self, read):
        self.read += len(read)
        return [float(len(one.target)) if one.target != "a0" else None for one in read]

    def count_tokens(self, text):
        return len(text)


class Mute(Answering):
    losses = None


class Same:
    info = MetricInfo(id="same", label="same", binary=True)

    def score(self, prompt, completion, sample):
        is_known = sample.id != "s3"
        value = float(completion.text == sample.target) if is_known else 0.0
        return Score(sample_id=sample.id, value=value, unscored=not is_known, note="why")


class Declining:
    info = MetricInfo(id="refusal", label="refusals", binary=True, higher_is_better=False)

    def score(self, prompt, completion, sample):
        return Score(sample_id=sample.id, value=float(completion.text.startswith("Sorry")))


def asker(session, cache=None) -> Asker:
    return Asker(session, Conditions(backend="b", model="m", max_new_tokens=8), cache=cache)


def test_answers_are_scored_item_by_item():
    done = []
    found = answered(asker(Answering()), probe(4), Same(), advance=done.append)
    assert found.values == (0.0, 1.0, 0.0, None)
    assert sum(done) == 4


def test_a_probe_is_asked_behind_its_own_instruction_or_the_rows():
    session = Answering()
    own = (Message(role="system", content="Own."),)
    two = (samples(1)[0], samples(2)[1].model_copy(update={"history": own}))
    answered(
        asker(session),
        Probe(name="p", kind="task", samples=two, metric="m", instruction="Given."),
        Same(),
    )
    assert [[turn.content for turn in turns] for turns in session.turns] == [
        ["Given.", "q0"],
        ["Own.", "q1"],
    ]


@pytest.mark.parametrize(
    ("text", "made_up"),
    [
        ("It was in 1911.", 1.0),
        ("Sorry, I cannot help.", 0.0),
        ("I'm not aware of a composer of that name.", 0.0),
        ("There is no record of such a battle.", 0.0),
        ("", 0.0),
    ],
)
def test_an_answer_to_what_nobody_knows_is_made_up_unless_it_declines(text, made_up):
    found = answered(asker(Answering(text=text)), probe(1, kind="hallucination"), Declining())
    assert found.values == (made_up,)


def test_losses_and_answers_that_are_kept_are_not_asked_for_again(tmp_path):
    cache = CompletionCache(tmp_path / "c.sqlite")
    first, again = Answering(), Answering()
    losses = [answered(asker(session, cache), loss_probe(40)) for session in (first, again)]
    assert losses[0] == losses[1]
    assert losses[0].values[:3] == (None, 2.0, 2.0)
    assert (first.read, again.read) == (40, 1)  # what has no loss is asked again
    scores = [answered(asker(session, cache), probe(4), Same()) for session in (first, again)]
    assert scores[0] == scores[1]
    assert (first.asked, again.asked) == (4, 0)
    other = Answering()
    other.model_digest = "w2"
    answered(asker(other, cache), loss_probe(40))
    assert other.read == 40
    cache.close()


def test_a_session_that_knows_no_losses_says_so():
    found = answered(asker(Mute()), loss_probe(3))
    assert found == Answered((None, None, None), NO_LOSS, frozenset(range(3)))
    told = compared(loss_probe(3), found, found)
    assert told.n == 0
    assert NO_LOSS in told.note


@pytest.mark.parametrize("asked", [probe(40), loss_probe(40)], ids=["share", "loss"])
def test_the_interval_of_a_probe_is_at_the_level_of_its_test(asked):
    for after in (shares(30, 40), Answered((0.5,) * 40)):
        assert compared(asked, shares(20, 40), after).interval.level == 0.95
