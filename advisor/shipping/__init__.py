"""What leaves a run: exports, merges and combinations, checked against what was evaluated."""
