"""Ollama's Modelfile: written, read back, and what in it would make a model answer otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from advisor.errors import PlanError

QUOTES = '"""'
TWICE = (
    "TEMPLATE writes {}, and the GGUF file has it put first as well: every prompt would begin with"
    " two of them."
)


class Modelfile(NamedTuple):
    """What a Modelfile says."""

    base: str
    """File or name behind FROM."""
    template: str | None
    system: str
    stops: tuple[str, ...]
    parameters: dict[str, str]
    """Other parameters: temperature, num_predict, num_ctx."""
    adapter: str = ""

    def text(self) -> str:
        """The file. Raises PlanError for a text that Ollama's quotes cannot hold."""
        lines = [f"FROM {self.base}"]
        if self.adapter:
            lines.append(f"ADAPTER {self.adapter}")
        if self.template is not None:
            lines.append(f"TEMPLATE {_quoted(self.template, 'chat template')}")
        if self.system:
            lines.append(f"SYSTEM {_quoted(self.system, 'instruction')}")
        lines += [f"PARAMETER {name} {value}" for name, value in self.parameters.items()]
        lines += [f"PARAMETER stop {_quoted(stop, 'stop token')}" for stop in self.stops]
        return "\n".join(lines) + "\n"


def _quoted(text: str, what: str) -> str:
    """Between three quotes, where nothing is escaped."""
    if QUOTES in text or text.endswith('"') or "\r" in text:
        raise PlanError(
            f"The {what} cannot stand in a Modelfile: it holds three quotes, ends with one, or has"
            " a carriage return.",
            hint="Change the instruction, or serve the GGUF file by llama.cpp (--to gguf).",
            where=what,
        )
    return f"{QUOTES}{text}{QUOTES}"


def parsed(text: str) -> Modelfile:
    """What a Modelfile in this form says. Raises ValueError for another form."""
    told: dict[str, str] = {}
    parameters: dict[str, str] = {}
    stops: list[str] = []
    for command, value in _commands(text):
        if command != "PARAMETER":
            told[command] = value
            continue
        name, _, rest = value.partition(" ")
        if name == "stop":
            stops.append(_unquoted(rest))
        else:
            parameters[name] = rest
    if "FROM" not in told:
        raise ValueError("the Modelfile has no FROM")
    return Modelfile(
        base=told["FROM"],
        template=told.get("TEMPLATE"),
        system=told.get("SYSTEM", ""),
        stops=tuple(stops),
        parameters=parameters,
        adapter=told.get("ADAPTER", ""),
    )


def _commands(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end
        line = text[at:line_end]
        start = text.find(QUOTES, at, line_end)
        if start < 0 or line.startswith("PARAMETER"):
            at = line_end + 1
            if line.strip() and not line.startswith("#"):
                command, _, value = line.partition(" ")
                found.append((command.upper(), value.strip()))
            continue
        end = text.find(QUOTES, start + 3)
        if end < 0:
            raise ValueError("three quotes are not closed")
        found.append((text[at:start].strip().upper(), text[start + 3 : end]))
        at = end + 4
    return found


def _unquoted(text: str) -> str:
    for quotes in (QUOTES, '"'):
        if text.startswith(quotes) and text.endswith(quotes):
            return text[len(quotes) : -len(quotes)]
    return text


class Wanted(NamedTuple):
    """How the tuned model was asked, for comparison."""

    prompts: Sequence[tuple[str, Sequence[Mapping[str, str]], str]]
    """System turn, other turns, and the text that its own template made of them."""
    ends: Sequence[str]
    bos: str
    """Spelling of the token that begins prompts; empty where there is none."""
    file_adds_bos: bool
    """Whether the GGUF file has programs put it first."""


def problems(file: Modelfile, wanted: Wanted) -> list[str]:
    """Why Ollama would ask or stop otherwise than the tuned model was, each as a sentence."""
    from trainers.exporting.go_template import evaluated  # noqa: PLC0415 - it reads no Modelfile

    found = [
        f"The stop token {end!a} is missing: answers would go on behind it."
        for end in wanted.ends
        if end not in file.stops
    ]
    found += [
        f"The stop {stop!a} is none at which the tuned model ended."
        for stop in file.stops
        if stop not in wanted.ends
    ]
    if file.template is None:
        return [*found, "TEMPLATE is missing: Ollama would guess a chat form."]
    for system, turns, said in wanted.prompts:
        try:
            made = evaluated(file.template, system=system, messages=turns)
        except ValueError as error:
            return [*found, f"TEMPLATE cannot be read: {error}."]
        if wanted.bos and wanted.file_adds_bos:
            if made.startswith(wanted.bos):
                return [*found, TWICE.format(ascii(wanted.bos))]
            made = f"{wanted.bos}{made}"
        if made != said:
            return [*found, _differing(made, said)]
    return found


def _differing(made: str, said: str) -> str:
    pairs = zip(made, said, strict=False)
    at = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(made), len(said)))
    return (
        f"TEMPLATE writes {made[at : at + 20]!a} from character {at} on where the model's own chat"
        f" template writes {said[at : at + 20]!a}."
    )
