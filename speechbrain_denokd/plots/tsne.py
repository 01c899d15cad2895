"""Embeddings in a plane (the arrow ``embeddings -> figure``)."""

import math

import numpy as np
from sklearn.manifold import TSNE

from speechbrain_denokd.plots.figure import COLOURS, MARKERS, new_figure


def plot_tsne(embeddings, speakers, path, n_speakers=10, seed=0):
    """Embeddings of a few speakers in two dimensions by t-SNE.

    Embeddings are length-normalised first, because verification compares
    directions. Distances between clusters and the axes' units mean nothing.

    Source: L. van der Maaten and G. Hinton, "Visualizing Data using t-SNE",
    JMLR 2008 (scikit-learn's implementation); DenoKD, Fig. 3.

    Arguments
    ---------
    embeddings : (N, D) array_like of float
        One row per utterance.
    speakers : (N,) sequence of str or int
        Speaker of each utterance.
    path : str or pathlib.Path
        PNG file to write.
    n_speakers : int
        Speakers shown, drawn at random where there are more: the draw
        depends on the names and the seed alone, so every system shows the
        same speakers.
    seed : int
        Draws the speakers and starts t-SNE.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the lengths differ, an embedding is not finite or all zero, or
        fewer than 3 utterances or 1 speaker are left to show.

    Example
    -------
    >>> import io
    >>> embeddings = np.random.default_rng(0).normal(size=(12, 8))
    >>> figure = plot_tsne(embeddings, list("abcabcabcabc"), io.BytesIO())
    >>> len(figure.axes[0].collections)
    3
    """
    embeddings, speakers = _check_embeddings(embeddings, speakers)
    names = np.unique(speakers)
    if n_speakers < 1:
        raise ValueError(f"n_speakers is {n_speakers}, but must be 1 or more.")
    if len(names) > n_speakers:
        rng = np.random.default_rng(seed)
        names = np.sort(rng.choice(names, n_speakers, replace=False))
    shown = np.isin(speakers, names)
    points = _embed_in_plane(embeddings[shown], seed)
    figure, (axes,) = new_figure(6.8, 5.4, n_panels=1)
    for number, name in enumerate(names):
        own = points[speakers[shown] == name]
        axes.scatter(
            *own.T,
            s=32,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            alpha=0.8,
            linewidths=0,
            label=str(name),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE dimension 1")
    axes.set_ylabel("t-SNE dimension 2")
    axes.set_aspect("equal", adjustable="datalim")
    axes.legend(
        title="Speaker",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        ncols=math.ceil(len(names) / 20),
    )
    figure.savefig(path, format="png")
    return figure


def _check_embeddings(embeddings, speakers):
    """Unit-length embeddings and their speakers as arrays."""
    embeddings = np.asarray(embeddings, dtype=np.float64)
    speakers = np.asarray(speakers)
    if embeddings.ndim != 2 or speakers.shape != embeddings.shape[:1]:
        raise ValueError(
            f"embeddings have shape {embeddings.shape} but speakers have "
            f"shape {speakers.shape}: pass (N, D) and (N,)."
        )
    lengths = np.linalg.norm(embeddings, axis=1)
    usable = np.isfinite(lengths) & (lengths > 0)
    if not usable.all():
        first = int(np.argmin(usable))
        raise ValueError(
            f"embedding {first} has length {lengths[first]}: remove the "
            f"{(~usable).sum()} embeddings that are zero or not finite."
        )
    return embeddings / lengths[:, None], speakers


def _embed_in_plane(embeddings, seed):
    """(N, 2) t-SNE map."""
    n_points = len(embeddings)
    if n_points < 3:
        raise ValueError(
            f"{n_points} utterances are left to show, but t-SNE needs at "
            "least 3: pass more utterances or raise n_speakers."
        )
    # Perplexity is about the number of neighbours; a third of the points
    # keeps some of them far. 30 is scikit-learn's default.
    tsne = TSNE(
        perplexity=min(30.0, (n_points - 1) / 3),
        init="random" if embeddings.shape[1] < 2 else "pca",
        random_state=seed,
    )
    return tsne.fit_transform(embeddings)
