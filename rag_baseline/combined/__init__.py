"""Both searches as one, and reranking."""
