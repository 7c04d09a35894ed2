"""The reference page of every stage's document, field by field."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from functools import cache
from typing import get_args

from pydantic import BaseModel

from advisor.artifacts import FILES
from advisor.schema import baseline, decide, estimate, gate, plan, profile, report, train, verify
from scripts.docs_cells import first_line, table

VALUES: dict[str, tuple[type[BaseModel], ...]] = {
    "profile": (profile.Profile, profile.TaskFacts, profile.DataFacts, profile.KnowledgeFacts),
    "decide": (decide.Decision, decide.RankedApproach, decide.Reason),
    "estimate": (estimate.Estimate, estimate.Option, plan.Plan),
    "baseline": (baseline.Baselines,),
    "gate": (gate.GateVerdict, gate.Criterion),
    "train": (train.TrainResult,),
    "verify": (verify.Verification,),
    "report": (report.Report,),
}


def documents_page() -> str:
    """The fields of every stage's document, with the sentence beside each in the code."""
    parts = [
        "# Documents\n",
        "Every document has `schema_version`, `advisor_version` and `as_of`; those in a run folder",
        "also `artifact`: the stage, and the digests of what it was made from. An unknown value is",
        "`null`, never 0.\n",
    ]
    files = {str(stage): file for stage, file in FILES.items()}
    files["report"] = "report.md, report.html"
    for stage, values in VALUES.items():
        parts.append(f"## {stage}: {files[stage]}\n")
        for value in values:
            rows = [
                (f"`{name}`", type_name(field.annotation), sentences_of(value).get(name, ""))
                for name, field in value.model_fields.items()
            ]
            parts += [
                f"`{value.__name__}`: {first_line(value)}\n",
                table(["field", "type", ""], rows),
            ]
    return "\n".join(parts)


@cache
def sentences_of(value: type[BaseModel]) -> dict[str, str]:
    """Field -> the text that stands below it in the code of the value or of what it extends."""
    found: dict[str, str] = {}
    for kind in reversed(value.__mro__):
        if not issubclass(kind, BaseModel) or kind is BaseModel:
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        lines = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for line, below in itertools.pairwise(lines):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[line.target.id] = inspect.cleandoc(str(below.value.value))
    return found


def type_name(annotation: object) -> str:
    """A type as a reader writes it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", str(annotation)).replace("NoneType", "None")
    return re.sub(r"^Optional\[(.*)\]$", r"\1 | None", text)
