"""Command line of `prepare_voxceleb`: folders -> manifests and trial lists."""

import argparse
from collections.abc import Sequence

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.other_tests import OTHER_TESTS
from speechbrain_denokd.data.voxceleb import VALIDATION, prepare_voxceleb
from speechbrain_denokd.data.voxceleb_lists import TRIAL_LISTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Write VoxCeleb's manifests and trial lists. The defaults "
        "are those of hparams/setups/voxceleb.yaml, so that training finds "
        "its corpus prepared; AAC is converted beside the originals.",
    )
    parser.add_argument("data_folder", help="where VoxCeleb is unpacked")
    parser.add_argument("save_folder", help="where the outputs go")
    parser.add_argument(
        "--trial_lists",
        nargs="*",
        default=["O", "E", "H"],
        choices=[*TRIAL_LISTS, *OTHER_TESTS],
        metavar="LIST",
        help=", ".join([*TRIAL_LISTS, *OTHER_TESTS]),
    )
    parser.add_argument("--validation", default="vox2_test", choices=VALIDATION)
    return parser


@exit_on_user_error
def main(argv: Sequence[str] | None = None):
    """Command line: see ``--help``.

    Arguments
    ---------
    argv : sequence of str, optional
        As on the command line, without the program's name.

    Example
    -------
    >>> import tempfile
    >>> try:
    ...     main(["nowhere", tempfile.mkdtemp()])
    ... except SystemExit as exit:
    ...     exit.code
    2
    """
    arguments = _parser().parse_args(argv)
    outputs = prepare_voxceleb(**vars(arguments), convert_m4a=True)
    for path in outputs.values():
        print(path)


if __name__ == "__main__":
    main()
