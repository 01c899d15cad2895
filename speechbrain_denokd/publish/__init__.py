"""Model folders for others: made by `denokd publish`, loaded without trust.

``experiment -> publish -> published folder -> read_published -> encoder``

A published folder says what its encoder is in ``config.json``: names of this
package's classes and plain numbers. Loading it runs nothing that it brings
along, whereas SpeechBrain's ``from_hparams`` runs whatever a
``hyperparams.yaml`` names.
"""
