"""Model backends: what opens a model and lets it answer."""
