"""The ``denokd`` command: one file for each of its commands."""
