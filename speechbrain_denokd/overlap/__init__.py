"""Several speakers at once: from utterances to mixtures and their trials."""
