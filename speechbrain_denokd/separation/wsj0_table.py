r"""Tables of wsj0-2mix for `PremixedCorpus` (``folder -> table``).

python -m speechbrain_denokd.separation.wsj0_table \
        wsj0-2mix/wav16k/min/tt tables/tt.csv
"""

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.data.files import write_whole
from speechbrain_denokd.separation.premixed import COLUMNS


@exit_on_user_error
def main(argv: Sequence[str] | None = None):
    """Command line: a folder with ``mix/``, ``s1/``, ``s2/``, and a table."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if len(argv) != 2:
        raise ValueError(
            "give a folder with mix/, s1/ and s2/, and the table to write: "
            "python -m speechbrain_denokd.separation.wsj0_table FOLDER TABLE"
        )
    print(f"{wsj0_table(*argv)} mixtures: {argv[1]}")


def wsj0_table(folder: str | Path, table: str | Path) -> int:
    """Write the table of a folder with ``mix/``, ``s1/`` and ``s2/``.

    Such as ``wav16k/min/tt`` of wsj0-2mix. Speakers are the first three
    characters of the utterances that a file's name holds:
    ``011a0101_1.8_20ga010m_-1.8.wav``.

    Arguments
    ---------
    folder : str or Path
    table : str or Path
        CSV file to write; its paths are absolute.

    Returns
    -------
    int
        Mixtures.

    Raises
    ------
    FileNotFoundError
        If there are no mixtures, or a source is missing.
    ValueError
        If a name is not of that form.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain_denokd.separation.premixed import read_premixed
    >>> folder = Path(tempfile.mkdtemp())
    >>> for part in ("mix", "s1", "s2"):
    ...     (folder / part).mkdir()
    ...     (folder / part / "011a0101_1.8_20ga010m_-1.8.wav").touch()
    >>> wsj0_table(folder, folder / "tt.csv")
    1
    >>> read_premixed(folder / "tt.csv", "")[0].spk_ids
    ('011', '20g')
    """
    folder = Path(folder)
    mixtures = sorted((folder / "mix").glob("*.wav"))
    if not mixtures:
        raise FileNotFoundError(
            f"no mixtures in {folder / 'mix'}; give a folder with mix/, s1/ "
            "and s2/, such as wsj0-2mix's wav16k/min/tt"
        )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "speaker_1", "speaker_2"])
    for mixture in mixtures:
        parts = mixture.stem.split("_")
        if len(parts) != 4:
            raise ValueError(
                f"{mixture.name} does not name two utterances and their "
                "levels, as 011a0101_1.8_20ga010m_-1.8.wav does"
            )
        for part in ("s1", "s2"):
            if not (folder / part / mixture.name).is_file():
                raise FileNotFoundError(
                    f"no {folder / part / mixture.name} to the mixture"
                )
        names = [
            str((folder / part / mixture.name).resolve())
            for part in ("mix", "s1", "s2")
        ]
        writer.writerow([mixture.stem, *names, parts[0][:3], parts[2][:3]])
    write_whole(table, text.getvalue())
    return len(mixtures)


if __name__ == "__main__":
    main()
