"""What is optimised, and the data it needs."""
