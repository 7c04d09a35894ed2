"""Memory of one training step: what lives when, split over devices, in three tiers."""
