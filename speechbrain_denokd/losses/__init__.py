"""Speaker-classification losses."""
