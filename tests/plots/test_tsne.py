import numpy as np
import pytest
from matplotlib.colors import to_hex

from speechbrain_denokd.plots import plot_tsne
from tests.plots.pictures import assert_png_with_a_picture


def clusters(n_speakers, n_each, seed=0):
    rng = np.random.default_rng(seed)
    centres = 6 * rng.normal(size=(n_speakers, 16))
    speakers = np.repeat(np.arange(n_speakers), n_each)
    names = np.array([f"voice{n:02d}" for n in range(n_speakers)])
    noise = rng.normal(size=(len(speakers), 16))
    return centres[speakers] + noise, names[speakers]


def test_tsne_keeps_distinct_speakers_apart(tmp_path):
    embeddings, speakers = clusters(10, 12)
    figure = plot_tsne(embeddings, speakers, tmp_path / "tsne.png")
    clouds = [c.get_offsets() for c in figure.axes[0].collections]
    assert [len(cloud) for cloud in clouds] == [12] * 10
    points = np.concatenate(clouds)
    owner = np.repeat(np.arange(10), 12)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (owner[distances.argmin(axis=1)] == owner).all()
    legend = figure.axes[0].get_legend().get_texts()
    assert [t.get_text() for t in legend] == sorted(set(speakers))
    looks = {
        (to_hex(c.get_facecolor()[0]), len(c.get_paths()[0].vertices))
        for c in figure.axes[0].collections
    }
    assert len(looks) == 10
    assert_png_with_a_picture(tmp_path / "tsne.png")


def test_tsne_draws_the_same_speakers_for_every_system(tmp_path):
    def shown(embeddings_seed, seed):
        embeddings, speakers = clusters(20, 3, seed=embeddings_seed)
        figure = plot_tsne(
            embeddings, speakers, tmp_path / "tsne.png", 4, seed=seed
        )
        texts = figure.axes[0].get_legend().get_texts()
        return [text.get_text() for text in texts]

    assert len(shown(0, seed=0)) == 4
    assert shown(0, seed=0) == shown(1, seed=0)
    assert shown(0, seed=0) != shown(0, seed=1)


def test_tsne_sees_directions_only(tmp_path):
    embeddings, speakers = clusters(4, 8)
    scales = 2.0 ** np.random.default_rng(0).integers(-3, 4, len(embeddings))

    def points(rows):
        figure = plot_tsne(rows, speakers, tmp_path / "tsne.png", seed=2)
        return np.concatenate(
            [c.get_offsets() for c in figure.axes[0].collections]
        )

    np.testing.assert_allclose(
        points(embeddings * scales[:, None]), points(embeddings)
    )


@pytest.mark.parametrize("n_points", [3, 5, 8])
def test_tsne_of_few_points(tmp_path, n_points):
    embeddings, speakers = clusters(n_points, 1)
    figure = plot_tsne(embeddings, speakers, tmp_path / "tsne.png")
    points = [c.get_offsets() for c in figure.axes[0].collections]
    assert np.isfinite(np.concatenate(points)).all()
    assert len(points) == n_points


@pytest.mark.parametrize(
    "embeddings, speakers, match",
    [
        (np.ones((3, 2)), ["a"], r"\(3, 2\).*\(1,\)"),
        (np.ones((2, 2)), ["a", "b"], "2 utterances"),
        (np.diag([1.0, 1.0, 0.0]), list("abc"), "embedding 2 has length 0"),
        (np.diag([1.0, np.nan, 1.0]), list("abc"), "embedding 1 .* nan"),
    ],
)
def test_tsne_refuses_what_it_cannot_place(
    tmp_path, embeddings, speakers, match
):
    with pytest.raises(ValueError, match=match):
        plot_tsne(embeddings, speakers, tmp_path / "tsne.png")


def test_tsne_of_no_speakers_is_refused(tmp_path):
    with pytest.raises(ValueError, match="n_speakers is 0"):
        plot_tsne(np.eye(3), list("abc"), tmp_path / "tsne.png", n_speakers=0)
