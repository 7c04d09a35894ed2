"""Search by words: BM25 over hashed terms."""
