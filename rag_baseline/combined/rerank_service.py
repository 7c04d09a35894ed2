"""Reranking by a service that speaks the common `/rerank` call (Jina, Cohere, vLLM)."""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from advisor.errors import (
    BackendAuthError,
    BackendError,
    BackendQuotaError,
    BackendResponseError,
    BackendTimeoutError,
    InputError,
)

KEY = "RERANK_API_KEY"  # the variable's name, not a key
SECONDS = 60.0
"""For one whole call."""
LARGEST = 2**24
"""Bytes of an answer that are read."""
PIECE = 2**16
CALL = "/rerank"


def is_address(place: str) -> bool:
    """Whether a place is meant for a service."""
    return "://" in place


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key would go along to whoever it names."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """None, so that the status itself is the answer."""


@dataclass(frozen=True)
class ServiceReranker:
    """A service at an address; its key comes from the environment alone."""

    url: str
    model: str

    @classmethod
    def of(cls, place: str) -> ServiceReranker:
        """From `URL#MODEL`, where the URL ends before `/rerank`. Raises InputError."""
        url, _, model = place.strip().partition("#")
        parts = _parts(url)
        if parts is None or not model.strip():
            raise InputError(
                "The address of the reranking service cannot be used.",
                hint="Give it as https://host/v1#MODEL, without user, password or query in it; a"
                f" key is read from {KEY}.",
                where="rerank",
            )
        return cls(url.rstrip("/").removesuffix(CALL), model.strip())

    @property
    def digest(self) -> str:
        """Of address and model; nobody is asked."""
        return hashlib.sha256(f"{self.url}#{self.model}".encode()).hexdigest()[:16]

    @property
    def told(self) -> str:
        """The model's name and a digest of where it is asked, for a manifest."""
        return f"{self.model} {self.digest}"

    @property
    def host(self) -> str:
        """Host and port, for errors."""
        return urlsplit(self.url).netloc

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One per text, in order. Raises BackendError and its kinds."""
        body = {"model": self.model, "query": query, "documents": list(texts), "top_n": len(texts)}
        found = self._answer(json.dumps(body).encode())
        try:
            by_index = {int(each["index"]): float(each["relevance_score"]) for each in found}
            scores = [by_index[at] for at in range(len(texts))]
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable("a score is missing") from error
        if not all(math.isfinite(score) for score in scores):
            raise self._unusable("a score is no number")
        return scores

    def _answer(self, body: bytes) -> Any:
        try:
            text = self._asked(body)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code) from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", error), TimeoutError):
                raise BackendTimeoutError(
                    f"The reranking service did not answer in {SECONDS:g} seconds.",
                    hint="Try again, or leave rerank out.",
                    where=self.host,
                ) from error
            raise BackendError(
                f"The reranking service cannot be reached: {error}.",
                hint="Check the address, or leave rerank out.",
                where=self.host,
            ) from error
        try:
            return json.loads(text)["results"]
        except (ValueError, KeyError, TypeError) as error:
            raise self._unusable("it is no list of results") from error

    def _asked(self, body: bytes) -> bytes:
        """What comes back. Raises OSError, HTTPException, BackendError."""
        request = urllib.request.Request(self.url + CALL, body, self._headers())  # noqa: S310 - http(s)
        end = time.monotonic() + SECONDS
        found = bytearray()
        opener = urllib.request.build_opener(_Staying)
        with opener.open(request, timeout=SECONDS) as answer:
            while piece := answer.read1(PIECE):
                found += piece
                if len(found) > LARGEST:
                    raise self._unusable("it is too long")
                if time.monotonic() > end:
                    raise TimeoutError
        return bytes(found)

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(KEY, "").strip()
        if not (key.isascii() and (key.isprintable() or not key)):
            raise BackendAuthError(
                f"{KEY} holds characters that no key has.",
                hint="Set it to the key alone.",
                where=self.host,
            )
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        return {"Content-Type": "application/json", **authorization}

    def _refused(self, status: int) -> BackendError:
        kinds = {401: BackendAuthError, 403: BackendAuthError, 402: BackendQuotaError}
        kind = kinds.get(status, BackendResponseError)
        deed = f"refused with status {status}"
        hint = "Check address and model, or try again later."
        if kind is BackendAuthError:
            hint = f"Set {KEY} to a key of this service."
        elif HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            deed = f"sends to another address (status {status}), which is not followed"
            hint = "Give the address at which it answers itself."
        return kind(f"The reranking service {deed}.", hint=hint, where=self.host)

    def _unusable(self, why: str) -> BackendResponseError:
        return BackendResponseError(
            f"The reranking service's answer cannot be used: {why}.",
            hint="Check that the address speaks /rerank with 'index' and 'relevance_score'.",
            where=self.host,
        )


def _parts(url: str) -> SplitResult | None:
    """The parts of an address that may be asked and holds no secret where it would be kept."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is no number
    except ValueError:
        return None
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return parts if is_web and is_plain and "@" not in parts.netloc and "?" not in url else None
