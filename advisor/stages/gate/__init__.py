"""Whether training is warranted, from what was measured."""

from advisor.stages.gate.stage import gate

__all__ = ["gate"]
