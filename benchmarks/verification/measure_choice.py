"""The best of several baselines: three tests against it, held to the truth; results/choice.json.

    python benchmarks/verification/measure_choice.py [--missing] [--runs N] [--out FILE]

Baselines and tuned model answer 200 samples, any two apart on 45 % of them. `holm`: exact McNemar
against the baseline that scores highest, corrected over all. `own`: the same without correction.
`crossed`: the best baseline is chosen on every second sample and tested on the others, and the
other way round. Where the tuned model is as good as the best, being kept is an error.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.verification.measure import written  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "choice.json"
RUNS = 6000
ITEMS = 200
MORE = 280
DISCORDANT = 0.45
ERROR = 0.05
GAIN = 0.15
BEHIND = (0.0, 0.02, 0.04, 0.06, 0.1, 0.2)


def system(rng: np.random.Generator, latent: Any) -> Any:
    """Answers of one system, right in half of the samples; any two are apart on 45 %."""
    together = rng.random(latent.shape) < (1 - 2 * DISCORDANT) ** 0.5
    return np.where(together, latent, rng.random(latent.shape) < 0.5)


def kept(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Two-sided exact McNemar p-values, and whether ours is ahead, for each repetition."""
    up, down = (ours & ~theirs).sum(-1), (~ours & theirs).sum(-1)
    return np.minimum(1, 2 * binom.cdf(np.minimum(up, down), up + down, 0.5)), up > down


def row(count: int, gain: float, behind: float, *, runs: int, items: int = ITEMS) -> dict[str, Any]:
    """How often each test keeps, where the first baseline is best and the others lie behind."""
    rng = np.random.default_rng(7)
    latent = rng.random((runs, items)) < 0.5
    rivals = [system(rng, latent)] + [
        system(rng, latent) & (rng.random(latent.shape) < 1 - 2 * behind) for _ in range(count - 1)
    ]
    tuned = system(rng, latent) | (rng.random(latent.shape) < 2 * gain)
    stacked, each = np.stack(rivals), np.arange(runs)
    best = stacked.sum(-1).argmax(0)
    p_values = np.array([kept(tuned, rival)[0] for rival in rivals])
    own, is_ahead = kept(tuned, stacked[best, each])
    falling = np.sort(p_values, 0) * np.arange(count, 0, -1)[:, None]
    holm = np.maximum.accumulate(falling, 0)[(p_values < own).sum(0), each]
    even = np.arange(items) % 2 == 0
    chosen = [stacked[:, :, half].sum(-1).argmax(0) for half in (~even, even)]
    crossed, crossed_ahead = kept(
        tuned, np.where(even, stacked[chosen[0], each], stacked[chosen[1], each])
    )
    return {
        "baselines": count,
        "gain": gain,
        "others_behind": behind,
        "items": items,
        "runs": runs,
        "holm": float(((holm <= ERROR) & is_ahead).mean()),
        "own": float(((own <= ERROR) & is_ahead).mean()),
        "crossed": float(((crossed <= ERROR) & crossed_ahead).mean()),
    }


def document(runs: int) -> dict[str, Any]:
    """Every row, with what it was measured on."""
    equal = [row(count, 0.0, behind, runs=runs) for count in (2, 4, 6) for behind in BEHIND]
    better = [row(count, GAIN, 0.0, runs=runs) for count in (1, 2, 3, 4, 6)]
    better += [row(count, GAIN, 0.0, runs=runs, items=MORE) for count in (4, 6)]
    return {
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("scipy", "numpy")},
        "discordant": DISCORDANT,
        "worst_wrong_keep": {
            test: max(one[test] for one in equal) for test in ("holm", "own", "crossed")
        },
        "as_good_as_the_best": equal,
        "better": better,
    }


def main() -> int:
    """Measure and write."""
    return written(document, RESULT, about=__doc__ or "", runs=RUNS, shown="worst_wrong_keep")


if __name__ == "__main__":
    sys.exit(main())
