"""What a number costs in memory: bytes per weight by precision."""

from __future__ import annotations

from advisor.schema.plan import Precision

WEIGHT_BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
