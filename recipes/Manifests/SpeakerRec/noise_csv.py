"""``noise_csv.py TABLE AUDIO_FOLDER SAVE_FOLDER``: -> noise.csv, rir.csv.

TABLE is a CSV with the columns ``id,path,kind,duration`` and, optionally,
``split``: rows of split "train" or "" are kept. A kind that starts with "rir"
is a room response; the others are noise, music, babble or speech.
"""

import csv
import sys
from pathlib import Path

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.noise import NoiseFile, write_noise


@exit_on_user_error
def main(table: str, audio_folder: str, save_folder: str):
    """Read the table, write noises and rooms apart."""
    noises, rooms = [], []
    with open(table, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row.get("split", "") not in ("train", ""):
                continue
            is_room = row["kind"].startswith("rir")
            wav = str(Path(audio_folder, row["path"]).absolute())
            kind = "rir" if is_room else row["kind"]
            noise = NoiseFile(row["id"], float(row["duration"]), wav, kind)
            (rooms if is_room else noises).append(noise)
    Path(save_folder).mkdir(parents=True, exist_ok=True)
    write_noise(Path(save_folder, "noise.csv"), noises)
    write_noise(Path(save_folder, "rir.csv"), rooms)
    print(f"{len(noises)} noises and {len(rooms)} rooms: {save_folder}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
