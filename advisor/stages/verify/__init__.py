"""Did tuning help, did nothing else get worse, and did it take what was estimated."""

from advisor.stages.verify.measured import estimate_vs_measured
from advisor.stages.verify.stage import Evidence, verify

__all__ = ["Evidence", "estimate_vs_measured", "verify"]
