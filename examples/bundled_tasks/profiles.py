"""The profile of each bundled task: what the interview would have asked."""

from __future__ import annotations

from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    "manuals": {
        "name": "manuals",
        "title": "Questions about product manuals",
        "instruction": "Answer the question about the product.",
        "metric": "exact_match",
        "target": 0.60,
        "docs": "docs",
        "facts": {
            "task.kind": "question_answering",
            "knowledge.in_documents": True,
            "knowledge.known_to_model": False,
            "knowledge.update_interval_days": 30,
            "knowledge.needs_citation": True,
            "output.house_format": False,
            "output.short": True,
            "data.labelled_examples": 200,
        },
    },
    "tickets": {
        "name": "tickets",
        "title": "House ticket line from a customer message",
        "instruction": "Turn the customer message into our ticket line.",
        "metric": "exact_match",
        "target": 0.85,
        "facts": {
            "task.kind": "transformation",
            "knowledge.in_documents": False,
            "knowledge.known_to_model": False,
            "knowledge.update_interval_days": 365,
            "knowledge.needs_citation": False,
            "output.house_format": True,
            "output.short": True,
            "data.labelled_examples": 480,
        },
    },
    "fields": {
        "name": "fields",
        "title": "Order number from a customer message",
        "instruction": "Extract the order number from the message.",
        "metric": "exact_match",
        "target": 0.85,
        "facts": {
            "task.kind": "extraction",
            "knowledge.in_documents": False,
            "knowledge.known_to_model": True,
            "knowledge.update_interval_days": 365,
            "knowledge.needs_citation": False,
            "output.house_format": False,
            "output.short": True,
            "data.labelled_examples": 300,
        },
    },
}
