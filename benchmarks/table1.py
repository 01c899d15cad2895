"""``denokd table`` under its former name; see `speechbrain_denokd.table`."""

from speechbrain_denokd.table.command import main

if __name__ == "__main__":
    main()
