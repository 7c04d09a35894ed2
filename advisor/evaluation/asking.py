"""Prompts to completions: from the cache where it has them, else from the model, within the purse.

What comes back is kept at once, one completion at a time, so that a killed run has lost nothing but
the calls in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from advisor.artifacts import digest_of
from advisor.contracts import Session, Streaming
from advisor.errors import (
    AdvisorError,
    BackendResponseError,
    BackendTimeoutError,
)
from advisor.evaluation.cache import CompletionCache
from advisor.evaluation.purse import Purse
from advisor.evaluation.session import LazySession
from advisor.schema.evaluation import Completion, Prompt
from advisor.secrets import masked

KEY_FORMAT = 1
"""Raised when keys of older versions must not be taken for those of this one."""
Setting = str | int | float | bool
WITHOUT_MODEL = frozenset(("echo",))
"""Backends that answer without the model they are told."""


class Conditions(NamedTuple):
    """What decides an answer beside prompt and weights."""

    backend: str
    model: str
    """As a person names it, for the cache's summary."""
    max_new_tokens: int
    settings: tuple[tuple[str, Setting], ...] = ()
    """What the backend was told and what changes answers, such as a JSON schema."""
    seed: int = 0
    """Of answers that are drawn; the likeliest ones hang on no seed."""

    @property
    def author(self) -> str:
        """Who answers: the model, or the backend first where it answers by itself."""
        return f"{self.backend}:{self.model}" if self.backend in WITHOUT_MODEL else self.model


def never() -> bool:
    """Go on."""
    return False


class Asker:
    """One model under one set of conditions, asked through cache and purse."""

    def __init__(
        self,
        session: Session,
        conditions: Conditions,
        *,
        cache: CompletionCache | None = None,
        purse: Purse | None = None,
        batch_size: int = 16,
    ) -> None:
        self.session = session
        self.conditions = conditions
        self.cache = cache
        self.purse = purse or Purse()
        self.batch_size = batch_size

    def key(self, prompt: Prompt) -> str:
        """Digest of everything that decides the answer; nothing can be read out of it."""
        wanted = {"messages", "temperature", "draw"}
        return digest_of(
            {
                "format": KEY_FORMAT,
                "weights": self.session.model_digest,
                "conditions": [
                    self.conditions.backend,
                    self.conditions.max_new_tokens,
                    list(self.conditions.settings),
                    *([self.conditions.seed] if prompt.temperature else []),
                ],
                "prompt": prompt.model_dump(mode="json", include=wanted, exclude_defaults=True),
            },
            digits=32,
        )

    def known(self, prompts: Sequence[Prompt]) -> dict[int, Completion]:
        """Completions that are kept already, by the place of their prompt."""
        if self.cache is None:
            return {}
        keys = [self.key(prompt) for prompt in prompts]
        found = self.cache.known(list(dict.fromkeys(keys)))
        first: dict[str, int] = {}
        return {
            at: _again(found[key]) if first.setdefault(key, at) == at else _repeat(found[key])
            for at, key in enumerate(keys)
            if key in found
        }

    def distinct(self, prompts: Iterable[Prompt]) -> list[Prompt]:
        """The prompts without those that equal an earlier one: what has to be asked and paid."""
        return list({self.key(prompt): prompt for prompt in prompts}.values())

    def ask(
        self,
        prompts: Sequence[Prompt],
        *,
        known: Mapping[int, Completion] | None = None,
        window: int | None = None,
        halted: Callable[[], bool] = never,
    ) -> Iterator[tuple[int, Completion]]:
        """Places of prompts with their completions, each once, window by window in any order.

        Equal prompts are asked once. Ends early, with fewer, when the purse is empty or `halted`
        says so; calls in flight are waited for and kept. A prompt that fails comes back with its
        error. Raises what concerns every prompt: BackendAuthError, BackendQuotaError and the like.
        """
        kept = self.known(prompts) if known is None else known
        size = window or (self.window if len(kept) < len(prompts) else len(prompts))
        asked = self._places(prompts, kept)
        for start in range(0, len(prompts), max(size, 1)):
            places = range(start, min(start + size, len(prompts)))
            yield from ((at, kept[at]) for at in places if at in kept)
            wanted = {same[0]: same for at in places if (same := asked.get(at))}
            if wanted and not halted():
                yield from self._asked(prompts, wanted, halted)
            if halted() or self.purse.capped:
                return

    def _places(
        self, prompts: Sequence[Prompt], kept: Mapping[int, Completion]
    ) -> dict[int, list[int]]:
        """Places of prompts to ask, each with the later places of equal prompts."""
        by_key: dict[str, list[int]] = {}
        for at, prompt in enumerate(prompts):
            if at not in kept:
                by_key.setdefault(self.key(prompt), []).append(at)
        return {places[0]: places for places in by_key.values()}

    @property
    def live(self) -> Session:
        """The model itself, opened now when it was not."""
        return _live(self.session)

    @property
    def window(self) -> int:
        """Prompts that are best given together; opens the model."""
        live = _live(self.session)
        return max(1, live.window) if isinstance(live, Streaming) else self.batch_size

    @property
    def events(self) -> dict[str, int]:
        """What the service has done so far beyond answering; nothing before it was opened."""
        session = self.session
        if isinstance(session, LazySession) and not session.is_open:
            return {}
        live = _live(session)
        return dict(live.events) if isinstance(live, Streaming) else {}

    def _asked(
        self,
        prompts: Sequence[Prompt],
        wanted: Mapping[int, Sequence[int]],
        halted: Callable[[], bool],
    ) -> Iterator[tuple[int, Completion]]:
        first = {id(prompts[at]): at for at in wanted}
        handed = _handed((prompts[at] for at in wanted), self.purse, halted)
        for prompt, raw in self._replies(handed):
            completion = self.purse.pay(_clean(raw))
            if self.cache is not None and not has_failed(completion):
                self.cache.put(
                    self.key(prompt),
                    completion,
                    backend=self.conditions.backend,
                    model=self.conditions.author,
                )
            one, *others = wanted[first[id(prompt)]]
            yield one, completion
            yield from ((at, _repeat(completion)) for at in others)

    def _replies(self, prompts: Iterator[Prompt]) -> Iterator[tuple[Prompt, Completion]]:
        live = _live(self.session)
        most = self.conditions.max_new_tokens
        if isinstance(live, Streaming):
            yield from live.answers(prompts, max_new_tokens=most)
            return
        batch: list[Prompt] = []
        for prompt in prompts:
            batch.append(prompt)
            if len(batch) == self.batch_size:
                yield from zip(batch, _generate(live, batch, most), strict=True)
                batch = []
        if batch:
            yield from zip(batch, _generate(live, batch, most), strict=True)


def _handed(
    prompts: Iterable[Prompt], purse: Purse, halted: Callable[[], bool]
) -> Iterator[Prompt]:
    """The prompts, as long as there is money and nobody has called a halt."""
    for prompt in prompts:
        if halted() or not purse.may_start():
            return
        yield prompt


def has_failed(completion: Completion) -> bool:
    """Whether the sample got no answer."""
    return completion.finish == "error" or bool(completion.error)


def _clean(completion: Completion) -> Completion:
    """The completion without the secrets a document may have led the model to repeat."""
    return completion.model_copy(
        update={"text": masked(completion.text), "error": masked(completion.error)}
    )


def _again(completion: Completion) -> Completion:
    """A completion that costs nothing this time."""
    return completion.model_copy(update={"cached": True})


def _repeat(completion: Completion) -> Completion:
    """A completion for a prompt that equals an earlier one: asked once, paid once."""
    once = {"cached": True, "attempts": 0}
    return completion.model_copy(update=once | ({} if completion.usd is None else {"usd": 0.0}))


def _live(session: Session) -> Session:
    return session.opened() if isinstance(session, LazySession) else session


def _generate(session: Session, prompts: list[Prompt], max_new_tokens: int) -> list[Completion]:
    """Completions of a batch; when the batch fails, of each prompt alone."""
    try:
        completions = session.generate(prompts, max_new_tokens=max_new_tokens)
    except Exception as error:  # a backend may raise anything; what is not of one prompt goes on
        if not _concerns_one_prompt(error):
            raise
        if len(prompts) == 1:
            return [_failed(error)]
        return [c for prompt in prompts for c in _generate(session, [prompt], max_new_tokens)]
    if len(completions) != len(prompts):
        raise BackendResponseError(
            f"The backend answered {len(completions)} of {len(prompts)} prompts.",
            hint="A backend must answer every prompt of a batch, in order.",
        )
    return completions


def _concerns_one_prompt(error: Exception) -> bool:
    """Bad credentials or a missing package concern every prompt; a time-out or crash need not."""
    passing = isinstance(error, (BackendTimeoutError, BackendResponseError))
    return passing or not isinstance(error, AdvisorError)


def _failed(error: Exception) -> Completion:
    return Completion(
        text="",
        prompt_tokens=0,
        completion_tokens=0,
        latency_ms=0,
        finish="error",
        error=f"{type(error).__name__}: {error}",
        may_pass=True,
    )
