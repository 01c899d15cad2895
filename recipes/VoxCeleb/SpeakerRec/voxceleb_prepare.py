"""VoxCeleb -> manifests and trial lists: see ``--help``."""

from speechbrain_denokd.data.voxceleb_cli import main

if __name__ == "__main__":
    main()
