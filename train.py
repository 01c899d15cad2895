"""Train one method: ``python train.py hparams/denokd_frame.yaml``."""

from speechbrain_denokd.training import main

if __name__ == "__main__":
    main()
