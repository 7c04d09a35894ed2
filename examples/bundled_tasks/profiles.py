"""What each bundled task is, and the answers an interview about it would have got."""

from __future__ import annotations

from typing import Any

TITLES = {
    "manuals": "Questions about product manuals",
    "tickets": "House ticket line from a customer message",
    "fields": "Order number from a customer message",
}

ANSWERS: dict[str, dict[str, dict[str, Any]]] = {
    "manuals": {
        "task": {
            "kind": "question_answering",
            "instruction": "Answer the question about the product.",
            "metric": "exact_match",
            "target": 0.60,
            "needs_style": False,
        },
        "knowledge": {"in_documents": True, "update_interval_days": 30, "must_be_current": True},
        "output": {"house_format": False, "strict_format": False},
        "constraints": {"must_stay_local": True},
    },
    "tickets": {
        "task": {
            "kind": "structured_output",
            "instruction": "Turn the customer message into our ticket line.",
            "metric": "exact_match",
            "target": 0.85,
            "needs_style": False,
        },
        "knowledge": {"in_documents": False, "update_interval_days": 365},
        "output": {"house_format": True, "strict_format": True},
        "constraints": {"must_stay_local": True},
    },
    "fields": {
        "task": {
            "kind": "extraction",
            "instruction": "Extract the order number from the message.",
            "metric": "exact_match",
            "target": 0.85,
            "needs_style": False,
        },
        "knowledge": {"in_documents": False, "update_interval_days": 365},
        "output": {"house_format": False, "strict_format": True},
        "constraints": {"must_stay_local": True},
    },
}

PLANS = {
    "tickets": {
        "plan": {
            "learning_rate": 0.0025,
            "epochs": 3,
            "sequence_length": 208,
            "general_share": 0.5,
        }
    }
}
"""The usual plan wins this task and costs the embedded model most of what it knew; this one keeps
it, with the conversations of general.jsonl mixed in."""
