"""Table of a folder of wsj0-2mix; see ``wsj0_table``."""

from speechbrain_denokd.separation.wsj0_table import main

if __name__ == "__main__":
    main()
