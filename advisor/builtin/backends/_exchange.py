"""One exchange with a model service: a prompt out, a completion or the reason for none back."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2

from advisor.builtin.backends._timed import TimedClient
from advisor.builtin.backends.attempts import Attempts
from advisor.builtin.backends.dialect import (
    Answer,
    Counted,
    Dialect,
    Manner,
    UnusableError,
    estimated_tokens,
)
from advisor.builtin.backends.pace import Pace, asked_pause
from advisor.builtin.backends.refusals import Refusal, refusal
from advisor.builtin.backends.scrubbing import scrubbed
from advisor.builtin.backends.service_settings import NO_KEY, ServiceSettings
from advisor.errors import AdvisorError, BackendAuthError, BackendError, BackendQuotaError
from advisor.schema.evaluation import Completion, Prompt

TAGS = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)
PAGE_LETTERS = 20_000
QUOTED = 80
"""Letters of a web page that came instead of an answer."""
PASSING = ("rate_limited", "server_error", "timeout")
SLOW_SHARE = 0.5
"""Of the time-out: an answer that took longer is counted as slow."""
LOOK_SECONDS = 5.0
"""For looking up which models there are, once one is not."""


class Sdk(NamedTuple):
    """A provider's library: its client and the classes of its errors."""

    client: Any
    status_error: type[Exception]
    timeout_error: type[Exception]
    connection_error: type[Exception]


class PassingError(Exception):
    """An attempt failed in a way that the next one may not."""

    def __init__(self, cause: str, words: str = "", pause: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.words = words
        self.pause = pause


class RefusedError(Exception):
    """The service will never answer this prompt."""


class Link(NamedTuple):
    """What a session's calls go through."""

    settings: ServiceSettings
    dialect: Dialect
    sdk: Sdk
    timed: TimedClient
    pace: Pace
    tell: Callable[[str], None]
    """Counts an event."""


class Exchange:
    """Shared by all lanes; remembers in which manner this model wants to be asked."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._manner = link.dialect.first
        self._lock = threading.Lock()
        self.reached = False
        """The service has answered something before."""
        self._speaks_json = False

    def once(self, prompt: Prompt, max_new_tokens: int, attempts: Attempts) -> Completion:
        """One attempt, and another each time the model names something it does not take.

        Raises PassingError, RefusedError, BackendAuthError, BackendQuotaError and BackendError.
        """
        while True:
            manner = self._manner
            body = self._link.dialect.body(prompt, max_new_tokens, manner)
            self._link.pace.wait()
            attempts.begin()
            with self._link.timed.call() as clock:
                response = self._send(body, attempts)
                seconds = clock.seconds
            self.reached = True
            if response.status_code >= 400:
                self._judge(response, manner)
                continue
            self._refuse_page(response)
            told = _read(response)
            self._speaks_json = self._speaks_json or told is not None
            attempts.bill(self._counted(told))
            return self._completion(self._answer(told), self._counted(told), seconds, attempts)

    def said(self, words: str) -> str:
        """A service's words, fit to be shown."""
        key = self._link.settings.api_key.get_secret_value()
        return scrubbed(words, "" if key == NO_KEY else key).rstrip(".")

    def _send(self, body: dict[str, Any], attempts: Attempts) -> httpx2.Response:
        """Any response, whatever its status. Raises PassingError where none came."""
        sdk = self._link.sdk
        try:
            found: httpx2.Response = sdk.client.post(
                self._link.dialect.path, body=body, cast_to=httpx2.Response
            )
        except sdk.status_error as error:
            response: httpx2.Response = error.response  # type: ignore[attr-defined]
            return response
        except sdk.timeout_error:
            cause, words = "timeout", ""
        except sdk.connection_error as error:
            is_closed = isinstance(error.__cause__, httpx2.ConnectError)
            cause, words = "unreachable" if is_closed else "connection_reset", str(error.__cause__)
        else:
            return found
        if cause != "unreachable":
            attempts.broke()
        raise PassingError(cause, words)  # outside, so that it drags no request with its key along

    def _refuse_page(self, response: httpx2.Response) -> None:
        """Raises BackendError where a page for people comes before any answer: it will not pass."""
        text = response.text.lstrip()
        if self._speaks_json or not text.startswith("<"):
            return
        words = " ".join(TAGS.sub(" ", text[:PAGE_LETTERS]).split())
        host = self._link.settings.host
        error = BackendError(
            f"{host} answers with a web page instead of JSON: '{self.said(words[:QUOTED])}'.",
            hint="Check --base-url, which often ends in /v1, and what login or proxy is between.",
            where=host,
        )
        self._link.pace.close(error)
        raise error

    def _judge(self, response: httpx2.Response, manner: Manner) -> None:
        """Return where asking in another manner may help; raise what the refusal means otherwise.

        No other call begins once one has told that the run is over.
        """
        told = refusal(response.status_code, response.text)
        if told.kind == "refused" and self._changed(manner, told):
            return
        error = self._error(told, response)
        if isinstance(error, AdvisorError):
            self._link.pace.close(error)
        raise error

    def _changed(self, manner: Manner, told: Refusal) -> bool:
        """Whether there is another manner to ask in, after this complaint about `manner`."""
        with self._lock:
            if self._manner != manner:  # another lane has met the same
                return True
            change = self._link.dialect.change(manner, told.words.lower())
            if change is None:
                return False
            self._manner = change.manner
        self._link.tell(change.event)
        return True

    def _error(self, told: Refusal, response: httpx2.Response) -> Exception:
        """What a refusal is raised as."""
        words, host = self.said(told.words), self._link.settings.host
        if told.kind in PASSING:
            return PassingError(told.kind, words, asked_pause(response.headers))
        if told.kind == "auth":
            return BackendAuthError(
                f"{host} refused the key: {words}.",
                hint="Check the key, and that it may use this model.",
                where=host,
            )
        if told.kind == "quota":
            return BackendQuotaError(
                f"The account at {host} has nothing left to spend: {words}.",
                hint="Add credit or raise its limit, then run again: answers so far are kept.",
                where=host,
            )
        if told.kind == "no_model":
            return self._no_model(words)
        return RefusedError(f"The service refused the prompt: {words}.")

    def _no_model(self, words: str) -> AdvisorError:
        settings = self._link.settings
        known = self._models()
        hint = "Check --base-url, which often ends in /v1, and the model's name."
        if known:
            from difflib import get_close_matches  # noqa: PLC0415 - only a wrong name pays for it

            near = get_close_matches(settings.model, known, n=1, cutoff=0.4)
            shown = ", ".join(sorted(known)[:8])
            hint = f"Did you mean '{near[0]}'?" if near else f"It has: {shown}."
        return BackendError(
            f"{settings.host} has no model '{settings.model}': {words}.",
            hint=hint,
            where=settings.host,
        )

    def _models(self) -> list[str]:
        """Names of the models a service lists; none where it does not say."""
        sdk = self._link.sdk
        path = self._link.dialect.path.rpartition("/")[0]
        path = "/models" if path == "/chat" else f"{path}/models"
        try:
            with self._link.timed.call():
                listed = sdk.client.get(
                    path, cast_to=httpx2.Response, options={"timeout": LOOK_SECONDS}
                ).json()
            return [str(one["id"]) for one in listed["data"]]
        except Exception:  # noqa: BLE001 - a hint is not worth a second error
            return []

    def _counted(self, told: Any) -> Counted:
        try:
            return Counted(*(_whole(count) for count in self._link.dialect.counted(told)))
        except (TypeError, AttributeError):
            return Counted()

    def _answer(self, told: Any) -> Answer:
        try:
            return self._link.dialect.answer(told)
        except UnusableError as error:
            cause = error.cause
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            cause = "malformed_answer"
        raise PassingError(cause)

    def _completion(
        self, answer: Answer, counted: Counted, seconds: float, attempts: Attempts
    ) -> Completion:
        settings, count = self._link.settings, self._link.tell
        if answer.model and not same_model(settings.model, answer.model):
            count("other_model")
        if seconds > settings.timeout_seconds * SLOW_SHARE:
            count("slow")
        written = counted.written
        if counted.read is None or written is None:
            count("usage_estimated")
        if written is None:
            written = estimated_tokens(answer.text)
            attempts.add_written(written)
        done = Completion(
            text=answer.text.strip(),
            prompt_tokens=attempts.prompt_tokens if counted.read is None else counted.read,
            completion_tokens=written,
            latency_ms=seconds * 1000,
            finish="length" if answer.cut else "stop",
            served_model=answer.model,
        )
        return attempts.told(done)


def _read(response: httpx2.Response) -> Any:
    """What a response holds; None where it is no JSON."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


def _whole(count: object) -> int | None:
    """A count of tokens; None for anything else."""
    is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return count if is_count else None  # type: ignore[return-value]


def same_model(asked: str, served: str) -> bool:
    """Whether a name that a service gives is the one asked for, or a dated version of it."""
    a, b = asked.lower(), served.lower()
    if a == b or a.rpartition("/")[2] == b.rpartition("/")[2]:
        return True
    rest = b.removeprefix(a)
    return rest != b and (rest == ":latest" or (rest[:1] in "-@:" and rest[1:2].isdigit()))
