import pytest

from speechbrain_denokd.plots import plot_rows, plot_tsne_systems
from tests.plots.pictures import assert_png_with_a_picture
from tests.plots.test_tsne import clusters


def row(title, *seeds, low=0.05, high=0.2, names=("full", "2s")):
    rates = {
        "eer": sum(seeds) / len(seeds),
        "eer_interval": [low, high],
        "seeds": list(seeds),
    }
    return {"title": title, "conditions": dict.fromkeys(names, rates)}


def test_rows_show_means_intervals_and_seeds(tmp_path):
    rows = [row("KD", 0.1, 0.14), row("DenoKD", 0.08, names=("full",))]
    figure = plot_rows(rows, tmp_path / "eer.png", reference="KD")
    full, short = figure.axes
    assert [t.get_text() for t in full.get_yticklabels()] == ["KD", "DenoKD"]
    bars = [c.get_segments()[0] for c in full.collections]
    assert [bar[:, 0].tolist() for bar in bars] == [[5, 20], [5, 20]]
    # The reference's line, then seeds and mean of KD, then DenoKD's mean.
    line, seeds, mean, other = full.lines
    assert line.get_xdata() == pytest.approx([12, 12])
    assert seeds.get_xdata() == pytest.approx([10, 14])
    assert mean.get_xdata() == pytest.approx([12])
    assert other.get_xdata() == pytest.approx([8])
    assert other.get_ydata().tolist() == [1]
    # The first row is on top, and a condition not measured leaves a gap.
    assert full.get_ylim()[0] > full.get_ylim()[1]
    assert len(short.collections) == 1
    assert_png_with_a_picture(tmp_path / "eer.png")


def test_rows_refuse_none(tmp_path):
    with pytest.raises(ValueError, match="0 rows"):
        plot_rows([], tmp_path / "eer.png")


def test_tsne_of_systems_says_how_compact_each_is(tmp_path):
    embeddings, speakers = clusters(4, 8)
    blurred = embeddings + 20 * clusters(32, 1, seed=3)[0]
    figure = plot_tsne_systems(
        {"KD": blurred, "DenoKD": embeddings}, speakers, tmp_path / "t.png"
    )
    values = [float(a.get_title("left").split()[-1]) for a in figure.axes]
    assert values[0] < 0.2 < 0.8 < values[1]
    assert [len(axes.collections) for axes in figure.axes] == [4, 4]
    assert_png_with_a_picture(tmp_path / "t.png")


@pytest.mark.parametrize(
    "n_speakers, n_each, match", [(1, 4, "of 1 speakers"), (4, 1, "4 utter")]
)
def test_tsne_of_systems_needs_clusters(tmp_path, n_speakers, n_each, match):
    embeddings, speakers = clusters(n_speakers, n_each)
    with pytest.raises(ValueError, match=match):
        plot_tsne_systems({"KD": embeddings}, speakers, tmp_path / "t.png")
    with pytest.raises(ValueError, match="0 systems"):
        plot_tsne_systems({}, speakers, tmp_path / "t.png")
