"""Schedules against the golden numbers of 3D-Speaker's formulas."""

import pytest

from speechbrain_denokd.schedules import (
    MarginSchedule,
    TwoStageCosine,
    WarmupCosine,
)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        (0, 0.0),
        (20, 0.0),
        (21, 0.05841085),
        (22, 0.09976256),
        (25, 0.16443442),
        (30, 0.19367545),
        (35, 0.19887532),
        (39, 0.19971749),
        (39.999, 0.19979993),
        (40, 0.2),
        (70, 0.2),
    ],
)
def test_fact_margin_of_the_paper(epochs, expected):
    assert MarginSchedule(20, 40)(epochs) == pytest.approx(expected, abs=1e-8)


def test_fact_margin_of_3d_speakers_default():
    schedule = MarginSchedule(20, 50, final=0.3)
    assert schedule(35) == pytest.approx(0.29051317, abs=1e-8)


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(0, 5e-5), (2.5, 0.100025), (5, 0.2), (37.5, 0.100025), (70, 5e-5)],
)
def test_fact_learning_rate(epochs, expected):
    schedule = WarmupCosine(0.2, 5e-5, warmup_epochs=5, n_epochs=70)
    assert schedule(epochs) == pytest.approx(expected, abs=1e-9)


def test_law_no_warmup_starts_at_the_highest_rate_and_ends_at_the_lowest():
    schedule = WarmupCosine(1e-3, 1e-5, warmup_epochs=0, n_epochs=3)
    rates = [schedule(epochs / 10) for epochs in range(31)]
    assert rates[0] == 1e-3
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(1e-5)


STEPS = 1_092_009 // 128  # of an epoch of VoxCeleb2 in SSRFNet's batches


def ssrfnet(step):
    """Its Section 3.3: 5,000 steps, then until 304,000."""
    schedule = TwoStageCosine(
        1e-3, 1e-4, 5_000 / STEPS, 0.1, 1e-4, n_epochs=304_000 / STEPS
    )
    return schedule(step / STEPS)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 1e-3),
        (1_250, 1e-4 + 9e-4 * (2 + 2**0.5) / 4),  # cos(45 degrees)
        (2_500, 5.5e-4),
        (5_000, 0.1),
        (5_000 + 299_000 / 3, 0.1 - 0.0999 / 4),  # cos(60 degrees) = 1 / 2
        (154_500, 0.05005),
        (304_000, 1e-4),
    ],
)
def test_fact_two_stages_of_ssrfnet(step, rate):
    assert ssrfnet(step) == pytest.approx(rate, rel=1e-9)


def test_law_each_stage_falls_and_the_second_starts_at_its_highest():
    first = [ssrfnet(step) for step in range(0, 5_000, 100)]
    second = [ssrfnet(step) for step in range(5_000, 304_001, 1_000)]
    for rates, highest in ((first, 1e-3), (second, 0.1)):
        assert rates[0] == pytest.approx(highest)
        assert rates == sorted(rates, reverse=True)
    assert first[-1] == pytest.approx(1e-4, rel=0.01)


def test_fact_no_first_stage_is_one_cosine():
    schedule = TwoStageCosine(1e-3, 1e-4, 0, 0.1, 0.0, n_epochs=2)
    assert [schedule(epochs) for epochs in (0, 1, 2)] == pytest.approx(
        [0.1, 0.05, 0.0]
    )


def test_error_impossible_schedules():
    with pytest.raises(ValueError, match="warmup_epochs=5 .* n_epochs=5"):
        WarmupCosine(1e-3, 1e-5, warmup_epochs=5, n_epochs=5)
    with pytest.raises(ValueError, match="end_epoch=3 .* start_epoch=4"):
        MarginSchedule(4, 3)
    for first in (3, -1):
        with pytest.raises(ValueError, match=f"first_epochs={first} .*=3; set"):
            TwoStageCosine(1e-3, 1e-4, first, 0.1, 1e-4, n_epochs=3)
