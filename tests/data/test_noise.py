import numpy as np
import pytest
import soundfile

from speechbrain_denokd.data.manifest import ManifestError
from speechbrain_denokd.data.noise import (
    NoiseFile,
    prepare_noise,
    read_noise,
    scan_musan,
    scan_rirs_noises,
    write_noise,
)


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(1600), 16000)


def test_fact_musan_kinds_and_names_with_dots(tmp_path):
    write(
        tmp_path,
        "noise/free-sound/noise-free-sound-0000.wav",
        "music/hd-classical/a.b.c.wav",
        "speech/us-gov/speech-us-gov-0001.wav",
        "other/x.wav",
    )
    files = scan_musan(tmp_path)
    assert [(file.id, file.kind, file.duration) for file in files] == [
        ("music--hd-classical--a.b.c", "music", 0.1),
        ("noise--free-sound--noise-free-sound-0000", "noise", 0.1),
        ("speech--us-gov--speech-us-gov-0001", "speech", 0.1),
    ]


def test_fact_rirs_noises_kinds(tmp_path):
    write(
        tmp_path,
        "simulated_rirs/smallroom/Room001/Room001-00001.wav",
        "real_rirs_isotropic_noises/RWCP_type1_rir_cirline_jr1_imp010.wav",
        "real_rirs_isotropic_noises/RVB2014_type1_noise_largeroom1_1.wav",
        "pointsource_noises/noise-free-sound-0000.wav",
    )
    kinds = [file.kind for file in scan_rirs_noises(tmp_path)]
    assert kinds == ["noise", "noise", "rir", "rir"]


def test_law_written_is_read_and_nothing_is_deleted(tmp_path):
    write(tmp_path, "noise/a.b.c.wav", "music/b.wav")
    files = scan_musan(tmp_path)
    write_noise(tmp_path / "noise.csv", files, tmp_path)
    assert "$data_root/noise/a.b.c.wav" in (
        (tmp_path / "noise.csv").read_text()
    )
    assert read_noise(tmp_path / "noise.csv", tmp_path) == files
    assert len(list(tmp_path.rglob("*.wav"))) == 2
    assert (tmp_path / "noise.csv").is_file()


def test_kind_is_optional(tmp_path):
    write(tmp_path, "a.wav")
    (tmp_path / "n.csv").write_text(
        "ID,duration,wav,wav_format,wav_opts\na,0.1,{data_root}/a.wav,wav,\n"
    )
    wav = f"{tmp_path}/a.wav"
    assert read_noise(tmp_path / "n.csv", tmp_path) == [
        NoiseFile("a", 0.1, wav, "noise")
    ]
    rooms = read_noise(tmp_path / "n.csv", tmp_path, default_kind="rir")
    assert rooms[0].kind == "rir"


def test_wrong_rows_in_one_error(tmp_path):
    write(tmp_path, "a.wav")
    rows = [
        "a,0.1,{data_root}/a.wav,noise",
        "a,0.1,{data_root}/a.wav,noise",
        "b,0.1,{data_root}/a.wav,hum",
        "c,0,{data_root}/a.wav,noise",
        "d,0.1,,noise",
        "e,0.1,{data_root}/e.wav,noise",
    ]
    (tmp_path / "n.csv").write_text("ID,duration,wav,kind\n" + "\n".join(rows))
    with pytest.raises(ManifestError, match="5 of 6 row") as caught:
        read_noise(tmp_path / "n.csv", tmp_path)
    text = str(caught.value)
    assert "line 3: ID a occurs twice" in text
    assert "line 4: kind 'hum' is none of noise, music" in text
    assert "line 5: duration 0 is not" in text
    assert "line 6: wav is empty" in text
    assert "line 7: there is no file" in text and "e.wav" in text


def test_nothing_to_scan(tmp_path):
    with pytest.raises(FileNotFoundError, match="No audio of MUSAN"):
        scan_musan(tmp_path)
    with pytest.raises(FileNotFoundError, match="No audio of RIRS_NOISES"):
        scan_rirs_noises(tmp_path / "absent")


def test_corrupt_noise(tmp_path):
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "a.wav").write_bytes(b"no audio")
    with pytest.raises(ValueError, match="1 of 1 files .*cannot be read"):
        scan_musan(tmp_path)


def test_fact_preparation_keeps_kinds_apart(tmp_path):
    write(tmp_path, "musan/noise/a.b.wav", "musan/speech/s.wav")
    write(
        tmp_path,
        "RIRS_NOISES/simulated_rirs/r.wav",
        "RIRS_NOISES/pointsource_noises/n.wav",
    )
    arguments = (tmp_path / "musan", tmp_path / "RIRS_NOISES", tmp_path / "m")
    outputs = prepare_noise(*arguments)
    # Paths are absolute, so that any data_root reads them.
    kinds = {
        name: [file.kind for file in read_noise(path, "elsewhere")]
        for name, path in outputs.items()
    }
    assert kinds == {"noise.csv": ["noise", "speech"], "rir.csv": ["rir"]}
    before = outputs["rir.csv"].stat().st_mtime_ns
    prepare_noise(*arguments)
    assert outputs["rir.csv"].stat().st_mtime_ns == before
