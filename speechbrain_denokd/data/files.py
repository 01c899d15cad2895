"""Work on many files: in threads, written whole, first offenders named."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

# A million futures at once would cost a gigabyte, so they are made in blocks.
_BLOCK = 10_000


def threaded_map(
    function: Callable,
    items: Sequence,
    n_threads: int = 8,
    description: str | None = None,
) -> list:
    """Apply a function to many items in threads, keeping their order.

    Arguments
    ---------
    function : callable
        Takes one item. Reading or converting files frees the interpreter
        lock, which is why threads suffice.
    items : sequence
        What to work on.
    n_threads : int
        Threads.
    description : str, optional
        Label of a progress bar; without it there is no bar.

    Returns
    -------
    list
        One result per item, in order.

    Example
    -------
    >>> threaded_map(len, ["a", "bc", ""])
    [1, 2, 0]
    """
    results = []
    with (
        ThreadPoolExecutor(n_threads) as pool,
        tqdm(
            total=len(items),
            desc=description,
            disable=description is None,
        ) as bar,
    ):
        for begin in range(0, len(items), _BLOCK):
            block = items[begin : begin + _BLOCK]
            for result in pool.map(function, block):
                results.append(result)
                bar.update()
    return results


def first_offenders(offenders: Sequence[str], n_shown: int = 5) -> str:
    """Join the first offenders and say how many more there are.

    Arguments
    ---------
    offenders : sequence of str
        One clause per offender.
    n_shown : int
        How many are spelled out.

    Returns
    -------
    str

    Example
    -------
    >>> first_offenders(["a", "b", "c"], n_shown=2)
    'a; b; and 1 more'
    """
    shown = list(offenders[:n_shown])
    if len(offenders) > n_shown:
        shown.append(f"and {len(offenders) - n_shown} more")
    return "; ".join(shown)


def write_whole(path: str | Path, text: str) -> None:
    r"""Write a text file so that it is either whole or absent.

    Arguments
    ---------
    path : str or Path
        Where to write; its folder is made when missing.
    text : str
        Content, written as UTF-8.

    Example
    -------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_whole(folder / "lists" / "a.txt", "1 x y\n")
    >>> (folder / "lists" / "a.txt").read_text()
    '1 x y\n'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A reader never sees a half-written file: the rename is atomic.
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="")
    os.replace(partial, path)
