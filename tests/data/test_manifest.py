import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data import manifest
from speechbrain_denokd.data.manifest import (
    ManifestError,
    Utterance,
    read_manifest,
    write_manifest,
)

HEADER = "ID,duration,wav,start,stop,spk_id"


@pytest.fixture
def corpus(tmp_path):
    """Three one-second files a, b, c.wav."""
    for name in "abc":
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(16000), 16000)
    return tmp_path


def write(folder, *rows, header=HEADER):
    path = folder / "m.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def good(name):
    return f"{name},1.0,{{data_root}}/{name}.wav,0,16000,s{name}"


def test_fact_rows(corpus):
    path = write(
        corpus,
        "a,1.0,{data_root}/a.wav,,,ann,monday,f,x",
        "b,0.5,$data_root/b.wav,4000,12000,bob,,,y",
        header=HEADER + ",session,gender,source",
    )
    assert read_manifest(path, corpus) == [
        Utterance("a", 1.0, f"{corpus}/a.wav", 0, None, "ann", "monday", "f"),
        Utterance("b", 0.5, f"{corpus}/b.wav", 4000, 12000, "bob", "", ""),
    ]


def test_law_written_is_read(corpus):
    rows = [
        Utterance("a", 1.0, f"{corpus}/a.wav", 0, None, "ann", "1", "f"),
        Utterance("b,c", 0.75, f"{corpus}/b.wav", 0, 12000, "bob"),
    ]
    write_manifest(corpus / "sub" / "m.csv", rows, corpus)
    assert str(corpus) not in (corpus / "sub" / "m.csv").read_text()
    assert read_manifest(corpus / "sub" / "m.csv", corpus) == rows


def test_reference_speechbrain_reads_the_same(corpus):
    from speechbrain.dataio.dataio import load_data_csv

    rows = [Utterance("a", 1.0, f"{corpus}/a.wav", 0, 16000, "ann", "1")]
    write_manifest(corpus / "m.csv", rows, corpus)
    loaded = load_data_csv(str(corpus / "m.csv"), {"data_root": str(corpus)})
    assert loaded["a"]["wav"] == rows[0].wav
    assert loaded["a"]["duration"] == 1.0
    assert loaded["a"]["stop"] == "16000"


def test_byte_order_mark_is_no_column_name(corpus):
    path = write(corpus, good("a"))
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert read_manifest(path, corpus)[0].id == "a"


@pytest.mark.parametrize(
    "row, message",
    [
        ("d,1.0,{data_root}/d.wav,0,16000,s", "there is no file .*d.wav"),
        ("d,1.0,{data_root}/a.wav,0,16000,", "spk_id is empty"),
        ("d,1.0,{data_root}/a.wav,0,16000, ", "spk_id is empty"),
        (",1.0,{data_root}/a.wav,0,16000,s", "ID is empty"),
        ("d,1.0,,0,16000,s", "wav is empty"),
        ("d,0,{data_root}/a.wav,0,16000,s", "duration 0 is not a positive"),
        ("d,-1,{data_root}/a.wav,0,16000,s", "duration -1 is not a positive"),
        ("d,nan,{data_root}/a.wav,0,16000,s", "duration nan is not"),
        ("d,one,{data_root}/a.wav,0,16000,s", "duration 'one' is not a numb"),
        ("d,1.0,{data_root}/a.wav,x,16000,s", "start 'x' is not a whole"),
        ("d,1.0,{data_root}/a.wav,0,1e4,s", "stop '1e4' is not a whole"),
        ("d,1.0,{data_root}/a.wav,-5,16000,s", "start '-5' is not a whole"),
        ("d,1.0,{data_root}/a.wav,9,9,s", "stop 9 is not after start 9"),
        ("d,1.2,{data_root}/a.wav,0,16000,s", "1.2 s, but .* give 1 s"),
        ("d,1.2,{data_root}/a.wav,,,s", "1.2 s, but .*a.wav give 1 s"),
        ("d,1.1,{data_root}/a.wav,0,17600,s", "has 16000 samples.* 0 to 176"),
        ("d,1.0,{data_root}/a.wav,16000,,s", "has 16000 samples, but the row"),
        ("d,1.0,{data_root}/low.wav,,,s", "8000 Hz, not 16000 Hz"),
        ("d,1.0,{data_root}/bad.wav,,,s", "bad.wav cannot be read as audio"),
        ("d,1.0,{data_root}/empty.wav,,,s", "empty.wav holds no samples"),
        ("d,1.0,{data_root}/x.m4a,,,s", "AAC audio"),
        ("d,1.0,{data_root}/a.wav,0,16000", "no value for spk_id"),
        ("d,1.0,{data_root}/a.wav,0,16000,s,t", "more values than columns"),
        ("b,1.0,{data_root}/a.wav,0,16000,s", "ID b is also on line 2"),
    ],
)
def test_one_wrong_row(corpus, row, message):
    soundfile.write(corpus / "low.wav", np.zeros(8000), 8000)
    (corpus / "bad.wav").write_bytes(b"RIFF but not really")
    (corpus / "empty.wav").touch()
    (corpus / "x.m4a").write_bytes(b"ftyp")
    path = write(corpus, good("b"), row, good("c"))
    with pytest.raises(
        ManifestError, match=rf"1 of 3 row.*line 3: .*{message}"
    ):
        read_manifest(path, corpus)


def test_duration_within_a_tenth_passes(corpus):
    path = write(corpus, "a,1.09,{data_root}/a.wav,,,s")
    assert read_manifest(path, corpus)[0].duration == 1.09


def test_first_five_of_all_kinds_by_line(corpus):
    rows = [good("a"), "d,1.0,{data_root}/d.wav,,,s", "e,1.0,e.wav,,,"]
    rows += [f"f{n},0,f.wav,,,s" for n in range(5)]
    with pytest.raises(ManifestError) as caught:
        read_manifest(write(corpus, *rows), corpus)
    text = str(caught.value)
    assert "7 of 8 row(s)" in text and str(corpus) in text
    order = [text.index(f"line {number}:") for number in (3, 4, 5, 6, 7)]
    assert order == sorted(order)
    assert "line 8:" not in text and "and 2 more" in text


def test_audio_is_not_looked_at_when_told_so(tmp_path):
    path = write(tmp_path, good("a"))
    assert read_manifest(path, tmp_path, check_audio=False)[0].id == "a"


def test_large_manifests_open_a_sample_but_miss_no_file(corpus, monkeypatch):
    monkeypatch.setattr(manifest, "_MAX_HEADERS", 1)
    rows = ["a,1.0,{data_root}/a.wav,,,s", "b,1.0,{data_root}/b.wav,,,s"]
    opened = []
    read = manifest.header_or_error
    monkeypatch.setattr(
        manifest,
        "header_or_error",
        lambda wav: opened.append(wav) or read(wav),
    )
    read_manifest(write(corpus, *rows), corpus)
    assert len(opened) == 1
    with pytest.raises(ManifestError, match="there is no file .*d.wav"):
        read_manifest(
            write(corpus, *rows, "d,1.0,{data_root}/d.wav,,,s"), corpus
        )


def test_missing_column(corpus):
    path = write(corpus, "a,1.0", header="ID,duration")
    with pytest.raises(ManifestError, match="lacks.*wav, start, stop, spk_id"):
        read_manifest(path, corpus)


def test_no_rows(corpus):
    with pytest.raises(ManifestError, match="has no rows"):
        read_manifest(write(corpus), corpus)


def test_no_manifest(corpus):
    with pytest.raises(FileNotFoundError, match="no manifest .*prepare"):
        read_manifest(corpus / "absent.csv", corpus)


def test_audio_given_for_a_manifest(corpus):
    (corpus / "noise.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ManifestError, match="not a CSV file in UTF-8"):
        read_manifest(corpus / "noise.csv", corpus)
