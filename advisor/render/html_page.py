"""The frame of every HTML page: one file that needs nothing else, and in which nothing can run."""

from __future__ import annotations

from importlib.resources import files

from advisor.render.html_parts import anchors, contents, esc

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Even if some text slipped through unescaped, a browser would load and run nothing."""


def page(title: str, header: str, body: str) -> str:
    """A whole page; light or dark as the system is, readable on a phone and on paper.

    Between header and body stands a list of the sections, which a first link skips.
    """
    style = files("advisor.render").joinpath("report.css").read_text(encoding="utf-8")
    links = contents(body)
    past = f'<a class="skip" href="#{anchors(body)[0]}">Skip the contents</a>\n' if links else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{esc(title, 200)}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n{past}<main>\n{header}\n{links}\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )
