"""One runner for baselines and tuned models, with intervals and paired comparison."""
