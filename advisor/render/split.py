"""A written split on the terminal: how many rows went where, and what was kept together."""

from __future__ import annotations

from rich.console import Console

from advisor.render.grid import Grid
from advisor.render.terminal import grid_table, plain, show_facts, styled
from advisor.schema.split import SplitManifest

KEPT = {
    "input": "equal inputs",
    "cluster": "equal and nearly equal inputs",
    "group": "groups",
    "document": "documents",
    "time": "moments; the latest test",
}


def show_split(console: Console, manifest: SplitManifest, folder: str) -> None:
    """Parts with their rows, what was kept together, and every remark."""
    record = manifest.record
    console.print(styled("Split", "bold"))
    rows = tuple((part, file.name, str(file.rows)) for part, file in manifest.files.items())
    console.print(grid_table(console, Grid(("Part", "File", "Rows"), rows, right=(2,))))
    facts = [
        ("Folder", folder),
        ("Kept together", KEPT[record.by]),
        ("Sets", f"{record.units}, the largest of {record.largest_unit}"),
        ("Seed", str(record.seed)),
        ("Test part", record.test_digest),
    ]
    if record.label_drift is not None:
        facts.append(("Labels", f"within {100 * record.label_drift:.1f} points of their share"))
    if record.parted_count:
        names = ", ".join(record.parted[:3])
        facts.append(("Parted", f"{record.parted_count} by the file's own splits: {names}"))
    show_facts(console, facts)
    for note in (*record.notes, *manifest.notes):
        console.print(plain(note, style="dim"))
