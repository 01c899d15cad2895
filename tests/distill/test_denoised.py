"""DenoKD's term: diffusion between student and teacher features."""

import pytest
import torch
from torch import nn

from speechbrain_denokd.diffusion.noise_adapter import (
    mix,
    mix_vp,
)
from speechbrain_denokd.diffusion.schedule import NoiseSchedule
from speechbrain_denokd.distill.denoised import (
    DenoisedMatch,
    FeatureProjection,
)
from speechbrain_denokd.distill.match import MappedTap, SquaredErrorMatch
from tests.distill.denoised_parts import (
    N_FRAMES,
    NO_NOISE,
    PARTS,
    S_DIM,
    T_DIM,
    build,
    features,
    gamma_of,
    run,
    stub,
)

# -- no steps ---------------------------------------------------------


@pytest.mark.parametrize("tap", PARTS)
@pytest.mark.parametrize("standardize", [True, False])
def test_law_no_steps_is_the_plain_match(tap, standardize):
    student, teacher = features(tap)
    term = build(tap, standardize=standardize, n_steps=0)
    plain = SquaredErrorMatch(
        MappedTap(S_DIM, T_DIM, tap, standardize=standardize)
    )
    # The same weights under the same names: nothing else was built.
    plain.load_state_dict(term.state_dict(), strict=True)
    found = run(term, tap, student, teacher)
    expected = run(plain, tap, student, teacher).loss
    torch.testing.assert_close(found.loss, expected, rtol=0, atol=1e-6)
    assert found.monitors["kd"] == found.monitors["plain"] == expected
    (gradient,) = torch.autograd.grad(found.loss, student, retain_graph=True)
    (reference,) = torch.autograd.grad(expected, student)
    torch.testing.assert_close(gradient, reference, rtol=0, atol=1e-6)


def test_law_plain_monitor_does_not_see_the_diffusion():
    student, teacher = features()
    with_steps = run(build(n_steps=3), "frames", student, teacher).monitors
    without = run(build(n_steps=0), "frames", student, teacher).monitors
    torch.testing.assert_close(with_steps["plain"], without["plain"])
    assert with_steps["kd"] != with_steps["plain"]


# -- oracles ----------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 5, 15])
@pytest.mark.parametrize("grid", ["paper", "diffkd"])
def test_fact_an_oracle_of_the_teacher_has_no_loss(n_steps, grid):
    """Who knows x_0 predicts the noise exactly, in x_t and in the student."""
    schedule = NoiseSchedule("linear")
    student, teacher = features("embedding")
    clean = teacher.detach()

    def oracle(x_t, timesteps, mask):
        alpha_bar = schedule.alpha_bar_at(timesteps)[:, None]
        noise = (x_t.double() - alpha_bar.sqrt() * clean.double()) / (
            1 - alpha_bar
        ).sqrt()
        return noise.float()

    term = build(
        "embedding",
        standardize=False,
        denoiser=stub(oracle),
        noise_adapter=None,
        projection=None,
        n_steps=n_steps,
        grid=grid,
    )
    output = run(term, "embedding", student, teacher)
    assert output.monitors["plain"] > 1
    assert output.monitors["kd"] < 1e-8
    # float32 divides by sqrt(1 - 0.9999) where t = 0 is drawn.
    assert output.monitors["diffusion"] < 1e-6


def test_fact_who_is_asked_for_clean_features_need_say_nothing_else():
    """A network that always answers x_0 has neither loss."""
    student, teacher = features("embedding")
    clean = teacher.detach()
    term = build(
        "embedding",
        standardize=False,
        denoiser=stub(lambda x_t, timesteps, mask: clean),
        noise_adapter=None,
        projection=None,
        prediction="x0",
    )
    output = run(term, "embedding", student, teacher)
    assert output.monitors["plain"] > 1
    assert output.monitors["kd"] < 1e-8
    assert output.monitors["diffusion"] == 0


def test_fact_the_true_noise_gives_the_student_back():
    """Mixed in as Eq. (3) does at t = 500, predicted exactly, and gone."""
    schedule = NoiseSchedule("linear")
    alpha_bar = schedule.alpha_bar[499].item()
    drawn = []

    def mixing(mapped, noise, gamma):
        drawn.append(noise)
        return mix_vp(mapped, noise, gamma)

    term = build(
        denoiser=stub(lambda x_t, timesteps, mask: drawn[0]),
        noise_adapter=gamma_of(alpha_bar),
        projection=None,
        mixing=mixing,
    )
    monitors = run(term, "frames", *features()).monitors
    torch.testing.assert_close(
        monitors["kd"], monitors["plain"], rtol=1e-5, atol=0
    )


# -- gamma ------------------------------------------------------------


def entering(seen):
    """A denoiser that keeps its first input and finds no noise in it."""

    def predict(x_t, timesteps, mask):
        seen.append((x_t.detach(), timesteps))
        return torch.zeros_like(x_t)

    return stub(predict)


@pytest.mark.parametrize("mixing", [mix, mix_vp])
@pytest.mark.parametrize("adapter", [gamma_of(1.0), None])
def test_fact_gamma_one_leaves_the_student_as_it_is(adapter, mixing):
    seen = []
    student, teacher = features("embedding")
    term = build(
        "embedding",
        denoiser=entering(seen),
        noise_adapter=adapter,
        mixing=mixing,
        projection=None,
    )
    run(term, "embedding", student, teacher)
    mapped = term.mapped_tap.linear(student)
    torch.testing.assert_close(seen[0][0], mapped.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mixing", [mix, mix_vp])
def test_fact_gamma_zero_is_pure_noise_without_student_gradient(mixing):
    seen = []
    student, teacher = features("embedding")
    term = build(
        "embedding",
        denoiser=entering(seen),
        noise_adapter=gamma_of(0.0),
        mixing=mixing,
        projection=None,
    )
    loss = run(term, "embedding", student, teacher).loss
    torch.manual_seed(2)
    noise = torch.randn(9, T_DIM)
    torch.testing.assert_close(seen[0][0], noise, rtol=0, atol=1e-6)
    loss.backward()
    weight = term.mapped_tap.linear.weight
    assert student.grad.abs().max() < 1e-12
    assert weight.grad.abs().max() < 1e-12


def test_fact_gamma_is_one_number_for_each_utterance():
    seen = []
    student, teacher = features()
    gammas = torch.tensor([1.0, 0.0, 0.5])
    term = build(
        denoiser=entering(seen),
        noise_adapter=stub(lambda features, mask: gammas),
        projection=None,
    )
    output = run(term, "frames", student, teacher)
    assert output.monitors["gamma"].item() == pytest.approx(0.5)
    torch.manual_seed(2)
    noise = torch.randn(3, 9, T_DIM)
    mapped = term.mapped_tap.linear(student).detach()
    torch.testing.assert_close(seen[0][0][0], mapped[0])
    torch.testing.assert_close(seen[0][0][1], noise[1])
    torch.testing.assert_close(seen[0][0][2], (mapped[2] + noise[2]) / 2)


def test_fact_without_adapter_there_is_no_gamma():
    output = run(build(noise_adapter=None), "frames", *features())
    assert sorted(output.monitors) == ["diffusion", "kd", "plain"]


# -- closed forms -----------------------------------------------------


@pytest.mark.parametrize(
    ("noise", "schedule", "grid", "expected"),
    [
        (0.0, "linear", "paper", 3.56717137),
        (1.0, "linear", "paper", 0.14303475),
        (0.0, "linear", "diffkd", 2.273),
        (0.0, "cosine", "paper", 1.423),
        (0.0, "cosine", "diffkd", 1.244),
    ],
)
def test_fact_the_chain_has_its_golden_values(noise, schedule, grid, expected):
    """A student of ones against a teacher of zeros shows what came out."""
    term = build(
        "embedding",
        standardize=False,
        denoiser=stub(lambda x_t, t, mask: torch.full_like(x_t, noise)),
        noise_adapter=None,
        projection=None,
        schedule=NoiseSchedule(schedule),
        grid=grid,
    )
    nn.init.zeros_(term.mapped_tap.linear.weight)
    nn.init.ones_(term.mapped_tap.linear.bias)
    monitors = run(
        term, "embedding", torch.zeros(4, S_DIM), torch.zeros(4, T_DIM)
    ).monitors
    assert monitors["kd"].sqrt().item() == pytest.approx(expected, abs=5e-4)


def test_fact_the_grid_is_visited_from_the_start_down():
    seen = []
    term = build(denoiser=entering(seen), noise_adapter=None, start=400)
    run(term, "frames", *features())
    *chain, diffusion = [timesteps.tolist() for _, timesteps in seen]
    assert chain == [[t] * 3 for t in (399, 319, 239, 159, 79)]
    # The diffusion loss draws a step for each utterance.
    assert len(set(diffusion)) > 1


# -- sizes and scales -------------------------------------------------


def test_fact_a_network_without_an_answer_has_diffusion_loss_one():
    term = build("embedding", denoiser=NO_NOISE)
    torch.manual_seed(0)
    loss = term.diffusion_loss(torch.randn(4000, T_DIM), None)
    assert loss.item() == pytest.approx(1.0, abs=0.03)


def test_fact_the_diffusion_loss_is_a_mean_over_valid_frames():
    term = build(denoiser=NO_NOISE)
    mask = torch.arange(9) < torch.tensor(N_FRAMES)[:, None]
    torch.manual_seed(0)
    loss = term.diffusion_loss(torch.randn(3, 9, T_DIM), mask)
    torch.manual_seed(0)
    torch.randn(3, 9, T_DIM), torch.randint(1000, (3,))
    noise = torch.randn(3, 9, T_DIM)
    torch.testing.assert_close(loss, noise[mask].square().mean())


def test_fact_the_total_is_a_weighted_sum():
    term = build(diffusion_weight=0.25)
    output = run(term, "frames", *features())
    kd, diffusion = output.monitors["kd"], output.monitors["diffusion"]
    torch.testing.assert_close(output.loss, kd + 0.25 * diffusion)


def test_law_diffusion_times_are_drawn_from_the_whole_schedule():
    seen = []
    term = build("embedding", denoiser=entering(seen))
    torch.manual_seed(0)
    term.diffusion_loss(torch.zeros(50_000, T_DIM), None)
    timesteps = seen[0][1]
    assert (timesteps.min().item(), timesteps.max().item()) == (0, 999)


@pytest.mark.parametrize(
    ("tap", "sizes", "expected"),
    [
        (
            "frames",
            (1536, 1536),
            {
                "linear": 2_360_832,
                # blocks and convolution, and the embedding of time
                "denoiser": 5_618_688 + 214_656,
                "noise_adapter": 707_713,
                "projection": 2_363_904,
            },
        ),
        (
            "embedding",
            (192, 256),
            {
                "linear": 49_408,
                # three layers with norms but for the last, and time
                "denoiser": 1_579_776 - 512 + 49_536,
                "noise_adapter": 264_705,
                "projection": 66_304,
            },
        ),
    ],
)
def test_fact_parameter_counts_of_the_papers_sizes(tap, sizes, expected):
    with torch.device("meta"):
        term = DenoisedMatch(
            MappedTap(*sizes, tap),
            *PARTS[tap],
            NoiseSchedule("linear"),
            projection=FeatureProjection,
        )
    parts = {
        "linear": term.mapped_tap.linear,
        "denoiser": term.denoiser,
        "noise_adapter": term.noise_adapter,
        "projection": term.projection,
    }
    counts = {
        name: sum(p.numel() for p in part.parameters())
        for name, part in parts.items()
    }
    assert counts == expected
    total = sum(p.numel() for p in term.parameters())
    assert total == sum(expected.values())


# -- further ---------------------------------------------------------------


@pytest.mark.parametrize("tap", PARTS)
def test_law_half_precision_changes_little(tap):
    student, teacher = features(tap)
    exact = run(build(tap), tap, student, teacher).loss
    with torch.autocast("cpu", torch.bfloat16):
        output = run(build(tap), tap, student, teacher)
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss, exact, rtol=0.05, atol=0)


@pytest.mark.parametrize("tap", PARTS)
def test_law_a_student_learns_what_the_teacher_knows(tap):
    """A linear relation is found: the undenoised distance falls too."""
    torch.manual_seed(0)
    student, _ = features(tap)
    teacher = student.detach() @ torch.randn(S_DIM, T_DIM)
    term = build(tap)
    optimizer = torch.optim.Adam(term.parameters(), lr=1e-2)
    history = []
    for step in range(60):
        output = run(term, tap, student, teacher, seed=step)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        history.append({k: v.item() for k, v in output.monitors.items()})
    early, late = (
        {k: sum(h[k] for h in part) / 20 for k in ("kd", "diffusion")}
        for part in (history[:20], history[-20:])
    )
    assert late["kd"] < 0.5 * early["kd"]
    assert late["diffusion"] < early["diffusion"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_steps": -1}, r"n_steps=-1 must lie in 0\.\.start=500"),
        ({"n_steps": 501}, r"n_steps=501 must lie in 0\.\.start=500"),
        ({"start": 1001}, r"start=1001 must lie in 1\.\.n_timesteps=1000"),
        ({"grid": "leading"}, "kind='leading' is no step grid"),
        ({"prediction": "score"}, "prediction='score' is not known"),
    ],
)
def test_impossible_chains_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@pytest.mark.parametrize("shape", [(3, 5, 4), (7, 4)])
def test_fact_projection_is_a_linear_layer_with_unit_output(shape):
    torch.manual_seed(0)
    projection = FeatureProjection(4)
    mask = None
    valid = torch.ones(shape[:-1], dtype=torch.bool)
    if len(shape) == 3:
        mask = valid = torch.arange(5) < torch.tensor([5, 2, 4])[:, None]
    x = torch.randn(shape)
    out = projection(x, mask)
    mapped = projection.linear(x)[valid]
    expected = (mapped - mapped.mean(0)) / mapped.std(0, correction=0)
    torch.testing.assert_close(out[valid], expected, rtol=1e-3, atol=1e-3)
