"""Brains: what is computed per batch and what is summed."""
