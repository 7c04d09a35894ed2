"""Passages in PostgreSQL, searched by pgvector."""
