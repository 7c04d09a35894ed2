"""The reasons of a decision by rule: each rule once, with everything it says for and against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from advisor.render.safe import words

if TYPE_CHECKING:
    from advisor.schema.decide import Decision, Reason


@dataclass
class Spoken:
    """One rule that fired, and the approaches it moved."""

    reason: Reason
    """The first of its reasons; title, why, facts and sources are the same in all of them."""
    effects: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Effect and strength (empty for none) -> the approaches it moves so."""

    @property
    def says(self) -> str:
        """'favour RAG (strong); oppose prompting, few-shot (moderate)'."""
        return "; ".join(
            f"{effect} {', '.join(approaches)}" + (f" ({strength})" if strength else "")
            for (effect, strength), approaches in self.effects.items()
        )


def spoken_rules(decision: Decision) -> list[Spoken]:
    """Every rule that gave a reason, those on the best approaches first."""
    found: dict[str, Spoken] = {}
    for ranked in decision.approaches:
        for reason in ranked.reasons:
            rule = found.setdefault(reason.rule_id, Spoken(reason))
            key = (reason.effect, reason.strength or "")
            rule.effects.setdefault(key, []).append(words(reason.approach))
    return list(found.values())
