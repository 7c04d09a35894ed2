"""A session with a model service: several calls at once, answers as they come, events counted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

import httpx2

from advisor.builtin.backends import lanes
from advisor.builtin.backends._calling import Caller
from advisor.builtin.backends._exchange import Exchange, Link, Sdk
from advisor.builtin.backends._timed import TimedClient
from advisor.builtin.backends.dialect import Dialect, estimated_tokens
from advisor.builtin.backends.pace import Pace
from advisor.builtin.backends.service_settings import ServiceSettings
from advisor.schema.evaluation import Completion, Prompt

WINDOW_PER_LANE = 128
MakeSdk = Callable[[httpx2.Client], Sdk]


class ServiceSession:
    """An opened service; nothing is sent before the first prompt."""

    def __init__(self, settings: ServiceSettings, dialect: Dialect, make_sdk: MakeSdk) -> None:
        self._settings = settings
        self._pace = Pace(settings.requests_per_minute)
        timed = TimedClient(settings.timeout_seconds, settings.concurrency)
        sdk = make_sdk(timed.client)
        self._client = sdk.client
        self._events: Counter[str] = Counter()
        self._lock = threading.Lock()
        link = Link(settings, dialect, sdk, timed, self._pace, self._count)
        self._caller = Caller(Exchange(link), link)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connections; calls that wait are given up."""
        self._pace.close()
        self._client.close()

    @property
    def model_digest(self) -> str:
        """Digest of the service's address and the model's name; nobody is asked."""
        return self._settings.digest

    @property
    def window(self) -> int:
        """Prompts that keep all lanes going for a while."""
        return WINDOW_PER_LANE * self._settings.concurrency

    @property
    def events(self) -> Mapping[str, int]:
        """How often something happened beyond answering."""
        with self._lock:
            return dict(self._events)

    def answers(
        self, prompts: Iterable[Prompt], *, max_new_tokens: int
    ) -> Iterator[tuple[Prompt, Completion]]:
        """Each prompt with its completion as it comes; prompts are taken as lanes get free.

        Raises BackendAuthError, BackendQuotaError or BackendError where nobody can be answered,
        after what was under way has been handed out.
        """
        ask = partial(self._caller.ask, max_new_tokens=max_new_tokens)
        return lanes.answers(ask, prompts, lanes=self._settings.concurrency)

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int) -> list[Completion]:
        """One completion per prompt, in order. Raises as `answers` does."""
        places: dict[int, list[int]] = {}
        for index, prompt in enumerate(prompts):
            places.setdefault(id(prompt), []).append(index)
        found: dict[int, Completion] = {}
        for prompt, completion in self.answers(prompts, max_new_tokens=max_new_tokens):
            found[places[id(prompt)].pop(0)] = completion
        return [found[index] for index in range(len(prompts))]

    def count_tokens(self, text: str) -> int:
        """Tokens by the length of the text, a quarter of its characters: no tokenizer is here."""
        return estimated_tokens(text)

    def _count(self, event: str) -> None:
        with self._lock:
            self._events[event] += 1
