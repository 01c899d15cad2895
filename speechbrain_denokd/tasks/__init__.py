"""Tasks: what `train.py` trains for (verification, overlapped speech, ...)."""
