"""Every figure of the catalog names a source that is written down."""

from __future__ import annotations

import re

from advisor.resources import rules_root

NAMED = re.compile(r'source: "?([\w.\-]+)')
WRITTEN = re.compile(r"\bid: ([\w.\-]+)")


def test_every_source_named_in_the_catalog_is_written_down():
    root = rules_root()
    known = {
        name
        for file in (root / "sources.yaml", root / "catalog" / "sources.yaml")
        for name in WRITTEN.findall(file.read_text(encoding="utf-8"))
    }
    named = {
        name: file.name
        for folder in ("catalog", "recipes")
        for file in (root / folder).rglob("*.yaml")
        if file.name != "sources.yaml"
        for name in NAMED.findall(file.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert {name: file for name, file in named.items() if name not in known} == {}
