"""Reranking by a service that speaks the common `/rerank` call (Jina, Cohere, vLLM)."""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urlsplit

from advisor.errors import (
    BackendAuthError,
    BackendError,
    BackendQuotaError,
    BackendResponseError,
    BackendTimeoutError,
    InputError,
)

KEY = "RERANK_API_KEY"  # the variable's name, not a key
SECONDS = 60
CALL = "/rerank"


def is_address(place: str) -> bool:
    """Whether a place is meant for a service."""
    return place.lower().startswith(("http://", "https://"))


@dataclass(frozen=True)
class ServiceReranker:
    """A service at an address; its key comes from the environment alone."""

    url: str
    model: str

    @classmethod
    def of(cls, place: str) -> ServiceReranker:
        """From `URL#MODEL`, where the URL ends before `/rerank`. Raises InputError."""
        url, model = urldefrag(place)
        parts = urlsplit(url)
        if not parts.hostname or parts.username or parts.password or not model:
            raise InputError(
                "The address of the reranking service cannot be used.",
                hint="Give it as https://host/v1#MODEL, without a password in it; a key is read "
                f"from {KEY}.",
                where="rerank",
            )
        return cls(url.rstrip("/").removesuffix(CALL), model)

    @property
    def digest(self) -> str:
        """Of address and model; nobody is asked."""
        return hashlib.sha256(f"{self.url}#{self.model}".encode()).hexdigest()[:16]

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
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(KEY, "").strip()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url + CALL, body, headers)  # noqa: S310 - http(s)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                return json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error.code) from error
        except TimeoutError as error:
            raise BackendTimeoutError(
                f"The reranking service did not answer in {SECONDS} seconds.",
                hint="Try again, or leave rerank out.",
                where=self.url,
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise BackendError(
                f"The reranking service cannot be reached: {error}.",
                hint="Check the address, or leave rerank out.",
                where=self.url,
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._unusable("it is no list of results") from error

    def _refused(self, status: int) -> BackendError:
        kinds = {401: BackendAuthError, 403: BackendAuthError, 402: BackendQuotaError}
        kind = kinds.get(status, BackendResponseError)
        hint = (
            f"Set {KEY} to a key of this service."
            if kind is BackendAuthError
            else "Check address and model, or try again later."
        )
        return kind(
            f"The reranking service refused with status {status}.", hint=hint, where=self.url
        )

    def _unusable(self, why: str) -> BackendResponseError:
        return BackendResponseError(
            f"The reranking service's answer cannot be used: {why}.",
            hint="Check that the address speaks /rerank with 'index' and 'relevance_score'.",
            where=self.url,
        )
