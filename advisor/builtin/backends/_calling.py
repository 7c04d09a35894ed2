"""Asks a service for a completion until it has one, or knows that there will be none."""

from __future__ import annotations

import time

import tenacity

from advisor.builtin.backends._exchange import Exchange, Link, PassingError, RefusedError
from advisor.builtin.backends.attempts import Attempts
from advisor.errors import BackendError
from advisor.schema.evaluation import Completion, Prompt

PATIENCE_SECONDS = 900.0
"""No further attempt for a prompt begins after so long; a service that asks for a longer wait ends
the run."""
LONGEST_WAIT = 60.0
"""Seconds between attempts, where the service names none."""
LOST_PER_CALL = 4
"""Times the calls at once: so many prompts in a row without an answer end the run."""
TRIES_TO_REACH = 3
"""Attempts at a service that has never answered."""
WHY = {
    "rate_limited": "The service had no room for it (too many requests)",
    "server_error": "The service failed",
    "timeout": "The service did not answer in time",
    "unreachable": "The service could not be reached",
    "connection_reset": "The connection broke",
    "malformed_answer": "The service answered something that is no answer",
    "empty_choices": "The service answered without a choice",
}


class Caller:
    """Retries what may pass, in the service's own time; shared by all lanes of a session."""

    def __init__(self, exchange: Exchange, link: Link) -> None:
        self._exchange = exchange
        self._settings = link.settings
        self._pace = link.pace
        self._count = link.tell
        self._lost_in_a_row = 0
        half, longest = link.settings.first_wait_seconds / 2, LONGEST_WAIT / 2
        self._grown = tenacity.wait_exponential(
            multiplier=half, max=longest
        ) + tenacity.wait_random_exponential(multiplier=half, max=longest)

    def ask(self, prompt: Prompt, max_new_tokens: int) -> Completion:
        """The completion, with finish `error` where there is none.

        Raises BackendAuthError, BackendQuotaError or BackendError where nobody can be answered (no
        further call begins then), and ClosedError when the session is closed meanwhile.
        """
        tries = Attempts(prompt)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(PassingError),
            stop=lambda state: self._is_over(tries, state),
            wait=self._wait,
            sleep=self._pace.sleep,
            reraise=True,
        )
        try:
            done: Completion = retrying(self._once, prompt, max_new_tokens, tries)
        except PassingError as error:
            return self._lost(error, tries)
        except RefusedError as error:
            return _failure(str(error), tries, may_pass=False)
        self._lost_in_a_row = 0
        return done

    def _once(self, prompt: Prompt, max_new_tokens: int, tries: Attempts) -> Completion:
        """One attempt. Raises BackendError where the service asks for more than our patience."""
        try:
            return self._exchange.once(prompt, max_new_tokens, tries)
        except PassingError as error:
            wait = error.pause or 0.0
            if wait <= LONGEST_WAIT or time.monotonic() - tries.since + wait <= PATIENCE_SECONDS:
                raise
            cause, words = error.cause, self._exchange.said(error.words)
        self._count(cause)
        host = self._settings.host
        over = BackendError(
            f"{host} asks to wait {_duration(wait)} before the next call, and a prompt waits "
            f"{_duration(PATIENCE_SECONDS)} at most{': ' + words if words else ''}.",
            hint="Answers so far are kept: run the same command again after that time.",
            where=host,
        )
        self._pace.close(over)
        raise over

    def _lost(self, error: PassingError, tries: Attempts) -> Completion:
        """A failure that may pass. Raises BackendError where nothing else comes any more."""
        words, times = self._exchange.said(error.words), tries.begun
        asked = f"{times} times" if times > 1 else "once"
        told = f"{WHY[error.cause]}, asked {asked}{': ' + words if words else ''}."
        self._lost_in_a_row += 1
        host = self._settings.host
        over: BackendError | None = None
        if error.cause == "unreachable" and not self._exchange.reached:
            hint = "Start it, or check --base-url."
            over = BackendError(f"No service answers at {host}: {words}.", hint=hint, where=host)
        elif self._lost_in_a_row >= LOST_PER_CALL * self._settings.concurrency:
            over = BackendError(
                f"{host} left {self._lost_in_a_row} prompts in a row without an answer. {told}",
                hint="Answers so far are kept: run again when the service has recovered.",
                where=host,
            )
        if over is not None:
            self._pace.close(over)
            raise over
        return _failure(told, tries, may_pass=True)

    def _is_over(self, tries: Attempts, state: tenacity.RetryCallState) -> bool:
        cause = _cause(state).cause
        if cause != "rate_limited":  # to be told to wait is no failure; only patience ends that
            tries.failed += 1
        most = self._settings.attempts
        if cause == "unreachable" and not self._exchange.reached:
            most = min(most, TRIES_TO_REACH)
        self._count(cause)
        return tries.failed >= most or time.monotonic() - tries.since > PATIENCE_SECONDS

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """What the service asks for; else twice as long each time, half of it at random."""
        error = _cause(state)
        seconds = self._grown(state) if error.pause is None else error.pause
        if error.cause == "rate_limited":
            self._pace.pause(seconds)  # what one lane is told holds for all
        return seconds


def _cause(state: tenacity.RetryCallState) -> PassingError:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, PassingError) else PassingError("")


def _failure(told: str, tries: Attempts, *, may_pass: bool) -> Completion:
    failed = Completion(
        text="",
        prompt_tokens=tries.prompt_tokens,
        completion_tokens=0,
        latency_ms=0.0,
        finish="error",
        error=told,
        may_pass=may_pass,
    )
    return tries.told(failed)


def _duration(seconds: float) -> str:
    """Seconds as a person says them."""
    for size, name in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.0f} seconds"
