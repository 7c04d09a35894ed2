"""What the scripts of this folder share: their options, and a document that comes last."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from advisor.resources import rules_root
from benchmarks.decisions.table import DEVELOPMENT

RESULTS = Path(__file__).resolve().parents[1] / "results"
Document = dict[str, Any]


def options(description: str | None, target: str) -> argparse.ArgumentParser:
    """Cases, rules, and where the document goes; `target` is a file of benchmarks/results."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cases", type=Path, default=DEVELOPMENT, help="a table like cases.jsonl")
    parser.add_argument("--rules", type=Path, default=rules_root(), help="another rules folder")
    parser.add_argument("--json", action="store_true", help="only the document")
    parser.add_argument("--write", action="store_true", help=f"to benchmarks/results/{target}")
    return parser


def read(parser: argparse.ArgumentParser, argv: list[str] | None) -> argparse.Namespace:
    """The options; a file of cases that is none ends the script with one sentence."""
    wanted = parser.parse_args(argv)
    if not wanted.cases.is_file():
        parser.error(f"{wanted.cases} is no file")
    return wanted


def tell(document: Document, wanted: argparse.Namespace, target: str) -> int:
    """Keep the document where that is wanted, and print it last; the exit code."""
    if wanted.write:
        text = json.dumps(document, indent=1) + "\n"
        (RESULTS / target).write_text(text, encoding="utf-8")
    print(json.dumps(document))
    return 0
