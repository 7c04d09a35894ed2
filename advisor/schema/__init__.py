"""The values that travel between stages; one module per stage, no behaviour but validation.

Importing this package loads none of them; name the module: `from advisor.schema.plan import Plan`.
"""

__all__ = [
    "base",
    "baseline",
    "catalog",
    "chat",
    "dataset",
    "decide",
    "demo",
    "estimate",
    "evaluation",
    "facts",
    "gate",
    "installation",
    "plan",
    "profile",
    "report",
    "rule",
    "run",
    "train",
    "verify",
]
