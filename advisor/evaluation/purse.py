"""Money of one run's completions: the price before, the cap during, the actual after."""

from __future__ import annotations

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


class Purse:
    """What may be spent on completions, shared by everything one run asks.

    `price` None: unknown, so nothing can be priced or capped. Safe between threads: a backend may
    take prompts in one and hand back completions in another.
    """

    def __init__(self, price: TokenPrice | None = None, cap_usd: float | None = None) -> None:
        self.price = price
        self.cap_usd = cap_usd
        self.capped = False
        self.calls = 0
        self._spent = 0.0
        self._in_flight = 0
        self._lock = Lock()

    @property
    def spent_usd(self) -> float | None:
        """What was spent so far; None when the price is unknown."""
        return self._spent if self.price is not None else None

    def may_start(self) -> bool:
        """Take room for one more call, unless it would pass the cap.

        A call counts for the mean price of the calls so far, so that the cap is passed by no more
        than the calls in flight cost above that.
        """
        with self._lock:
            if self.price is not None and self.cap_usd is not None:
                mean = self._spent / self.calls if self.calls else 0.0
                if self._spent + self._in_flight * mean >= self.cap_usd:
                    self.capped = True
                    return False
            self._in_flight += 1
            return True

    def pay(self, completion: Completion) -> Completion:
        """The completion with its price, which is now spent."""
        usd = self.price_of(completion)
        with self._lock:
            self._in_flight = max(0, self._in_flight - 1)
            self.calls += completion.attempts
            self._spent += usd or 0.0
        return completion.model_copy(update={"usd": usd})

    def price_of(self, completion: Completion) -> float | None:
        """Dollars for the tokens the service counted; None when the price is unknown."""
        if self.price is None:
            return None
        return self._dollars(completion.prompt_tokens, completion.completion_tokens)

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
        """The same bill with what was really spent."""
        return bill.model_copy(
            update={"spent_usd": self.spent_usd, "calls": self.calls, "capped": self.capped}
        )
