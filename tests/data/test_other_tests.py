"""VoxSRC-23 and VCMix: lists as published, audio as unpacked."""

import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data import other_tests
from speechbrain_denokd.data.corpus import read_trial_set
from speechbrain_denokd.data.other_tests import (
    VOXSRC_LISTS,
    find_other_recordings,
    read_other_list,
)
from speechbrain_denokd.data.voxceleb import prepare_voxceleb
from speechbrain_denokd.data.voxceleb_tests import voxceleb_tests


def write_wav(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(1600), 16000)


def voxsrc(data, lines):
    """VoxSRC-23's validation list and its audio, in its layout."""
    official = VOXSRC_LISTS["VoxSRC23-val"]
    (data / official.filename).write_text("".join(lines))
    for number in (2252, 19394, 34374, 53313, 60000):
        write_wav(data / official.folder / f"{number:06d}.wav")


@pytest.fixture
def data(tmp_path):
    """VoxCeleb1's test part, some of VoxCeleb2, VoxConverse."""
    for speaker in ("id10270", "id10271", "id00012", "id00015", "id00900"):
        for video in ("v1", "v2"):
            write_wav(tmp_path / "wav" / speaker / video / "00001.wav")
    for name in ("abjxc/00001", "abjxc/00002", "afjiv/00001"):
        write_wav(tmp_path / "voxconverse_test_SV" / f"{name}.wav")
    target = "1 id10270/v1/00001.wav id10270/v2/00001.wav\n"
    nontarget = "0 id10270/v1/00001.wav id10271/v2/00001.wav\n"
    lines = [target] * 18_802 + [nontarget] * 18_809
    (tmp_path / "veri_test2.txt").write_text("".join(lines))
    return tmp_path


def voxconverse_list(data, n_nontargets=140_734):
    lines = ["1 abjxc/00001.wav abjxc/00001.wav\n"] * 3
    lines += ["0 abjxc/00001.wav abjxc/00002.wav\n"] * n_nontargets
    path = data / "voxconverse_test_SV" / "trials_wo_overlap.txt"
    path.write_text("".join(lines))
    return path


def test_fact_the_published_size_of_the_validation_list(data):
    # Its 1,199,688 bytes are lines of 24: `label 034374.wav 053313.wav`.
    line = "1 034374.wav 053313.wav\n"
    assert 1_199_688 / len(line) == VOXSRC_LISTS["VoxSRC23-val"].n_trials
    voxsrc(data, [line] * 49_986 + ["0 019394.wav 002252.wav\n"])
    trials = read_other_list("VoxSRC23-val", data, data)
    assert trials[0] == (True, "034374.wav", "053313.wav")
    voxsrc(data, [line] * 49_987 + ["0 019394.wav 002252.wav\n"])
    with pytest.raises(ValueError, match="VoxSRC23-val .* 49987 .* has 49988"):
        read_other_list("VoxSRC23-val", data, data)


def test_fact_speakers_of_voxsrc_are_what_its_targets_link(data):
    voxsrc(data, [])
    trials = [
        other_tests.Trial(True, "053313.wav", "034374.wav"),
        other_tests.Trial(False, "034374.wav", "002252.wav"),
    ]
    rows = find_other_recordings("VoxSRC23-val", data, trials, [])
    assert {row.id: row.spk_id for row in rows} == {
        "VoxSRC2023_val--002252": "VoxSRC2023_val--002252",
        "VoxSRC2023_val--019394": "VoxSRC2023_val--019394",
        "VoxSRC2023_val--034374": "VoxSRC2023_val--034374",
        "VoxSRC2023_val--053313": "VoxSRC2023_val--034374",
        "VoxSRC2023_val--060000": "VoxSRC2023_val--060000",
    }


def test_fact_vcmix_is_two_halves_of_two_lists(data):
    voxconverse_list(data)
    trials = read_other_list("VCMix", data, data)
    assert len(trials) == 159_536
    nontargets, targets = trials[:140_734], trials[140_734:]
    assert set(nontargets) == {(False, "abjxc/00001.wav", "abjxc/00002.wav")}
    assert set(targets) == {
        (True, "id10270/v1/00001.wav", "id10270/v2/00001.wav")
    }
    path = voxconverse_list(data, 140_733)
    with pytest.raises(ValueError, match="140734 trials, but has 140733"):
        read_other_list("VCMix", data, data)
    path.write_text("abjxc/00001.wav abjxc/00002.wav\n")
    with pytest.raises(ValueError, match="1 line.* are no trials"):
        read_other_list("VCMix", data, data)


def test_fact_both_are_prepared_beside_voxceleb(data):
    voxconverse_list(data)
    lines = ["1 034374.wav 053313.wav\n"] * 49_986
    voxsrc(data, [*lines, "0 019394.wav 002252.wav\n"])
    names = ["O", "VoxSRC23-val", "VCMix"]
    prepare_voxceleb(data, data / "save", None, ["vox2_dev"], names, "O")
    tests = voxceleb_tests(data / "save", names)
    assert list(tests) == ["Vox1-O", "VoxSRC23-val", "VCMix"]
    found = {
        name: read_trial_set(name, **files, data_root=data)
        for name, files in tests.items()
    }
    voxsrc_set, vcmix = found["VoxSRC23-val"], found["VCMix"]
    assert len(voxsrc_set.trials) == 49_987
    # In no trial: 060000.
    assert [row.id[-6:] for row in voxsrc_set.utterances] == [
        "002252",
        "019394",
        "034374",
        "053313",
    ]
    assert {row.id: row.session for row in vcmix.utterances} == {
        "id10270--v1--00001": "v1",
        "id10270--v2--00001": "v2",
        "voxconverse_test_SV--abjxc--00001": "abjxc",
        "voxconverse_test_SV--abjxc--00002": "abjxc",
    }
    assert vcmix.trials[0] == (
        False,
        "voxconverse_test_SV--abjxc--00001",
        "voxconverse_test_SV--abjxc--00002",
    )


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("VoxSRC23-test", "VoxSRC23-test is missing at .*final_fixed.txt"),
        ("VCMix", "of VCMix, is missing at .*trials_wo_overlap.txt: unpack"),
    ],
)
def test_error_lists_that_are_missing(data, name, match):
    with pytest.raises(FileNotFoundError, match=match):
        read_other_list(name, data, data)


def test_error_audio_that_is_missing(data):
    with pytest.raises(FileNotFoundError, match="missing at .*VoxSRC2023_val"):
        find_other_recordings("VoxSRC23-val", data, [], [])
    (data / "VoxSRC2023_val").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no .wav file"):
        find_other_recordings("VoxSRC23-val", data, [], [])
