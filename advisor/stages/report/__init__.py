"""Everything a run knows as one value: verdict, failures, costs, and where each figure is from."""

from advisor.stages.report.stage import Beside, report

__all__ = ["Beside", "report"]
