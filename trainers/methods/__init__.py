"""Which weights are tuned: footprint and obstacles, free of torch."""
