"""Identities of mixtures in a plane (``embeddings -> figure``)."""

import numpy as np
from sklearn.manifold import TSNE

from speechbrain_denokd.plots.figure import COLOURS, MARKERS, new_figure


def plot_identities(embeddings, owners, outputs, path, n_speakers=20, seed=0):
    """One t-SNE map, twice: by speaker, and by the output that spoke.

    On the left, clusters show that speakers are told apart; on the right,
    colours that mix show that no output has taken a kind of speaker for
    itself. MIRNet's paper, Fig. 3. Embeddings are length-normalised; axes
    have no units.

    Arguments
    ---------
    embeddings : (N, D) array_like of float
        One row for each output of each mixture, none of them zero.
    owners : (N,) sequence of str
        Speaker of each row.
    outputs : (N,) sequence of int
        Which output it is, from 0.
    path : str, pathlib.Path or binary file
        PNG to write.
    n_speakers : int
        Speakers shown, drawn at random where there are more.
    seed : int
        Draws the speakers and starts t-SNE.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the lengths differ, or fewer than 3 rows are left to show.

    Example
    -------
    >>> import io
    >>> rows = np.random.default_rng(0).normal(size=(12, 8))
    >>> figure = plot_identities(rows, list("ab") * 6, [0, 1] * 6, io.BytesIO())
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['By speaker', 'By output']
    """
    embeddings = np.asarray(embeddings, np.float64)
    owners, outputs = np.asarray(owners), np.asarray(outputs)
    if not len(embeddings) == len(owners) == len(outputs):
        raise ValueError(
            f"{len(embeddings)} embeddings, {len(owners)} owners and "
            f"{len(outputs)} outputs; give one each"
        )
    names = np.unique(owners)
    if len(names) > n_speakers:
        rng = np.random.default_rng(seed)
        names = np.sort(rng.choice(names, n_speakers, replace=False))
    shown = np.isin(owners, names)
    points = _plane(embeddings[shown], seed)
    figure, (left, right) = new_figure(10.4, 5.0, n_panels=2)
    _scatter(left, points, owners[shown], names)
    left.set_title("By speaker", loc="left", fontsize=11)
    _scatter(right, points, outputs[shown], np.unique(outputs))
    right.set_title("By output", loc="left", fontsize=11)
    right.legend(
        title="Output",
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
    )
    figure.savefig(path, format="png")
    return figure


def _plane(embeddings, seed):
    """(N, 2) t-SNE map of the directions."""
    if len(embeddings) < 3:
        raise ValueError(
            f"{len(embeddings)} identities are left to show, but t-SNE needs "
            "at least 3; pass more mixtures or raise n_speakers"
        )
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    tsne = TSNE(
        perplexity=min(30.0, (len(embeddings) - 1) / 3),
        init="pca",
        random_state=seed,
    )
    return tsne.fit_transform(embeddings / lengths)


def _scatter(axes, points, labels, names):
    """One colour and shape for each name."""
    for number, name in enumerate(names):
        own = points[labels == name]
        axes.scatter(
            *own.T,
            s=20,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            alpha=0.75,
            linewidths=0,
            # The first output is 1 in logs, too.
            label=str(name + 1) if isinstance(name, np.integer) else str(name),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE dimension 1")
    axes.set_ylabel("t-SNE dimension 2")
    axes.set_aspect("equal", adjustable="datalim")
