"""The last pass: writes the rows that stay, and tells of every row changed or left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from advisor.data_check.mend_between import Between, Event, json_line, row_digest
from advisor.data_check.mend_choice import Choice
from advisor.data_check.mend_label import named, respell
from advisor.data_check.mend_row import Fields
from advisor.data_check.mend_write import AddText
from advisor.formats.source import Source


@dataclass(slots=True)
class Tally:
    """What has been written."""

    kept: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class LastPass:
    """The third pass: writes what stays, and tells of every row that is changed or left out."""

    source: Source
    between: Between
    choice: Choice
    tally: Tally = field(default_factory=Tally)

    def entries(self, add: AddText) -> Iterator[dict[str, Any]]:
        """Hand every row that stays to `add`; yield the log in the order of the original."""
        events = self.between.told()
        event = next(events, None)
        with self.between.path.open(encoding="utf-8", newline="\n") as rows:
            for number, text in enumerate(rows):
                while event and event.ordinal < self.between.ordinals[number]:
                    yield self._unreadable(event)
                    event = next(events, None)
                own = event if event and event.ordinal == self.between.ordinals[number] else None
                yield from self._row(number, text.rstrip("\n"), own, add)
                event = next(events, None) if own else event
        while event:
            yield self._unreadable(event)
            event = next(events, None)

    def _unreadable(self, event: Event) -> dict[str, Any]:
        self.tally.dropped[event.codes[0]] += 1
        return self._entry(event.line, event.place, event.codes, "dropped", before=event.digest)

    def _row(
        self, number: int, text: str, event: Event | None, add: AddText
    ) -> Iterator[dict[str, Any]]:
        line, place = self.between.lines[number], self.between.parts[number]
        before = event.digest if event else ""
        if code := self.choice.dropped.get(number):
            self.tally.dropped[code] += 1
            before = before or self._digest(number, json.loads(text))
            yield self._entry(line, place, [code], "dropped", before=before)
            return
        self.tally.kept += 1
        new, more = self._as_chosen(number, text)
        add(new)
        codes = [*(event.codes if event else []), *more]
        if not codes:
            return
        self.tally.changed.update(codes)
        fields = json.loads(text)
        changed = list(dict.fromkeys([*(event.fields if event else []), *more.values()]))
        kept = [name for name in fields if name not in changed]
        before = before or self._digest(number, fields)
        entry = self._entry(line, place, codes, "changed", before=before)
        yield {**entry, "fields": changed, "kept": kept}

    def _as_chosen(self, number: int, text: str) -> tuple[str, dict[str, str]]:
        """The row with its label respelt and its split changed; codes with the fields changed."""
        label, to_train = self.choice.respelt.get(number), number in self.choice.to_train
        if label is None and not to_train:
            return text, {}
        fields: Fields = json.loads(text)
        changed: dict[str, str] = {}
        if label is not None and (name := respell(fields, self.source.mapping, label)):
            changed["label_variants"] = name
        if to_train:
            name = named(fields, self.source.columns.get("split", "split"))
            changed["synthetic_in_test"] = name
            fields[name] = "train"
        return json_line(fields), changed

    def _digest(self, number: int, fields: Fields) -> str:
        """Of the row as it stood, without the split that its file gave it."""
        if self.between.was_given[number]:
            del fields[named(fields, self.source.columns.get("split", "split"))]
        return row_digest(fields)

    def _entry(
        self, line: int, place: int, codes: list[str], what: str, *, before: str
    ) -> dict[str, Any]:
        name = self.source.parts[place].name
        told = {"line": line, "code": codes[0], "what": what, "before": before or None}
        more = {"also": codes[1:]} if codes[1:] else {}
        return {**({"file": name} if name else {}), **told, **more}
