"""One sentence and exit code 2 for what a user can mend."""

import functools
import sys
from collections.abc import Callable


def exit_on_user_error(main: Callable) -> Callable:
    """Decorate a command: user errors end without a traceback.

    ``ValueError`` and ``OSError`` carry a sentence that names the thing and
    the fix; it goes to standard error, with exit code 2. An interrupt ends
    with 130, as shells expect.

    Example
    -------
    >>> @exit_on_user_error
    ... def command():
    ...     raise ValueError("batch_size=0 must be 1 or more")
    >>> try:
    ...     command()
    ... except SystemExit as exit:
    ...     exit.code
    2
    """

    @functools.wraps(main)
    def command(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except (ValueError, OSError) as error:
            print(f"error: {_sentence(error)}", file=sys.stderr)
            raise SystemExit(2) from error
        except KeyboardInterrupt:
            print(
                "interrupted; the same command goes on from the last "
                "checkpoint",
                file=sys.stderr,
            )
            raise SystemExit(130) from None

    return command


def _sentence(error: Exception) -> str:
    """The message; of an error in a loader's worker, that of the worker.

    PyTorch raises such an error again with the worker's whole traceback as
    its message, which ends in "TypeOfError: message".
    """
    text = str(error).strip()
    if "in DataLoader worker process" not in text:
        return text
    return text.splitlines()[-1].split(": ", 1)[-1]
