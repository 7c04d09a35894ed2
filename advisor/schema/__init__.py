"""The values that travel between stages; one module per stage, no behaviour but validation.

Importing this package loads none of them; name the module: `from advisor.schema.plan import Plan`.
Modules that an estimate loads do not postpone their annotations (`from __future__`): pydantic would
compile each of the 500 again at every start.
"""

__all__ = [
    "architecture",
    "base",
    "baseline",
    "cache",
    "calibration",
    "catalog",
    "chat",
    "dataset",
    "decide",
    "demo",
    "diagnosis",
    "estimate",
    "evaluation",
    "facts",
    "freshness",
    "gate",
    "generation",
    "installation",
    "judge",
    "labels",
    "learning_curve",
    "lengths",
    "limits",
    "machine",
    "money",
    "plan",
    "plugin",
    "profile",
    "purse",
    "refresh",
    "report",
    "rule",
    "run",
    "spending",
    "split",
    "throughput",
    "tiers",
    "trace",
    "train",
    "verify",
]
