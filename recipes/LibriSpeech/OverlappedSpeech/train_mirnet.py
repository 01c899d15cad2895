"""Train a page ``hparams/mirnet*.yaml``; arguments are those of train.py."""

from speechbrain_denokd.training import main

if __name__ == "__main__":
    main()
