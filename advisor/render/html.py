"""The report as one HTML file that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from advisor.render import html_sections as sections
from advisor.render.html_estimate import estimate
from advisor.render.html_parts import esc

if TYPE_CHECKING:
    from advisor.schema.report import Report

ORDER = (
    sections.verdict,
    sections.decision,
    estimate,
    sections.scores,
    sections.diagnosis,
    sections.gate,
    sections.training,
    sections.verification,
    sections.failures,
    sections.warnings,
    sections.provenance,
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if some text slipped through unescaped, a browser would load and run nothing."""


def to_html(report: Report) -> str:
    """The whole report; light or dark as the system is, readable on a phone and on paper."""
    style = files("advisor.render").joinpath("report.css").read_text(encoding="utf-8")
    body = "\n".join(part for part in (make(report) for make in ORDER) if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{esc(report.name, 80)}: {esc(report.headline, 120)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
