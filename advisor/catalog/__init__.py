"""Models, GPUs and dated prices: loading and look-up."""
