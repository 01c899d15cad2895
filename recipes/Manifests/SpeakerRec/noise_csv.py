"""``noise_csv.py TABLE AUDIO_FOLDER SAVE_FOLDER``: -> noise.csv, rir.csv."""

import sys

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.noise_table import convert_noise_table

if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(*exit_on_user_error(convert_noise_table)(*sys.argv[1:]))
