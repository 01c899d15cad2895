"""Pictures of results (the arrow ``scores, embeddings -> figures``).

Figures are built with matplotlib's objects, not with ``pyplot``, so they need
no display and leave no state behind. Each function writes a PNG and returns
the figure.
"""

from speechbrain_denokd.plots.calibration import plot_calibration
from speechbrain_denokd.plots.det import plot_det
from speechbrain_denokd.plots.det_band import DetBand, det_band
from speechbrain_denokd.plots.histograms import plot_histograms
from speechbrain_denokd.plots.rows import plot_rows
from speechbrain_denokd.plots.spectrogram import plot_spectrogram
from speechbrain_denokd.plots.steps import plot_steps
from speechbrain_denokd.plots.tsne import plot_tsne, plot_tsne_systems

__all__ = [
    "DetBand",
    "det_band",
    "plot_calibration",
    "plot_det",
    "plot_histograms",
    "plot_rows",
    "plot_spectrogram",
    "plot_steps",
    "plot_tsne",
    "plot_tsne_systems",
]
