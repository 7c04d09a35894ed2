"""The values that travel between stages; one module per stage, no behaviour but validation."""
