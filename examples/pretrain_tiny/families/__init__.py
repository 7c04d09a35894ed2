"""Task families of the pre-training mixture; each module offers functions (draw, budget) -> conversation."""
