"""Whose code trains: one light face and one heavy back per engine."""
