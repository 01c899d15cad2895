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
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(2) from error
        except KeyboardInterrupt:
            print(
                "interrupted; the same command goes on from the last "
                "checkpoint",
                file=sys.stderr,
            )
            raise SystemExit(130) from None

    return command
