"""Speaks with an OpenAI-compatible tuning service through OpenAI's library; patient and wary."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import openai

from advisor.errors import (
    AdvisorError,
    BackendAuthError,
    BackendQuotaError,
    BackendTimeoutError,
    TrainingError,
)
from trainers.engines.hosted.record import GONE
from trainers.engines.hosted.rows import Upload
from trainers.engines.hosted.settings import Address

T = TypeVar("T")
ATTEMPTS = 12
"""Of one request; with waits that double up to a minute, about seven minutes."""
LONGEST_WAIT, LONGEST_ASKED_WAIT = 60.0, 600.0
PASSING = (408, 409, 425, 429)
SLICE_SECONDS = 0.2
MARK = "advisor_job"
NO_MONEY = ("insufficient_quota", "exceeded your current quota", "billing", "credit balance")
AT_LEAST_SECONDS = 300.0
"""For an upload, which may be large."""


class Service:
    """One service; every request is tried again where that may help and cannot cost twice."""

    def __init__(self, address: Address, should_stop: Callable[[], bool]) -> None:
        self._address = address
        self._should_stop = should_stop
        self._client = openai.OpenAI(
            api_key=address.api_key.get_secret_value(),
            base_url=address.base_url,
            timeout=address.timeout_seconds,
            max_retries=0,
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def upload(self, file: Upload) -> str:
        """The id of the file, sent only where the service does not have it.

        A file is known by its name, which tells its content, and its size.
        """
        known = self._again(lambda: self._known(file))
        if known:
            return known
        patient = self._client.with_options(
            timeout=max(AT_LEAST_SECONDS, self._address.timeout_seconds)
        )

        def send() -> str:
            made = patient.files.create(file=(file.name, file.data), purpose="fine-tune")
            return str(made.id)

        return self._again(send, unless=lambda: self._known(file))

    def create(self, told: dict[str, Any], began: float) -> str:
        """The id of a new job; after an answer that got lost, the job is looked for first."""

        def ask() -> str:
            return str(self._client.fine_tuning.jobs.create(**told).id)

        return self._again(ask, unless=lambda: self._found(told, began))

    def find(self, told: dict[str, Any], began: float) -> str | None:
        """A living job made from the same request since `began`; None where there is none."""
        return self._again(lambda: (self._found(told, began),))[0]

    def _found(self, told: dict[str, Any], began: float) -> str | None:
        mark = told["metadata"][MARK]
        for job in _every(self._client.fine_tuning.jobs.list(limit=50)):
            if getattr(job, "status", "") in GONE:
                continue
            marks = getattr(job, "metadata", None) or {}
            same = (job.training_file, job.model) == (told["training_file"], told["model"])
            is_new = (getattr(job, "created_at", None) or 0) >= began - 60
            if marks.get(MARK) == mark or (not marks and same and is_new):
                return str(job.id)
        return None

    def job(self, name: str) -> Any:
        """The job as it stands."""
        return self._again(lambda: self._client.fine_tuning.jobs.retrieve(name))

    def events(self, name: str, *, until: str = "") -> list[Any]:
        """Events, oldest first, that came after the one with id `until`; all for an empty one."""
        return self._again(lambda: list(reversed(list(self._newest(name, until)))))

    def cancel(self, name: str) -> str:
        """End a job; its state afterwards."""
        return str(self._again(lambda: self._client.fine_tuning.jobs.cancel(name)).status)

    def wait(self, span: float) -> None:
        """Sleep; raises KeyboardInterrupt as soon as the run is to stop."""
        ends = time.monotonic() + span
        while True:
            if self._should_stop():
                raise KeyboardInterrupt
            left = ends - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(SLICE_SECONDS, left))

    def _known(self, file: Upload) -> str | None:
        for one in _every(self._client.files.list(purpose="fine-tune", limit=1000)):
            is_same = one.filename == file.name and one.bytes == len(file.data)
            if is_same and getattr(one, "status", "") not in ("error", "deleted"):
                return str(one.id)
        return None

    def _newest(self, name: str, until: str) -> Iterator[Any]:
        for event in self._client.fine_tuning.jobs.list_events(name, limit=100):
            if until and event.id == until:
                return
            yield event

    def _again(self, ask: Callable[[], T], unless: Callable[[], T | None] | None = None) -> T:
        """Ask until an answer comes.

        After a lost answer `unless` looks whether it did its work after all; nothing is asked a
        second time before such a look has been answered. Raises BackendAuthError,
        BackendQuotaError, TrainingError with the service's sentence, and BackendTimeoutError where
        no answer came in all attempts.
        """
        words, is_lost = "", False
        for attempt in range(ATTEMPTS):
            try:
                if is_lost and unless is not None:
                    done = unless()
                    if done is not None:
                        return done
                is_lost = True
                return ask()
            except openai.APIStatusError as error:
                words = self._may_pass(error)
                asked = _asked_wait(error)
            except openai.APIConnectionError as error:  # a time-out is one, too
                words, asked = self._address.said(str(error.__cause__ or error)), None
            span = min(LONGEST_WAIT, min(1.0, self._address.poll_seconds) * 2**attempt)
            self.wait(asked or span * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        raise BackendTimeoutError(
            f"{self._address.host} did not answer in {ATTEMPTS} attempts: {words}.",
            hint="What runs there goes on; --resume takes it up again and pays nothing twice.",
            where=self._address.host,
        )

    def _may_pass(self, error: openai.APIStatusError) -> str:
        """The words of a refusal that may pass; raises what any other one means."""
        code, words = error.status_code, self._address.said(_sentence(error)).rstrip(".")
        no_money = any(mark in str(error.body).lower() for mark in NO_MONEY)
        has_no_money = code == 402 or (code in (400, 403, 429) and no_money)
        if not has_no_money and (code in PASSING or code >= 500):
            return words
        kind: type[AdvisorError] = TrainingError
        what, hint = "{} refused the request", "Check the model's name, the data and the options."
        if has_no_money:
            kind, what = BackendQuotaError, "The account at {} has nothing left to spend"
            hint = "Add credit or raise its limit, then run again with --resume."
        elif code in (401, 403):
            kind, what = BackendAuthError, "{} refused the key"
            hint = "Check the key, and that it may tune models."
        host = self._address.host
        raise kind(f"{what.format(host)}: {words}.", hint=hint, where=host) from None


def _every(page: Iterable[T]) -> Iterator[T]:
    """All entries of all pages; ends where a service that knows no pages begins again."""
    seen = set()
    for one in page:
        name = getattr(one, "id", None)
        if name in seen:
            return
        seen.add(name)
        yield one


def _sentence(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict):
        inner = body.get("error", body)
        told = inner.get("message") if isinstance(inner, dict) else inner
        return str(told or inner)
    return str(body or f"status {error.status_code}")


def _asked_wait(error: openai.APIStatusError) -> float | None:
    try:
        return min(LONGEST_ASKED_WAIT, float(error.response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
