import pytest

from speechbrain_denokd.data.voxceleb_lists import (
    TRIAL_LISTS,
    read_official_list,
)


def test_fact_sizes():
    # From the VoxCeleb web page: cleaned, then original.
    assert {name: size for name, (_, size) in TRIAL_LISTS.items()} == {
        "O": 37_611,
        "O-original": 37_720,
        "E": 579_818,
        "E-original": 581_480,
        "H": 550_894,
        "H-original": 552_536,
    }


def test_original_list_under_the_cleaned_name(tmp_path):
    lines = ["1 a b\n", "0 a c\n"] * (37_720 // 2)
    (tmp_path / "veri_test2.txt").write_text("".join(lines))
    with pytest.raises(ValueError, match="Vox1-O .* 37611 .* has 37720"):
        read_official_list("O", tmp_path)
    (tmp_path / "veri_test2.txt").rename(tmp_path / "veri_test.txt")
    assert len(read_official_list("O-original", tmp_path)) == 37_720


def test_missing_list_says_where_it_comes_from(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="list_test_hard2.txt from the VoxCeleb web"
    ):
        read_official_list("H", tmp_path)


def test_unknown_list(tmp_path):
    with pytest.raises(ValueError, match="no VoxCeleb list S: use O, "):
        read_official_list("S", tmp_path)
