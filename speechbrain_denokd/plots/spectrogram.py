"""Spectrograms of recordings (the arrow ``wav -> figure``)."""

import math

import numpy as np

from speechbrain_denokd.plots.figure import new_figure, wrap_label

_WINDOW_S = 0.025
_HOP_S = 0.010
_RANGE_DB = 80
# A panel is five inches wide, on which no more frames can be told apart.
_MAX_FRAMES = 2000
_TITLE_CHARACTERS = 45


def plot_spectrogram(recordings, path, sample_rate=16_000):
    """Power over time and frequency, a panel per recording.

    Each panel is in dB relative to its own loudest bin, so that a quiet
    recording is seen as well as a loud one; 80 dB are shown. Frames are Hann
    windows of 25 ms, 10 ms apart, or further in recordings above 20 s.

    Arguments
    ---------
    recordings : dict of str to (S,) numpy.ndarray
        Mono samples by the title of their panel.
    path : str, pathlib.Path or binary file
        PNG to write.
    sample_rate : int
        Of all recordings, in Hz.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are no recordings, or one is not of shape (S,), is silent or
        holds samples that are not finite.

    Example
    -------
    >>> import io
    >>> hum = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    >>> figure = plot_spectrogram({"a hum": hum}, io.BytesIO())
    >>> figure.axes[0].get_title(loc="left")
    'a hum'
    """
    if not recordings:
        raise ValueError("There are 0 recordings: a spectrogram needs 1.")
    n_columns = min(2, len(recordings))
    n_rows = math.ceil(len(recordings) / n_columns)
    figure, panels = new_figure(
        5.2 * n_columns + 0.8, 3.4 * n_rows, len(recordings), n_columns
    )
    for axes, (name, wav) in zip(panels, recordings.items(), strict=True):
        image = draw_spectrogram(axes, _checked(name, wav), sample_rate)
        axes.set_title(
            wrap_label(name, _TITLE_CHARACTERS), loc="left", fontsize=11
        )
    bar = figure.colorbar(image, ax=panels, pad=0.01, aspect=30)
    bar.set_label("dB relative to the loudest")
    bar.outline.set_visible(False)
    figure.savefig(path, format="png")
    return figure


def _checked(name, wav):
    """The samples in double precision, if they can be drawn."""
    wav = np.asarray(wav, dtype=np.float64)
    if wav.ndim != 1:
        raise ValueError(
            f"{name} has shape {wav.shape}, but (S,) is needed: give one "
            "channel."
        )
    if not np.isfinite(wav).all():
        raise ValueError(
            f"{name} holds samples that are NaN or infinite: drop them."
        )
    if not wav.any():
        raise ValueError(
            f"{name} is silent, so there is no loudest bin: drop it."
        )
    return wav


def draw_spectrogram(axes, wav, sample_rate=16_000):
    """Draw one spectrogram into a panel: seconds and kHz, 80 dB.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
    wav : (S,) numpy.ndarray
        Finite and not silent.
    sample_rate : int
        In Hz.

    Returns
    -------
    matplotlib.image.AxesImage

    Example
    -------
    >>> _, [axes] = new_figure(5, 3, n_panels=1)
    >>> draw_spectrogram(axes, np.ones(16_000)).get_clim()
    (-80.0, 0.0)
    """
    window = round(_WINDOW_S * sample_rate)
    hop = max(round(_HOP_S * sample_rate), math.ceil(len(wav) / _MAX_FRAMES))
    levels = _levels_db(wav, window, hop)
    half_frame, half_bin = hop / sample_rate / 2, sample_rate / window / 2000
    last_s = (len(levels) - 1) * hop / sample_rate
    image = axes.imshow(
        levels.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-_RANGE_DB,
        vmax=0,
        extent=(
            -half_frame,
            last_s + half_frame,
            -half_bin,
            (2 * levels.shape[1] - 1) * half_bin,
        ),
    )
    axes.grid(False)
    axes.set_xlim(0, len(wav) / sample_rate)
    axes.set_ylim(0, sample_rate / 2000)
    axes.set_xlabel("Time (s)")
    axes.set_ylabel("Frequency (kHz)")
    return image


def _levels_db(wav, window, hop):
    """(T, window // 2 + 1) levels below the loudest; frame t is at t * hop."""
    padded = np.pad(wav, (window // 2, window + hop))
    n_frames = math.ceil(len(wav) / hop) + 1  # the last reaches the end
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)
    frames = frames[::hop][:n_frames] * np.hanning(window + 1)[:-1]
    magnitudes = np.abs(np.fft.rfft(frames))
    floor = 10 ** (-_RANGE_DB / 20)
    return 20 * np.log10(np.maximum(magnitudes / magnitudes.max(), floor))
