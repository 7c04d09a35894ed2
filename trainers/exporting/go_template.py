"""The few words of Go's text/template that a Modelfile of ours uses: written, and evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trainers.exporting.turns import Form

READ_OTHERWISE = re.compile(r"([{}\"\\\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]+)")


class Branch(NamedTuple):
    """One `if` with what follows it, or a `range`."""

    kind: str
    """`if`, `range`."""
    ways: list[tuple[str, list[Any]]]
    """Condition and body; an empty condition always holds."""


def written(form: Form) -> str:
    """A chat form in Go's words, for the variables that Ollama gives: System and Messages.

    Texts are Go strings wherever a brace, a quote or a character that is not printed stands in
    them, so that neither Go nor the Modelfile reads them otherwise.
    """
    opening = _text(form.opening)
    if form.before_system is not None:
        opening = (
            f"{{{{ if .System }}}}{_text(form.before_system)}{{{{ .System }}}}"
            f"{_text(form.after_system)}{{{{ else }}}}{opening}{{{{ end }}}}"
        )
    user = f"{_text(form.before_user)}{{{{ .Content }}}}{_text(form.after_user)}"
    answer = f"{_text(form.before_answer)}{{{{ .Content }}}}{_text(form.after_answer)}"
    return (
        f'{opening}{{{{ range .Messages }}}}{{{{ if eq .Role "user" }}}}{user}'
        f'{{{{ else if eq .Role "assistant" }}}}{answer}{{{{ end }}}}{{{{ end }}}}'
        f"{_text(form.generation)}"
    )


def _text(text: str) -> str:
    """A text as it stands, or as Go strings where it could be read otherwise."""
    pieces = READ_OTHERWISE.split(text)
    return "".join(
        f"{{{{ {json.dumps(piece)} }}}}" if at % 2 else piece for at, piece in enumerate(pieces)
    )


def evaluated(template: str, *, system: str, messages: Sequence[Mapping[str, str]]) -> str:
    """What Go would write of a template in these words. Raises ValueError for any other word."""
    tokens = _tokens(template)
    body, rest = _body(tokens, 0)
    if rest != len(tokens):
        raise ValueError("an 'end' too many")
    return _run(body, {"System": system, "Messages": list(messages)})


def _tokens(template: str) -> list[tuple[bool, str]]:
    """Actions and texts in order."""
    found, at = [], 0
    while at < len(template):
        start = template.find("{{", at)
        if start < 0:
            found.append((False, template[at:]))
            break
        if start > at:
            found.append((False, template[at:start]))
        end = _end_of_action(template, start + 2)
        found.append((True, template[start + 2 : end].strip()))
        at = end + 2
    return found


def _end_of_action(template: str, at: int) -> int:
    """Where the braces close; those within a string do not."""
    inside = False
    while at < len(template):
        if inside and template[at] == "\\":
            at += 2
            continue
        if template[at] == '"':
            inside = not inside
        if not inside and template.startswith("}}", at):
            return at
        at += 1
    raise ValueError("an action is not closed")


def _body(tokens: Sequence[tuple[bool, str]], at: int) -> tuple[list[Any], int]:
    """Nodes up to an `else`, an `end` or the end."""
    nodes: list[Any] = []
    while at < len(tokens):
        is_action, text = tokens[at]
        word = text.split(" ", 1)[0] if is_action else ""
        if is_action and word in ("else", "end"):
            return nodes, at
        if word in ("if", "range"):
            node, at = _branch(tokens, at, word)
            nodes.append(node)
            continue
        nodes.append((is_action, text))
        at += 1
    return nodes, at


def _branch(tokens: Sequence[tuple[bool, str]], at: int, kind: str) -> tuple[Branch, int]:
    condition = tokens[at][1].removeprefix(kind).strip()
    ways: list[tuple[str, list[Any]]] = []
    while True:
        body, at = _body(tokens, at + 1)
        ways.append((condition, body))
        if at >= len(tokens):
            raise ValueError(f"'{kind}' has no end")
        word = tokens[at][1]
        if word == "end":
            return Branch(kind, ways), at + 1
        condition = word.removeprefix("else").strip().removeprefix("if").strip()


def _run(nodes: Sequence[Any], scope: Mapping[str, Any]) -> str:
    out = []
    for node in nodes:
        if not isinstance(node, Branch):
            is_action, text = node
            out.append(str(_value(text, scope)) if is_action else text)
        elif node.kind == "range":
            ((name, body),) = node.ways
            out.extend(
                _run(body, {"Role": turn["role"], "Content": turn["content"]})
                for turn in _value(name, scope)
            )
        else:
            chosen = (body for asked, body in node.ways if not asked or _value(asked, scope))
            out.append(_run(next(chosen, []), scope))
    return "".join(out)


def _value(text: str, scope: Mapping[str, Any]) -> Any:
    """A field, a string, or whether two of them are equal."""
    if text.startswith("eq "):
        left, right = text.removeprefix("eq ").split(" ", 1)
        return _value(left, scope) == _value(right, scope)
    if text.startswith('"'):
        return json.loads(text)
    if text.startswith(".") and text[1:] in scope:
        return scope[text[1:]]
    raise ValueError(f"'{text}' is no word that is known here")
