"""Asks an OpenAI-compatible server for embeddings through OpenAI's library; the heavy back."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import numpy as np
import openai
import tenacity

from advisor.builtin.backends._calling import LONGEST_WAIT, PATIENCE_SECONDS, WHY
from advisor.builtin.backends._exchange import PASSING, PassingError
from advisor.builtin.backends._timed import TimedClient
from advisor.builtin.backends.pace import Pace, asked_pause
from advisor.builtin.backends.refusals import Refusal, refusal
from advisor.builtin.backends.scrubbing import scrubbed
from advisor.builtin.backends.service_settings import NO_KEY, ServiceSettings
from advisor.errors import (
    AdvisorError,
    BackendAuthError,
    BackendError,
    BackendQuotaError,
    BackendResponseError,
    BackendTimeoutError,
)

MOST_LETTERS = 200_000
"""Characters of one call: OpenAI takes 300,000 tokens, and a token may be one character."""
BLANK = " "
"""Sent for an empty text, which servers refuse."""


class EmbeddingCalls:
    """An opened server; several calls at once, each retried where that may help."""

    def __init__(self, settings: ServiceSettings, *, batch: int, dimensions: int | None) -> None:
        self._settings = settings
        self._batch = batch
        self._dimensions = dimensions
        self._length = dimensions or 0
        self._timed = TimedClient(settings.timeout_seconds, settings.concurrency)
        self._client = openai.OpenAI(
            api_key=settings.api_key.get_secret_value(),
            base_url=settings.base_url,
            timeout=settings.timeout_seconds,
            max_retries=0,  # ours know what all calls were told
            http_client=self._timed.client,
        )
        weakref.finalize(self, self._timed.client.close)
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()
        half, longest = settings.first_wait_seconds / 2, LONGEST_WAIT / 2
        self._grown = tenacity.wait_exponential(
            multiplier=half, max=longest
        ) + tenacity.wait_random_exponential(multiplier=half, max=longest)

    @property
    def usage(self) -> Mapping[str, int]:
        """Calls answered, texts embedded, tokens as the server counts them."""
        with self._lock:
            return dict(self._used)

    def rows(self, texts: Sequence[str]) -> Any:
        """One unit vector per text, float32, in order. Raises BackendError of several kinds."""
        if not len(texts):
            return np.zeros((0, 0), dtype="float32")
        pace = Pace(self._settings.requests_per_minute)
        pool = ThreadPoolExecutor(self._settings.concurrency)
        try:
            asked = [pool.submit(self._asked, part, pace) for part in self._parts(texts)]
            found = [one.result() for one in asked]
        except BaseException as error:
            pace.close(error)
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        rows = np.concatenate(found)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def _parts(self, texts: Sequence[str]) -> Iterator[list[str]]:
        """The texts, in order, as few and as small as one call may carry."""
        part: list[str] = []
        letters = 0
        for text in texts:
            if part and (len(part) == self._batch or letters + len(text) > MOST_LETTERS):
                yield part
                part, letters = [], 0
            part.append(text.encode("utf-8", "replace").decode() or BLANK)  # no half characters
            letters += len(text)
        yield part

    def _asked(self, texts: list[str], pace: Pace) -> Any:
        """Vectors of one call, asked again while what went wrong may pass."""
        began = time.monotonic()

        def waits(state: tenacity.RetryCallState) -> float:
            pause = _cause(state).pause
            return float(self._grown(state)) if pause is None else pause

        def is_over(state: tenacity.RetryCallState) -> bool:
            spent = time.monotonic() - began + (_cause(state).pause or 0)
            return state.attempt_number >= self._settings.attempts or spent > PATIENCE_SECONDS

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=is_over,
            wait=waits,
            sleep=pace.sleep,
            reraise=True,
        )
        try:
            return retrying(self._once, texts, pace)
        except PassingError as error:
            lost = self._lost(error)
        raise lost

    def _once(self, texts: list[str], pace: Pace) -> Any:
        body: dict[str, Any] = {
            "model": self._settings.model,
            "input": texts,
            "encoding_format": "float",
        }
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        pace.wait()
        with self._timed.call():
            response = self._send(body)
        if response.status_code >= 400:
            raise self._error(refusal(response.status_code, response.text), response)
        return self._read(response, len(texts))

    def _send(self, body: dict[str, Any]) -> httpx2.Response:
        """Any response, whatever its status. Raises PassingError where none came."""
        try:
            found: httpx2.Response = self._client.post(
                "/embeddings", body=body, cast_to=httpx2.Response
            )
        except openai.APIStatusError as error:
            return error.response
        except openai.APITimeoutError:
            cause, words = "timeout", ""
        except openai.APIConnectionError as error:
            is_closed = isinstance(error.__cause__, httpx2.ConnectError)
            cause, words = "unreachable" if is_closed else "connection_reset", str(error.__cause__)
        else:
            return found
        raise PassingError(cause, words)  # outside, so that it drags no request with its key along

    def _error(self, told: Refusal, response: httpx2.Response) -> Exception:
        words, host = self._said(told.words), self._settings.host
        if told.kind in PASSING:
            return PassingError(told.kind, words, asked_pause(response.headers))
        kinds: dict[str, tuple[type[AdvisorError], str, str]] = {
            "auth": (BackendAuthError, "refused the key", "Check the key and what it may use."),
            "quota": (
                BackendQuotaError,
                "has nothing left to spend for this account",
                "Add credit.",
            ),
            "no_model": (
                BackendError,
                f"has no model '{self._settings.model}' that embeds",
                "Check --embedder and --embedder-base-url, which often ends in /v1.",
            ),
            "too_long": (
                BackendError,
                "reads no text of this length",
                "Make passages shorter: --builder-option rag.tokens=NUMBER.",
            ),
        }
        kind, deed, hint = kinds.get(
            told.kind, (BackendError, "refused the texts", "Check the model's name and its limits.")
        )
        return kind(f"{host} {deed}: {words}.", hint=hint, where=host)

    def _lost(self, error: PassingError) -> AdvisorError:
        """What to raise once patience is over."""
        host, words = self._settings.host, self._said(error.words)
        told = f"{host} gave no embeddings. {WHY[error.cause]}{': ' + words if words else ''}."
        if error.cause == "unreachable":
            return BackendError(told, hint="Start it, or check --embedder-base-url.", where=host)
        hint = "Vectors so far are kept: run again when the service has recovered."
        if error.cause == "timeout":
            return BackendTimeoutError(told, hint=hint, where=host)
        return BackendResponseError(told, hint=hint, where=host)

    def _said(self, words: str) -> str:
        key = self._settings.api_key.get_secret_value()
        return scrubbed(words, "" if key == NO_KEY else key).rstrip(".")

    def _read(self, response: httpx2.Response, count: int) -> Any:
        """The vectors of an answer, in the order of the texts. Raises PassingError for others."""
        try:
            told = json.loads(response.content)
            data = told["data"]
            order = [item.get("index", at) for at, item in enumerate(data)]
            rows = np.asarray([item["embedding"] for item in data], dtype="float32")
        except (ValueError, TypeError, KeyError, AttributeError):
            raise PassingError("malformed_answer") from None
        if sorted(order) != list(range(count)):
            raise PassingError("malformed_answer", f"{len(order)} vectors for {count} texts")
        if rows.ndim != 2 or not rows.shape[1] or not np.isfinite(rows).all():
            raise PassingError("malformed_answer", "vectors with parts that are no numbers")
        if not np.linalg.norm(rows, axis=1).all():
            raise PassingError("malformed_answer", "a vector of zeros")
        self._count(told, rows)
        return rows[np.argsort(order)]

    def _count(self, told: Any, rows: Any) -> None:
        """Add up what was used. Raises PassingError where the length of vectors changes."""
        usage = told.get("usage")
        tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        with self._lock:
            self._length = self._length or rows.shape[1]
            if rows.shape[1] != self._length:
                words = f"vectors of {rows.shape[1]} numbers after some of {self._length}"
                raise PassingError("malformed_answer", words)
            self._used.update(calls=1, texts=len(rows), tokens=tokens or 0)


def _cause(state: tenacity.RetryCallState) -> PassingError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, PassingError) else PassingError("")
