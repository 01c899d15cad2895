"""Upload a published folder (``folder -> huggingface.co/user/name``).

Nothing is sent unless this is called. The token is the one that
``hf auth login`` or ``HF_TOKEN`` left on this machine; it is never an argument.
"""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from speechbrain_denokd.publish.safe_folder import read_published

_REPO_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def check_repo_id(repo_id: str) -> None:
    """Refuse what is no ``user/name``.

    Raises
    ------
    ValueError

    Example
    -------
    >>> check_repo_id("ann/small-ecapa")
    >>> check_repo_id("small-ecapa")
    Traceback (most recent call last):
    ...
    ValueError: 'small-ecapa' is no name on the hub; give user/name
    """
    if not _REPO_ID.fullmatch(repo_id):
        raise ValueError(f"{repo_id!r} is no name on the hub; give user/name")


def upload(
    folder: str | Path,
    repo_id: str,
    private: bool = False,
    replace: bool = False,
    api: Any = None,
) -> str:
    """Upload a published folder, after loading it once as others will.

    Arguments
    ---------
    folder : str or Path
        Made by `publish.publish`.
    repo_id : str
        ``user/name``; made if there is none.
    private : bool
        Whether a repository that is made is private.
    replace : bool
        Whether an existing repository's files are replaced by these.
    api : huggingface_hub.HfApi, optional
        By default one with the user's token.

    Returns
    -------
    str
        Address of the repository.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_published`, if the name is none, or if the hub refuses.
    """
    check_repo_id(repo_id)
    read_published(folder)
    api = HfApi() if api is None else api
    try:
        address = api.create_repo(repo_id, private=private, exist_ok=replace)
        api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            # A file that an older version left would not be in sha256.txt.
            delete_patterns="*" if replace else None,
            commit_message="Publish with denokd",
        )
    except OSError as error:  # the hub's errors are
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{repo_id} was not uploaded ({reason}); {folder} is complete. Log "
            "in with `hf auth login`; if the repository exists already, "
            "--force replaces its files"
        ) from error
    return str(address)
