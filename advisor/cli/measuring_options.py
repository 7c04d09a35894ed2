"""Options that say how a run measures: the service asked, metrics, money, cache, stopping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from advisor.cli.options import FiniteRange
from advisor.errors import InputError
from advisor.formats.mapping import parse_mapping
from advisor.secrets import found_secrets, masked

F = TypeVar("F", bound=Callable[..., Any])
PATHS = ("prices", "json_schema")
PAIRS = ("backend_options", "metric_options", "builder_options", "retriever_options")
EXAMPLES = {
    "backend-option": "device=cpu",
    "metric-option": "tolerance=0.01",
    "builder-option": "few_shot.shots=8",
    "retriever-option": "kind=hnsw",
}
SECRET_ENDINGS = ("key", "token", "password", "secret", "bearer", "authorization", "credentials")
SENTENCES = (
    "instruction",
    "model",
    "judge_model",
    "reflection_model",
    "embedder",
    "name",
    "gate_override",
    "tolerate",
)
"""Kept as they are given."""
ADDRESSES = ("base_url", "judge_base_url", "embedder_base_url")

OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--map", "mapping", help="Fields of the data by hand: input=frage,target=antwort."
    ),
    click.option(
        "--split-by",
        type=click.Choice(["auto", "input", "group", "document", "time", "cluster"]),
        help="What the split keeps together (default: auto).",
    ),
    click.option("--base-url", help="Address of an OpenAI-compatible server."),
    click.option("--concurrency", type=click.IntRange(1, 1024), help="Calls at once (default: 8)."),
    click.option(
        "--requests-per-minute", type=click.IntRange(1), help="Most calls a minute (default: any)."
    ),
    click.option(
        "--timeout",
        "timeout_seconds",
        type=FiniteRange(0, min_open=True),
        help="Seconds a call may take (default: 120).",
    ),
    click.option("--prices", help="File with token prices of your own (YAML)."),
    click.option("--json-schema", help="File with the JSON schema that answers must follow."),
    click.option(
        "--backend-option",
        "backend_options",
        multiple=True,
        help="Option of the backend, KEY=VALUE (device=cpu, api_key_env=NAME); repeatable.",
    ),
    click.option(
        "--metric-option",
        "metric_options",
        multiple=True,
        help="Option of the metric, KEY=VALUE or METRIC.KEY=VALUE; repeatable.",
    ),
    click.option(
        "--builder-option",
        "builder_options",
        multiple=True,
        help="Option of a builder, NAME.KEY=VALUE (few_shot.shots=8); repeatable.",
    ),
    click.option("--embedder", help="Folder of a sentence-transformers model, or a served name."),
    click.option("--embedder-base-url", help="Address of an OpenAI-compatible embedder."),
    click.option("--retriever", help="Retriever plugin (default: the builder's own)."),
    click.option(
        "--retriever-option",
        "retriever_options",
        multiple=True,
        help="Option of the retriever, KEY=VALUE; repeatable.",
    ),
    click.option("--reflection-model", help="Model that improves prompts (default: the tested)."),
    click.option("--also", help="Further metrics of the same answers, by comma."),
    click.option("--judge-model", help="Model that judges, for metrics that ask one."),
    click.option("--judge-backend", help="Its backend (default: openai)."),
    click.option("--judge-base-url", help="Its address."),
    click.option(
        "--stop-early/--no-stop-early",
        default=None,
        help="End once it is decided whether the target is met (default: where answers are paid).",
    ),
    click.option(
        "--cache/--no-cache", "use_cache", default=None, help="Keep and re-use answers (default)."
    ),
    click.option(
        "--learning-curve/--no-learning-curve",
        default=None,
        help="Also measure how scores grow with labels.",
    ),
]


def named(*names: str) -> Callable[[F], F]:
    """Those of the options, for a command that takes a few."""
    wanted = [o for o in OPTIONS if click.command("-")(o(lambda: None)).params[0].name in names]

    def decorated(function: F) -> F:
        for option in reversed(wanted):
            function = option(function)
        return function

    return decorated


def read(values: dict[str, Any]) -> dict[str, Any]:
    """Values of these options as RunSettings takes them; others are left as they are.

    Raises InputError for a mapping, an option or an address that cannot be used, and for what would
    keep a secret in the run folder.
    """
    found = dict(values)
    _check_sentences(found)
    for key in PATHS:
        if key in found:
            found[key] = str(Path(found[key]).resolve())
    for key in ADDRESSES:
        if key in found:
            found[key] = _address(found[key], key.replace("_", "-"))
    if "mapping" in found:
        found["mapping"] = parse_mapping(found["mapping"])
    if "also" in found:
        found["also"] = tuple(n.strip() for n in found["also"].split(",") if n.strip())
    for key in PAIRS:
        if key in found:
            option = key.removesuffix("s").replace("_", "-")
            found[key] = dict(_pair(text, option) for text in found[key])
    return found


def _check_sentences(values: Mapping[str, Any]) -> None:
    for key in SENTENCES:
        if looks_secret(values.get(key) or ""):
            raise InputError(
                f"--{key.replace('_', '-')} holds what looks like a key or a password, and would "
                "keep it in the run folder.",
                hint="Take it out, or write a stand-in such as [key].",
            )


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise InputError(
            f"--{option} '{text}' is not KEY=VALUE.",
            hint=f"Write, for example, --{option} {EXAMPLES[option]}.",
        )
    name = key.strip()
    is_secret = option == "backend-option" and name.lower().endswith(SECRET_ENDINGS)
    if is_secret or looks_secret(value):
        raise InputError(
            f"--{option} {masked(name)} would keep a secret in the run folder.",
            hint="Put it into an environment variable, and name that with "
            "--backend-option api_key_env=NAME.",
        )
    return name, value


def looks_secret(text: str) -> bool:
    """Whether a text holds what looks like a key or a password."""
    return next(found_secrets(text), None) is not None


def _address(text: str, option: str) -> str:
    """An address without credentials in it: it is kept in the run folder, where keys may not be."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https"):
        raise InputError(
            f"--{option} is not an address such as http://localhost:8000/v1.",
            hint="Begin with http:// or https:// and name the host.",
        )
    if parts.username or parts.password or parts.query:
        raise InputError(
            f"--{option} holds a user, a password or a query, which would be kept in the run.",
            hint="Give the bare address, and the key in the environment (OPENAI_API_KEY).",
        )
    return text.rstrip("/")
