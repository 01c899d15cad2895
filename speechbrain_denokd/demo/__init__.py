"""A local page for trying a model (``two recordings -> answer -> page``).

Not for a product, which runs an exported model: see ``export``.
"""
