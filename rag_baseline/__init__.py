"""Retrieval-augmented prompting: chunk, embed, index, retrieve, build."""
