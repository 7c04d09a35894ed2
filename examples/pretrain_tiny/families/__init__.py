"""Task families of the mixture: functions (draw, budget) -> conversation."""
