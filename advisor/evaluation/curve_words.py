"""What a learning curve says of collecting more labels, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.evaluation.learning_curve import FEWEST_LEVELS
from advisor.schema.learning_curve import Curve, CurvePoint

FEWEST_LABELS = 8
NAMES = {"few_shot": "the prompt with shots", "embedding_classifier": "the embedding classifier"}


def more_labels(curves: Sequence[Curve], target: float | None, labels: int) -> int | None:
    """Labels to add, by the curve that needs fewest; 0 where one is there already."""
    if target is None:
        return None
    if any(each.points and _last(each).value >= target for each in curves):
        return 0
    needed = [each.labels_for_target.likely for each in curves if each.labels_for_target]
    return max(1, round(min(needed)) - labels) if needed else None


def sentence(curves: Sequence[Curve], target: float | None, labels: int) -> str:
    """What more labels would change, in plain words."""
    measured = [each for each in curves if each.points]
    if not measured or labels < FEWEST_LABELS:
        return f"With {labels} labels no learning curve can be drawn."
    best = max(measured, key=lambda each: _last(each).value)
    head = f"With {labels:,} labels {_name(best)} reaches {_percent(_last(best).value)}"
    if target is None:
        return f"{head}{_tends(best)}."
    if _last(best).value >= target:
        return f"{head}, which meets the target of {_percent(target)}: no more labels are needed."
    reaching = [each for each in measured if each.labels_for_target is not None]
    if reaching:
        return f"{head}; {_way(min(reaching, key=_likely), target, labels)}"
    if all(len(each.points) < FEWEST_LEVELS for each in measured):
        return (
            f"{head}; too few labels to say how many more the target of {_percent(target)} takes."
        )
    return f"{head}{_tends(best)}: more labels alone will hardly bring it to {_percent(target)}."


def _way(each: Curve, target: float, labels: int) -> str:
    needed = each.labels_for_target
    if needed is None:
        return ""
    more = max(1, round(needed.likely) - labels)
    return (
        f"by its curve {_name(each)} meets the target of {_percent(target)} at about "
        f"{_round(needed.likely)} labels (80 % of curves: {_round(needed.low)} to "
        f"{_round(needed.high)}), some {_round(more)} more."
    )


def _likely(each: Curve) -> float:
    return each.labels_for_target.likely if each.labels_for_target else float("inf")


def _tends(each: Curve) -> str:
    if each.ceiling is None:
        return ""
    return (
        f" and tends to {_percent(each.ceiling.likely)} (80 % of curves: "
        f"{_percent(each.ceiling.low)} to {_percent(each.ceiling.high)})"
    )


def _last(each: Curve) -> CurvePoint:
    return each.points[-1]


def _name(each: Curve) -> str:
    return NAMES.get(each.system, each.system)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _round(labels: float) -> str:
    """Two figures are all that an extrapolation can claim."""
    digits = len(str(round(labels))) - 2
    return f"{round(labels, -digits) if digits > 0 else round(labels):,.0f}"
