"""Search by meaning: exact or approximate, kept on disk, updated in place."""
