"""What each output of an encoder listens to (``attention -> figure``)."""

import numpy as np

from speechbrain_denokd.plots.figure import COLOURS, new_figure
from speechbrain_denokd.plots.spectrogram import draw_spectrogram

_FLOOR_DB = -60
_POWER_WINDOW_S = 0.032


def plot_attention(
    mixture, sources, attention, path, hop_s=0.010, sample_rate=16_000
):
    """Attention over the spectrogram of a mixture and of its sources.

    The first panel is the mixture; then there is one for each source, with
    its power (dashed) and the attention of the output that goes with it
    (solid), each on a scale of its own. MIRNet's paper, Fig. 2.

    Arguments
    ---------
    mixture : (S,) numpy.ndarray
    sources : (K, S) numpy.ndarray
        Each speaker alone, where and as loud as in the mixture.
    attention : (K, T) numpy.ndarray
        In the order of the sources, not negative.
    path : str, pathlib.Path or binary file
        PNG to write.
    hop_s : float
        Time between two values of the attention, in seconds.
    sample_rate : int
        In Hz.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is not one row of attention for each source.

    Example
    -------
    >>> import io
    >>> sources = np.random.default_rng(0).normal(size=(2, 16_000))
    >>> figure = plot_attention(
    ...     sources.sum(0), sources, np.ones((2, 101)), io.BytesIO()
    ... )
    >>> len(figure.axes)
    5
    """
    if len(attention) != len(sources):
        raise ValueError(
            f"{len(attention)} rows of attention for {len(sources)} sources; "
            "give one each, in their order"
        )
    figure, panels = new_figure(
        7.0, 2.4 * (1 + len(sources)), 1 + len(sources), 1
    )
    draw_spectrogram(panels[0], np.asarray(mixture), sample_rate)
    panels[0].set_title("Mixture", loc="left", fontsize=11)
    rows = zip(panels[1:], sources, attention, strict=True)
    for number, (axes, source, weights) in enumerate(rows, start=1):
        draw_spectrogram(axes, np.asarray(source), sample_rate)
        axes.set_title(f"Speaker {number} alone", loc="left", fontsize=11)
        _draw_contours(axes, source, weights, hop_s, sample_rate)
    panels[1].legend(
        handles=panels[1].lines,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=2,
        frameon=False,
    )
    figure.savefig(path, format="png")
    return figure


def _draw_contours(axes, source, weights, hop_s, sample_rate):
    """Power and attention, over the height of a spectrogram's panel."""
    top = axes.get_ylim()[1]
    power = power_contour(source, hop_s, sample_rate)
    times = hop_s * np.arange(len(power))
    axes.plot(
        times,
        top * (power - _FLOOR_DB) / -_FLOOR_DB,
        color=COLOURS[5],
        linestyle="--",
        linewidth=1.2,
        label="power",
    )
    right = axes.twinx()
    [line] = right.plot(
        hop_s * np.arange(len(weights)), weights, color="#F0E442", linewidth=1.6
    )
    line.set_label("attention")
    right.set_ylim(0, None)
    right.set_ylabel("Attention")
    right.spines[["top"]].set_visible(False)
    # One legend for both axes: an empty line stands for the other's.
    axes.plot([], [], color="#F0E442", linewidth=1.6, label="attention")


def power_contour(wav, hop_s=0.010, sample_rate=16_000):
    """Level of each frame in dB below the loudest, at least -60.

    Arguments
    ---------
    wav : (S,) numpy.ndarray
    hop_s : float
        Time between two frames; frame ``t`` is centred on ``t * hop_s``.
    sample_rate : int
        In Hz.

    Returns
    -------
    (T,) numpy.ndarray of float64

    Example
    -------
    >>> wav = np.r_[np.ones(1600), np.full(1600, 0.1)]
    >>> power_contour(wav)[[5, 15]].round(6).tolist()
    [0.0, -20.0]
    """
    hop, window = (
        round(hop_s * sample_rate),
        round(_POWER_WINDOW_S * sample_rate),
    )
    squares = np.pad(np.asarray(wav, np.float64) ** 2, (window // 2, window))
    sums = np.cumsum(np.r_[0, squares])
    starts = hop * np.arange(len(wav) // hop + 1)
    power = sums[starts + window] - sums[starts]
    floor = 10 ** (_FLOOR_DB / 10)
    loudest = max(power.max(), np.finfo(np.float64).tiny)
    return 10 * np.log10(np.maximum(power / loudest, floor))
