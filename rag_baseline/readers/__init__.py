"""Readers of documents, one light face per kind; the libraries they need lie in back rooms."""
