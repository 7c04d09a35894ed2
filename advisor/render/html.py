"""The report as one HTML file that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from advisor.render.html_page import page
from advisor.render.html_sections import ORDER
from advisor.render.safe import safe_text

if TYPE_CHECKING:
    from advisor.schema.report import Report


def to_html(report: Report) -> str:
    """The whole report; light or dark as the system is, readable on a phone and on paper."""
    header, *parts = (part for part in (make(report) for make in ORDER) if part)
    title = f"{safe_text(report.name, 80)}: {safe_text(report.headline, 120)}"
    return page(title, header, "\n".join(parts))
