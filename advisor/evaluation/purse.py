"""Money of completions: the price before, the cap during, the actual after."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import Lock

from advisor.schema.base import Interval
from advisor.schema.evaluation import Completion, Prompt
from advisor.schema.purse import Bill, TokenPrice

CHARACTERS_PER_TOKEN = Interval(low=3.0, likely=4.0, high=5.0)
"""Of prompts in Latin script; the low end makes the dear end of an expected price."""
TURN_TOKENS = 5
"""What a chat template puts around a turn (4 to 6 in ChatML and Llama 3)."""
SHORTEST_ANSWER = 0.25
"""Of the reference answers' length: what a terse model says."""
MILLION = 1_000_000


class Pot:
    """The money of one command, whichever models it goes to. Safe between threads."""

    def __init__(self, cap_usd: float | None = None) -> None:
        self.cap_usd = cap_usd
        self.capped = False
        """Something was not asked for want of money."""
        self.calls = 0
        self._spent = 0.0
        self._promised = 0.0
        self._has_unknown = False
        self._lock = Lock()

    @property
    def spent_usd(self) -> float | None:
        """What was spent so far; None once a call of unknown price was made."""
        return None if self._has_unknown else self._spent

    def promise(self, usd: float) -> bool:
        """Set so much aside for a call about to start; False when the cap is reached."""
        with self._lock:
            if self.cap_usd is not None and self._spent + self._promised >= self.cap_usd:
                self.capped = True
                return False
            self._promised += usd
            return True

    def settle(self, promised: float, usd: float | None, calls: int) -> None:
        """Pay for a call for which so much was set aside; None is an unknown price."""
        with self._lock:
            self._promised = max(0.0, self._promised - promised)
            self._spent += usd or 0.0
            self._has_unknown = self._has_unknown or usd is None
            self.calls += calls


class Purse:
    """What one model's completions cost, paid out of a pot that it may share with others.

    `price` None: unknown, so nothing can be priced or capped. Safe between threads: a backend may
    take prompts in one and hand back completions in another.
    """

    def __init__(
        self,
        price: TokenPrice | None = None,
        cap_usd: float | None = None,
        *,
        pot: Pot | None = None,
    ) -> None:
        self.price = price
        self.pot = pot or Pot(cap_usd)
        self._paid = 0.0
        self._answers = 0
        self._promises: deque[float] = deque()
        self._lock = Lock()

    @property
    def cap_usd(self) -> float | None:
        """The most that may be spent out of the pot."""
        return self.pot.cap_usd

    @property
    def capped(self) -> bool:
        """Whether something was not asked for want of money."""
        return self.pot.capped

    @property
    def calls(self) -> int:
        """Calls paid out of the pot."""
        return self.pot.calls

    @property
    def spent_usd(self) -> float | None:
        """What was spent out of the pot so far; None when a price is unknown."""
        return None if self.price is None else self.pot.spent_usd

    def may_start(self) -> bool:
        """Set money aside for one more call, unless it would pass the cap.

        A call counts for the mean price of the answers so far, so that the cap is passed by no more
        than the calls in flight cost above that.
        """
        if self.price is None:
            return True
        with self._lock:
            mean = self._paid / self._answers if self._answers else 0.0
            if not self.pot.promise(mean):
                return False
            self._promises.append(mean)
            return True

    def pay(self, completion: Completion) -> Completion:
        """The completion with its price, which is now spent."""
        usd = self.price_of(completion)
        with self._lock:
            promised = self._promises.popleft() if self._promises else 0.0
            self._paid += usd or 0.0
            self._answers += 1
        self.pot.settle(promised, usd, completion.attempts)
        return completion.model_copy(update={"usd": usd})

    def price_of(self, completion: Completion) -> float | None:
        """Dollars for the tokens the service bills, of attempts without an answer too.

        None when the price is unknown. What was refused without a count of its own costs nothing.
        """
        if self.price is None:
            return None
        inward, outward = completion.billed_prompt_tokens, completion.billed_completion_tokens
        if completion.finish == "error":
            return self._dollars(inward or 0, outward or 0)
        return self._dollars(
            completion.prompt_tokens if inward is None else inward,
            completion.completion_tokens if outward is None else outward,
        )

    def _dollars(self, prompt_tokens: float, completion_tokens: float) -> float:
        if self.price is None:
            return 0.0
        return (
            prompt_tokens * self.price.prompt_usd_per_million
            + completion_tokens * self.price.completion_usd_per_million
        ) / MILLION

    def bill(
        self,
        prompts: Iterable[Prompt],
        *,
        cached: int,
        answer_characters: float,
        max_new_tokens: int,
    ) -> Bill:
        """What these prompts are expected to cost, before the first is asked.

        `answer_characters` is the mean length of reference answers; the high end takes every answer
        at `max_new_tokens`.
        """
        characters = turns = count = 0
        for prompt in prompts:
            count += 1
            turns += len(prompt.messages)
            characters += sum(len(message.content) for message in prompt.messages)
        likely = min(max_new_tokens, answer_characters / CHARACTERS_PER_TOKEN.likely + 1)

        def dollars(per_token: float, answer: float) -> float:
            return self._dollars(characters / per_token + turns * TURN_TOKENS, answer * count)

        expected = Interval(
            low=dollars(CHARACTERS_PER_TOKEN.high, likely * SHORTEST_ANSWER),
            likely=dollars(CHARACTERS_PER_TOKEN.likely, likely),
            high=dollars(CHARACTERS_PER_TOKEN.low, max_new_tokens),
        )
        return Bill(
            price=self.price,
            calls_planned=count,
            calls_cached=cached,
            expected_usd=expected if self.price is not None else None,
            cap_usd=self.cap_usd,
        )

    def settled(self, bill: Bill) -> Bill:
        """The same bill with what was really spent out of the pot."""
        spent = None if self.price is None else self.pot.spent_usd
        return bill.model_copy(
            update={"spent_usd": spent, "calls": self.pot.calls, "capped": self.pot.capped}
        )


def summed(one: Bill, other: Bill, *, times: int = 1) -> Bill:
    """Both bills as one out of one pot, the other so many times; unknown where one is unknown."""
    left, right, expected = one.expected_usd, other.expected_usd, None
    if (left is not None or not one.calls_planned) and (
        right is not None or not other.calls_planned
    ):
        zero = Interval(low=0, likely=0, high=0)
        left, right = left or zero, right or zero
        expected = Interval(
            low=left.low + times * right.low,
            likely=left.likely + times * right.likely,
            high=left.high + times * right.high,
        )
    return one.model_copy(
        update={
            "calls_planned": one.calls_planned + times * other.calls_planned,
            "calls_cached": one.calls_cached + times * other.calls_cached,
            "expected_usd": expected,
        }
    )
