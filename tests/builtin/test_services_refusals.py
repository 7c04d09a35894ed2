"""What a refusal of a service and its wish for a pause mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from advisor.builtin.backends.pace import asked_pause
from advisor.builtin.backends.refusals import refusal

for library in ("openai", "anthropic", "tenacity"):
    pytest.importorskip(library)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "86400"}, 86400.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 26 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 26 Nov 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_the_pause_a_service_asks_for(headers: dict, seconds: float | None):
    assert asked_pause(headers, datetime(2026, 11, 26, 12, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "", "auth"),
        (403, '{"error": {"message": "billing_not_active"}}', "quota"),
        (402, "Payment required", "quota"),
        (400, '{"error": {"message": "Your credit balance is too low"}}', "quota"),
        (429, '{"error": {"code": "insufficient_quota", "message": "no"}}', "quota"),
        (429, '{"error": {"message": "slow down"}}', "rate_limited"),
        (400, '{"error": {"code": "context_length_exceeded", "message": "no"}}', "too_long"),
        (400, '{"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}', "too_long"),
        (413, "", "too_long"),
        (404, '{"detail": "Not Found"}', "no_model"),
        (408, "", "timeout"),
        (409, "", "server_error"),
        (500, "<html>", "server_error"),
        (529, '{"error": "overloaded"}', "server_error"),
        (400, '{"object": "error", "message": "bad", "code": 400}', "refused"),
        (422, "[1, 2]", "refused"),
    ],
)
def test_what_a_refusal_means(status: int, body: str, kind: str):
    told = refusal(status, body)
    assert told.kind == kind
    assert told.words
