import struct
import zlib

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread
from scipy.stats import norm

from speechbrain_denokd.metrics import eer, min_dcf
from speechbrain_denokd.plots import plot_det, plot_steps, plot_tsne


def normal_scores(distance, seed=0, n_trials=4000):
    rng = np.random.default_rng(seed)
    is_target = np.arange(n_trials) % 2 == 0
    return distance * is_target + rng.normal(size=n_trials), is_target


def assert_png_with_a_picture(path):
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    assert 600 <= width <= 2000 and 500 <= height <= 2000
    assert content[-8:-4] == b"IEND"
    assert zlib.crc32(b"IEND") == struct.unpack(">I", content[-4:])[0]
    pixels = imread(path)[..., :3]
    assert pixels.std() > 0.02
    # Nothing is cut: the border of the picture is empty.
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1).all()


def drawn_curves(axes):
    """Lines by legend name, without the diagonal and the marks."""
    return {
        line.get_label().split(":")[0]: line
        for line in axes.lines
        if ": EER" in line.get_label()
    }


def marks(axes, marker):
    """Drawn marks as pairs of rates (fa, miss), without the legend's key."""
    return [
        tuple(norm.cdf(line.get_xydata()[0]))
        for line in axes.lines
        if line.get_marker() == marker and len(line.get_xdata())
    ]


# DET


def test_det_draws_each_curve_and_writes_a_png(tmp_path):
    curves = {f"system {d}": normal_scores(d) for d in (1.5, 2.0, 2.5)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    lines = drawn_curves(axes)
    assert list(lines) == list(curves)
    styles = {
        (to_hex(x.get_color()), x.get_linestyle()) for x in lines.values()
    }
    assert len({color for color, _ in styles}) == 3
    assert len({style for _, style in styles}) == 3
    assert_png_with_a_picture(tmp_path / "det.png")


def test_det_of_normal_scores_is_the_straight_line_of_theory(tmp_path):
    # Unit normals, distance d: probit(miss) = -d - probit(fa).
    curves = {"normal": normal_scores(2.0, n_trials=200_000)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    x, y = drawn_curves(axes)["normal"].get_data()
    middle = (x > norm.ppf(0.01)) & (y > norm.ppf(0.01))
    np.testing.assert_allclose(y[middle], -2 - x[middle], atol=0.06)


def test_det_marks_and_legend_hold_the_metrics(tmp_path):
    trials = normal_scores(2.5)
    figure = plot_det({"a": trials}, tmp_path / "det.png", p_target=0.05)
    axes = figure.axes[0]
    assert marks(axes, "o") == [pytest.approx((eer(*trials),) * 2)]
    [(p_fa, p_miss)] = marks(axes, "X")
    assert p_miss + 19 * p_fa == pytest.approx(min_dcf(*trials, 0.05))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [
        f"a: EER {100 * eer(*trials):.2f} %, "
        f"minDCF {min_dcf(*trials, 0.05):.3f}",
        "EER",
        "minDCF at target prior 0.05",
    ]


def test_det_ticks_read_in_percent(tmp_path):
    axes = plot_det({"a": normal_scores(2.5)}, tmp_path / "det.png").axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        labels = [tick.get_text() for tick in axis.get_ticklabels()]
        rates = 100 * norm.cdf(axis.get_ticklocs())
        shown = [
            (float(label.strip("≤")), rate)
            for label, rate in zip(labels, rates, strict=True)
            if label
        ]
        assert len(shown) >= 6
        for label, rate in shown:
            assert label == pytest.approx(rate)
        assert labels[0].startswith("≤")


@pytest.mark.parametrize("distance", [0.0, 1.0, 4.0])
def test_det_axes_contain_the_marks(tmp_path, distance):
    curves = {"a": normal_scores(distance), "b": normal_scores(2.0)}
    axes = plot_det(curves, tmp_path / "det.png").axes[0]
    low, high = norm.cdf(axes.get_xlim())
    assert axes.get_xlim() == axes.get_ylim()
    for mark in (*marks(axes, "o"), *marks(axes, "X")):
        assert all(low - 1e-9 <= rate <= high + 1e-9 for rate in mark)
    assert len(marks(axes, "o")) == len(marks(axes, "X")) == 2


def test_det_of_a_perfect_system_stays_finite(tmp_path):
    trials = [1, 2, 3, 4], [0, 0, 1, 1]
    axes = plot_det({"perfect": trials}, tmp_path / "det.png").axes[0]
    xy = drawn_curves(axes)["perfect"].get_xydata()
    assert np.isfinite(xy).all()
    corner = norm.ppf(0.01)
    assert xy.min() == pytest.approx(corner)
    assert marks(axes, "o") == [pytest.approx((0.01, 0.01))]


def test_det_of_many_systems_is_not_cut(tmp_path):
    curves = {
        f"a rather long name of system {n}": normal_scores(2 + n / 10)
        for n in range(11)
    }
    plot_det(curves, tmp_path / "det.png")
    assert_png_with_a_picture(tmp_path / "det.png")


def test_det_without_curves_is_refused(tmp_path):
    with pytest.raises(ValueError, match="0 curves"):
        plot_det({}, tmp_path / "det.png")


# t-SNE


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


# Denoising steps


def step_row(n_steps, **eers):
    conditions = {
        name.removeprefix("_"): {
            "eer": eer,
            "eer_interval": [eer - 0.01, eer + 0.02],
        }
        for name, eer in eers.items()
    }
    return {
        "n_steps": n_steps,
        "step_time_s": 0.1 + 0.02 * n_steps,
        "conditions": conditions,
    }


def test_steps_shows_eer_left_and_time_right(tmp_path):
    rows = [step_row(5, full=0.08, _2s=0.12), step_row(0, full=0.1, _2s=0.15)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    left, right = figure.axes
    assert [c.get_label() for c in left.containers] == ["full", "2s"]
    # Sorted by steps, in percent.
    for container, eers in zip(
        left.containers, [(10, 8), (15, 12)], strict=True
    ):
        line, _, (bars,) = container.lines
        assert line.get_ydata() == pytest.approx(eers)
        assert np.abs(line.get_xdata() - [0, 5]).max() < 0.5
        ends = [segment[:, 1] for segment in bars.get_segments()]
        for (low, high), eer_percent in zip(ends, eers, strict=True):
            assert low == pytest.approx(eer_percent - 1)
            assert high == pytest.approx(eer_percent + 2)
    [time] = right.lines
    assert time.get_xydata() == pytest.approx(np.array([[0, 0.1], [5, 0.2]]))
    assert left.get_ylim()[0] == right.get_ylim()[0] == 0
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["full", "2s"]
    assert_png_with_a_picture(tmp_path / "steps.png")


def test_steps_of_one_condition_stand_on_their_steps(tmp_path):
    rows = [step_row(n, full=0.1) for n in (0, 1, 15)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xdata().tolist() == [0, 1, 15]


def test_steps_draws_a_condition_only_where_it_was_measured(tmp_path):
    rows = [step_row(0, full=0.1), step_row(5, full=0.1, _2s=0.2)]
    figure = plot_steps(rows, tmp_path / "steps.png")
    full, short = (c.lines[0] for c in figure.axes[0].containers)
    assert len(full.get_xdata()) == 2
    assert short.get_ydata() == pytest.approx([20])


def test_steps_accepts_an_interval_beside_the_estimate(tmp_path):
    row = step_row(5, full=0.1)
    row["conditions"]["full"]["eer_interval"] = [0.11, 0.12]
    plot_steps([row], tmp_path / "steps.png")
    assert_png_with_a_picture(tmp_path / "steps.png")


def test_steps_refuses_no_rows_and_repeated_steps(tmp_path):
    with pytest.raises(ValueError, match="0 rows"):
        plot_steps([], tmp_path / "steps.png")
    with pytest.raises(ValueError, match="2 rows have n_steps 5"):
        plot_steps(
            [step_row(5, full=0.1), step_row(5, full=0.1)],
            tmp_path / "steps.png",
        )
