"""A trained model as a file that a product can run: ``model -> graph``."""
