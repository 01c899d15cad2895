"""Train a method of ``hparams/``: the arguments are those of ``train.py``."""

from speechbrain_denokd.training import main

if __name__ == "__main__":
    main()
