"""The eight stages; none knows another."""
