"""Answers by likeness to labelled samples, without a language model."""
