"""``prepare_folders.py CORPUS MANIFESTS``: folder per speaker -> manifests."""

import sys

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.speaker_folders import prepare_speaker_folders

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    exit_on_user_error(prepare_speaker_folders)(*sys.argv[1:])
