"""Optimisers (the arrow ``losses -> step``)."""
