"""Rooms, noises and channels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from speechbrain_denokd.data.acoustics import (
    NOISE_KINDS,
    Session,
    draw_session,
    noise,
    record,
    room_response,
)

CROWD = np.random.default_rng(9).standard_normal((3, 8000))
TONE = np.sin(2 * np.pi * 1000 * np.arange(32000) / 16000)
DELTA = np.eye(1, 255, 127)[0]
IDEAL = Session(
    room=np.ones(1),
    noise_kind="rumble",
    snr_db=90.0,
    equaliser=DELTA,
    band_hz=(50, 7600),
    companded=False,
    level_db=-20.0,
)


def recorded(session, seed=0):
    return record(TONE, session, np.random.default_rng(seed), CROWD)


@pytest.mark.parametrize("kind", NOISE_KINDS)
def test_signal_to_noise_ratio_is_the_sessions(kind):
    session = replace(IDEAL, noise_kind=kind, snr_db=6.0)
    measured = []
    for seed in range(12):
        wave = recorded(session, seed)[4000:]
        phase = 2 * np.pi * 1000 * np.arange(len(wave)) / 16000
        basis = np.stack([np.sin(phase), np.cos(phase)])
        tone = basis.T @ np.linalg.lstsq(basis.T, wave, rcond=None)[0]
        ratio = np.sum(tone**2) / np.sum((wave - tone) ** 2)
        measured.append(10 * np.log10(ratio))
    # The band drops some noise; utterances vary by 1.5 dB.
    assert 5.0 < np.mean(measured) < 8.5


def test_level_is_the_sessions():
    wave = recorded(IDEAL)
    assert 10 * np.log10(np.mean(wave**2)) == pytest.approx(-20.0, abs=0.1)


def test_telephone_line_drops_what_is_outside_its_band():
    session = replace(
        IDEAL, snr_db=-20.0, band_hz=(300, 3400), noise_kind="clatter"
    )
    frequency, power = welch(recorded(session), 16000, nperseg=1024)
    inside = power[(frequency > 500) & (frequency < 3000)].mean()
    outside = power[frequency > 5500].mean()
    assert outside < 1e-3 * inside


def test_companding_leaves_255_levels():
    wave = recorded(replace(IDEAL, companded=True))
    assert 30 < len(np.unique(wave)) <= 255
    assert np.abs(wave - recorded(IDEAL)).max() < 0.02


def test_reverberation_decays():
    energy = np.zeros(5)
    for seed in range(30):
        room = room_response(np.random.default_rng(seed))
        energy += (room[1:].copy()[: 5 * 1500].reshape(5, 1500) ** 2).sum(1)
    assert np.all(np.diff(energy) < 0)


def test_sessions_differ():
    rooms = [
        draw_session(np.random.default_rng(seed)).room for seed in range(2)
    ]
    assert abs(np.corrcoef(rooms[0][1:], rooms[1][1:])[0, 1]) < 0.5


def test_unknown_noise_is_refused():
    with pytest.raises(ValueError, match="noise is 'rain'; it must be one of"):
        noise(np.random.default_rng(0), "rain", 16000, CROWD)
