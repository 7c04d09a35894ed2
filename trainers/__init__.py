"""Training plugins: objective x method x engine."""
