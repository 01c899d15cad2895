"""Embeddings in a plane (the arrow ``embeddings -> figure``)."""

import math

import numpy as np
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

from speechbrain_denokd.plots.figure import (
    COLOURS,
    MARKERS,
    new_figure,
    wrap_label,
)


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
    _draw_speakers(axes, points, speakers[shown], names, 32)
    axes.set_xlabel("t-SNE dimension 1")
    axes.set_ylabel("t-SNE dimension 2")
    axes.legend(
        title="Speaker",
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        ncols=math.ceil(len(names) / 20),
    )
    figure.savefig(path, format="png")
    return figure


def plot_tsne_systems(systems, speakers, path, seed=0):
    """The same utterances as several systems see them, side by side.

    Above each panel stands the mean silhouette in the embedding space itself
    (cosine distance): how much closer an utterance lies to its own speaker's
    than to the nearest other speaker's, 1 at best. The planes alone say
    little, because t-SNE draws even random points as clusters.

    Source: DenoKD, Fig. 3; P. J. Rousseeuw, "Silhouettes", Journal of
    Computational and Applied Mathematics 20, 1987.

    Arguments
    ---------
    systems : mapping of str to (N, D) array_like of float
        Embeddings by the system's title; ``D`` may differ.
    speakers : (N,) sequence of str or int
        Speaker of each utterance, the same for all systems.
    path : str or pathlib.Path
        PNG file to write.
    seed : int
        Starts t-SNE.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        As `plot_tsne`; if there are no systems, or not at least 2 speakers
        with 2 utterances of one of them.

    Example
    -------
    >>> import io
    >>> embeddings = np.random.default_rng(0).normal(size=(12, 8))
    >>> systems = {"KD": embeddings, "DenoKD": embeddings}
    >>> figure = plot_tsne_systems(systems, list("abcabcabcabc"), io.BytesIO())
    >>> len(figure.axes)
    2
    """
    if not systems:
        raise ValueError("There are 0 systems: t-SNE needs at least 1.")
    names = np.unique(speakers)
    if not 2 <= len(names) < len(speakers):
        raise ValueError(
            f"{len(speakers)} utterances of {len(names)} speakers: show at "
            "least 2 speakers, one of them with 2 utterances."
        )
    n_columns = min(len(systems), 4)
    n_rows = math.ceil(len(systems) / n_columns)
    figure, panels = new_figure(
        max(4.4, 3.3 * n_columns), 3.7 * n_rows + 0.7, len(systems), n_columns
    )
    for axes, (title, rows) in zip(panels, systems.items(), strict=True):
        embeddings, owners = _check_embeddings(rows, speakers)
        points = _embed_in_plane(embeddings, seed)
        _draw_speakers(axes, points, owners, names, 16)
        closeness = silhouette_score(embeddings, owners, metric="cosine")
        axes.set_title(
            f"{wrap_label(title, 30)}\nsilhouette {closeness:.2f}",
            loc="left",
            fontsize=10,
        )
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        title="Speaker",
        loc="outside lower center",
        frameon=False,
        fontsize=8,
        ncols=min(len(names), 5 if n_columns > 1 else 3),
    )
    figure.savefig(path, format="png")
    return figure


def _draw_speakers(axes, points, speakers, names, size):
    """Scatter each speaker's points in its own colour and shape."""
    for number, name in enumerate(names):
        own = points[speakers == name]
        axes.scatter(
            *own.T,
            s=size,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            alpha=0.8,
            linewidths=0,
            label=str(name),
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")


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
