import pytest

from advisor.evaluation.purse import Pot, Purse, summed
from advisor.schema.base import Provenance
from advisor.schema.evaluation import Completion, Message, Prompt
from advisor.schema.purse import TokenPrice

PRICE = TokenPrice(
    prompt_usd_per_million=1_000_000,
    completion_usd_per_million=2_000_000,
    provenance=Provenance(kind="table", source="test"),
)
"""One dollar a token in, two a token out."""


def completion(inward: int = 2, outward: int = 1, attempts: int = 1) -> Completion:
    return Completion(
        text="x",
        prompt_tokens=inward,
        completion_tokens=outward,
        latency_ms=1,
        attempts=attempts,
    )


def prompts(count: int, characters: int = 400) -> list[Prompt]:
    turn = Message(role="user", content="x" * characters)
    return [Prompt(sample_id=str(number), messages=(turn,)) for number in range(count)]


def test_what_is_paid_adds_up():
    purse = Purse(PRICE)
    assert purse.may_start()
    assert purse.pay(completion()).usd == 4
    purse.pay(completion(inward=1, outward=0, attempts=3))
    assert purse.spent_usd == 5
    assert purse.calls == 4


def test_an_unknown_price_stays_unknown_and_caps_nothing():
    purse = Purse(None, cap_usd=0)
    assert purse.may_start()
    assert purse.pay(completion()).usd is None
    assert purse.spent_usd is None
    bill = purse.bill(prompts(3), cached=0, answer_characters=10, max_new_tokens=8)
    assert bill.expected_usd is None
    assert bill.calls_planned == 3


def test_the_cap_is_passed_by_no_more_than_the_calls_in_flight():
    purse = Purse(PRICE, cap_usd=10)
    flying = sum(purse.may_start() for _ in range(3))  # before anything is known
    while flying:
        purse.pay(completion())  # four dollars each
        flying += purse.may_start() - 1
    assert purse.capped
    assert purse.spent_usd <= 10 + 3 * 4
    assert not purse.may_start()


def test_without_calls_in_flight_it_is_passed_by_less_than_one_call():
    purse = Purse(PRICE, cap_usd=10)
    while purse.may_start():
        purse.pay(completion())
    assert 10 <= purse.spent_usd < 14


def test_nothing_starts_with_a_cap_of_nothing():
    assert not Purse(PRICE, cap_usd=0).may_start()


def test_the_expected_price_holds_the_actual_one():
    bill = Purse(PRICE, cap_usd=7).bill(
        prompts(10), cached=2, answer_characters=40, max_new_tokens=64
    )
    asked = 10 * (400 / 4 + 5)
    assert bill.expected_usd.likely == pytest.approx(asked + 10 * 11 * 2)
    assert bill.expected_usd.high == pytest.approx(10 * (400 / 3 + 5) + 10 * 64 * 2)
    assert bill.expected_usd.low < asked
    assert (bill.calls_planned, bill.calls_cached, bill.cap_usd) == (10, 2, 7)


def test_a_settled_bill_says_what_was_spent():
    purse = Purse(PRICE, cap_usd=1)
    bill = purse.bill(prompts(2), cached=0, answer_characters=4, max_new_tokens=8)
    while purse.may_start():
        purse.pay(completion())
    settled = purse.settled(bill)
    assert (settled.spent_usd, settled.calls, settled.capped) == (4, 1, True)


def test_what_was_billed_for_lost_attempts_is_paid_too():
    purse = Purse(PRICE)
    lost = completion(attempts=3).model_copy(
        update={"billed_prompt_tokens": 6, "billed_completion_tokens": 3}
    )
    assert purse.pay(lost).usd == 6 + 2 * 3
    refused = completion().model_copy(update={"finish": "error", "error": "too long"})
    assert purse.pay(refused).usd == 0
    gone = refused.model_copy(update={"billed_prompt_tokens": 4})
    assert purse.pay(gone).usd == 4


def test_two_models_share_one_pot():
    pot = Pot(cap_usd=10)
    cheap, dear = Purse(PRICE, pot=pot), Purse(PRICE, pot=pot)
    while cheap.may_start():
        cheap.pay(completion())
        if dear.may_start():
            dear.pay(completion(inward=4, outward=2))
    assert not dear.may_start()
    assert 10 <= pot.spent_usd < 10 + 8
    assert cheap.spent_usd == dear.spent_usd == pot.spent_usd


def test_one_unknown_price_makes_the_sum_unknown():
    pot = Pot()
    known, unknown = Purse(PRICE, pot=pot), Purse(None, pot=pot)
    known.pay(completion())
    assert pot.spent_usd == 4
    unknown.pay(completion())
    assert pot.spent_usd is None


def test_bills_add_up_and_an_unknown_part_makes_them_unknown():
    purse = Purse(PRICE)
    one = purse.bill(prompts(2), cached=1, answer_characters=4, max_new_tokens=8)
    both = summed(one, one, times=3)
    assert (both.calls_planned, both.calls_cached) == (8, 4)
    assert both.expected_usd.likely == pytest.approx(4 * one.expected_usd.likely)
    unknown = Purse(None).bill(prompts(2), cached=0, answer_characters=4, max_new_tokens=8)
    assert summed(one, unknown).expected_usd is None
    nothing = Purse(None).bill([], cached=0, answer_characters=4, max_new_tokens=8)
    assert summed(one, nothing).expected_usd == one.expected_usd
