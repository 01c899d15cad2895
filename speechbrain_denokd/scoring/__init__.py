"""Back-ends: embeddings in, scores out."""
