"""Tables of wsj0-2mix: what a name says, and what is refused."""

import pytest

from speechbrain_denokd.separation.premixed import read_premixed
from speechbrain_denokd.separation.wsj0_table import main, wsj0_table

NAME = "011a0101_1.8_20ga010m_-1.8.wav"


def test_fact_a_name_holds_both_speakers(tmp_path, capsys):
    for part in ("mix", "s1", "s2"):
        (tmp_path / part).mkdir()
        (tmp_path / part / NAME).touch()
    table = tmp_path / "tables" / "tt.csv"
    main([str(tmp_path), str(table)])
    assert capsys.readouterr().out == f"1 mixtures: {table}\n"
    [row] = read_premixed(table, "elsewhere")
    assert row.spk_ids == ("011", "20g")
    assert row.mixture == str(tmp_path / "mix" / NAME)
    assert row.sources[1] == str(tmp_path / "s2" / NAME)


def test_a_folder_that_is_not_wsj0_2mixs_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no mixtures in .*mix; give"):
        wsj0_table(tmp_path, tmp_path / "t.csv")
    (tmp_path / "mix").mkdir()
    (tmp_path / "mix" / "011a_1.8_20ga_-1.8.wav").touch()
    with pytest.raises(FileNotFoundError, match="s1.* to the mixture"):
        wsj0_table(tmp_path, tmp_path / "t.csv")
    (tmp_path / "mix" / "000.wav").touch()
    with pytest.raises(ValueError, match="000.wav does not name two utter"):
        wsj0_table(tmp_path, tmp_path / "t.csv")


def test_a_command_line_of_one_word_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["folder"])
    assert "FOLDER TABLE" in capsys.readouterr().err
