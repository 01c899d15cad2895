"""What is sent to the hub, and when. No test sends anything."""

import shutil

import pytest

from speechbrain_denokd.publish.hub import upload


class Api:
    """Stands in for HfApi: what it was asked, and a hub of one folder."""

    def __init__(self, existing=(), error=None):
        self.existing, self.error, self.calls = set(existing), error, []

    def create_repo(self, repo_id, *, private, exist_ok):
        if self.error is not None:
            raise self.error
        if repo_id in self.existing and not exist_ok:
            raise OSError("409 Client Error: you already created this\nmore")
        self.calls.append(("create", repo_id, private))
        return f"https://huggingface.co/{repo_id}"

    def upload_folder(self, **given):
        self.calls.append(("upload", given))


def test_fact_a_repository_is_made_and_the_folder_sent(made):
    api = Api()
    address = upload(made, "ann/tiny", private=True, api=api)
    assert address == "https://huggingface.co/ann/tiny"
    assert api.calls == [
        ("create", "ann/tiny", True),
        (
            "upload",
            {
                "repo_id": "ann/tiny",
                "folder_path": made,
                "delete_patterns": None,
                "commit_message": "Publish with denokd",
            },
        ),
    ]


def test_what_is_there_is_replaced_only_when_asked(made):
    api = Api(existing=["ann/tiny"])
    with pytest.raises(
        ValueError, match=r"not uploaded \(409 .* created this\); .* --force"
    ):
        upload(made, "ann/tiny", api=api)
    assert api.calls == []
    upload(made, "ann/tiny", replace=True, api=api)
    assert api.calls[1][1]["delete_patterns"] == "*"


def test_a_damaged_folder_is_not_sent(folder):
    (folder / "README.md").write_text("changed")
    api = Api()
    with pytest.raises(ValueError, match="README.md has another SHA-256"):
        upload(folder, "ann/tiny", api=api)
    assert api.calls == []


def test_an_unpublished_folder_is_not_sent(source, tmp_path):
    api = Api()
    with pytest.raises(FileNotFoundError, match="is no published folder"):
        upload(shutil.copytree(source, tmp_path / "m"), "a/b", api=api)
    assert api.calls == []


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "/a", "a/", "../a", "a b/c"])
def test_other_names_are_refused(made, name):
    with pytest.raises(ValueError, match="is no name on the hub; give user/na"):
        upload(made, name, api=Api())


def test_without_a_token_the_folder_is_said_to_be_complete(made):
    error = OSError("401 Client Error: no token")
    with pytest.raises(ValueError, match="401 .* is complete. Log in with `hf"):
        upload(made, "ann/tiny", api=Api(error=error))
