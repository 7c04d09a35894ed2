"""What a test part can show, known before anything is spent on it."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

PROOF_LEVEL = 0.95
"""Of the interval a proof is read by; its test may err by the rest (docs/adr/0019)."""
PROOF_ERROR = (1 - PROOF_LEVEL) / 2
"""How often a tuned model that is no better is found better, at most."""
POWER = 0.8
HARDEST = 0.5
"""The score at which two systems can differ on most samples."""
BISECTIONS = 50


def detectable_gain(
    n: float,
    *,
    baseline: float | None = None,
    discordance: float | None = None,
    level: float = PROOF_LEVEL,
    power: float = POWER,
) -> float:
    """Smallest true gain that a proof on n paired samples shows with this power.

    Solves d = 1/n + (z_level sqrt(q) + z_power sqrt(q - d^2)) / sqrt(n): Connor's formula
    (Biometrics 43, 1987) with the half count at either end by which the exact McNemar test is
    more careful. q is the share of samples that one system alone gets right (for graded scores:
    the mean square of the differences); `discordance` where it was measured, else that of two
    systems that err independently, at `baseline` and d above it. Systems mostly err on the same
    samples, so that without a measured q the answer is an upper bound. A gain beyond 1 stands for
    none that can be seen. Samples that share documents are worth fewer: give their number divided
    by how alike they are (`intervals.alike_within_groups`), or before anything was scored the
    number of groups as the worst case (`by_groups`).
    """
    if n <= 0:
        return 1.0
    start = HARDEST if baseline is None else min(max(baseline, 0.0), 1.0)
    normal = NormalDist()
    z_level, z_power = normal.inv_cdf(0.5 + level / 2), normal.inv_cdf(power)
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        gain = (low + high) / 2
        q = max(gain, discordance) if discordance is not None else independent(start, gain)
        seen_from = 1 / n + (z_level * sqrt(q) + z_power * sqrt(max(0.0, q - gain**2))) / sqrt(n)
        low, high = (gain, high) if gain < seen_from else (low, gain)
    return high


def by_groups(clusters: Sequence[str] | None) -> float | None:
    """What samples show if those of a group are wholly alike; None where none share one."""
    return None if clusters is None else detectable_gain(len(set(clusters)))


def independent(score: float, gain: float) -> float:
    """Share of samples that one of two systems alone gets right when they err independently."""
    better = min(1.0, score + gain)
    return max(gain, score * (1 - better) + (1 - score) * better)
