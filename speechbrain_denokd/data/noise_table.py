"""A table of noises and rooms -> ``noise.csv`` and ``rir.csv``."""

import csv
from pathlib import Path

from speechbrain_denokd.data.noise import NoiseFile, write_noise


def convert_noise_table(
    table: str | Path, audio_folder: str | Path, save_folder: str | Path
) -> tuple[int, int]:
    r"""Split a table by kind, and write what augmentation reads.

    Arguments
    ---------
    table : str or Path
        CSV with the columns ``id,path,kind,duration`` and, optionally,
        ``split``: rows of split "train" or "" are kept. A kind that starts
        with "rir" is a room response; others are noise, music, babble or
        speech.
    audio_folder : str or Path
        Folder that ``path`` is relative to.
    save_folder : str or Path
        Receives both files; made where it does not exist.

    Returns
    -------
    n_noises, n_rooms : int

    Raises
    ------
    FileNotFoundError
        If there is no such table.
    ValueError
        If a column is missing.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "table.csv").write_text(
    ...     "id,path,kind,duration\nd1,dog.ogg,noise,2\nr1,hall.flac,rir,1\n"
    ... )
    >>> convert_noise_table(folder / "table.csv", folder, folder / "out")
    (1, 1)
    """
    noises, rooms = [], []
    with open(table, encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"id", "path", "kind", "duration"} - set(
            rows.fieldnames or ()
        )
        if missing:
            raise ValueError(
                f"{table} lacks the columns {sorted(missing)}; it has "
                f"{rows.fieldnames}"
            )
        for row in rows:
            if (row.get("split") or "train") != "train":
                continue
            is_room = row["kind"].startswith("rir")
            wav = str(Path(audio_folder, row["path"]).absolute())
            kind = "rir" if is_room else row["kind"]
            noise = NoiseFile(row["id"], float(row["duration"]), wav, kind)
            (rooms if is_room else noises).append(noise)
    Path(save_folder).mkdir(parents=True, exist_ok=True)
    write_noise(Path(save_folder, "noise.csv"), noises)
    write_noise(Path(save_folder, "rir.csv"), rooms)
    return len(noises), len(rooms)
