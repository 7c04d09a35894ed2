"""A trainer and a backend for `advisor`, as a package of its own."""
