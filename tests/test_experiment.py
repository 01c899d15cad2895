"""The settings a folder was started with."""

import pytest

from speechbrain_denokd.config import Page
from speechbrain_denokd.experiment import begin_record


def test_fact_settings_are_written_once_and_compared_after(tmp_path):
    folder = tmp_path / "run"
    begin_record(folder, Page({}, "seed: 1\nlr: 0.1\n"))
    assert (folder / "hyperparams.yaml").read_text() == "seed: 1\nlr: 0.1\n"
    begin_record(folder, Page({}, "seed: 1\nlr: 0.1\n"))
    with pytest.raises(ValueError, match=r"there 'lr: 0.1', now 'lr: 0.2'"):
        begin_record(folder, Page({}, "seed: 1\nlr: 0.2\n"))
    assert (folder / "hyperparams.yaml").read_text() == "seed: 1\nlr: 0.1\n"


@pytest.mark.parametrize("now", ["seed: 1\n", "seed: 1\nlr: 0.1\nmore: 2\n"])
def test_fact_a_missing_or_added_line_is_a_difference(tmp_path, now):
    begin_record(tmp_path, Page({}, "seed: 1\nlr: 0.1\n"))
    with pytest.raises(ValueError, match="other settings"):
        begin_record(tmp_path, Page({}, now))
