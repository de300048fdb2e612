"""The hash of a folder counts what the SDK uploads of it, and nothing else."""

import os

import pytest

from ops import uploads


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "m"
    for name in ("a.pkl", "deep/b.pkl", "deep/keep.txt", "logs/x.log", "ä ö.txt"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/c.txt").write_text("c")
    (path / "link").symlink_to(tmp_path / "elsewhere")
    (path / "file-link").symlink_to(tmp_path / "elsewhere/c.txt")
    (path / "empty").mkdir()
    return path


IGNORED = [
    "",
    "*.pkl\n",
    "# all logs\nlogs/\n\n!deep/keep.txt\n",
    "*\n!deep/\n!deep/*.pkl\n",
    "/a.pkl\n**/keep.txt\nlink\n",
    "deep/*\n!deep/b.pkl\n\\#x\n",
]


@pytest.mark.parametrize("name", [".amlignore", ".gitignore"])
@pytest.mark.parametrize("patterns", IGNORED)
def test_the_same_files_count_as_the_sdk_uploads(folder, name, patterns):
    from azure.ai.ml._utils import _asset_utils as sdk

    (folder / name).write_text(patterns)
    uploaded = sdk.get_upload_files_from_folder(
        folder, ignore_file=sdk.get_ignore_file(folder)
    )

    assert {name for name, _ in uploads.files(folder)} == {
        name.removeprefix("./") for _, name in uploaded
    }


def test_an_amlignore_counts_alone(folder):
    (folder / ".gitignore").write_text("*.pkl\n")
    (folder / ".amlignore").write_text("*.log\n")

    names = [name for name, _ in uploads.files(folder)]

    assert "a.pkl" in names
    assert "logs/x.log" not in names


def test_what_is_kept_back_does_not_change_the_hash(folder):
    (folder / ".gitignore").write_text("*.log\n")
    before = uploads.content(folder)

    (folder / "logs/x.log").write_text("more")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/x.pyc").write_text("compiled")

    assert uploads.content(folder) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.pkl").write_text("other"),
        lambda folder: (folder / "a.pkl").rename(folder / "b.pkl"),
        lambda folder: (folder / "new").write_text(""),
        lambda folder: (folder / "deep/b.pkl").unlink(),
        lambda folder: (folder / "link/c.txt").write_text("through a link"),
        lambda folder: (folder / ".gitignore").write_text("*.pkl\n"),
    ],
)
def test_any_change_of_what_is_uploaded_changes_the_hash(folder, change):
    before = uploads.content(folder)

    change(folder)

    assert uploads.content(folder) != before


def test_a_link_into_itself_ends(folder):
    os.symlink(folder, folder / "deep/round")

    assert ("deep/b.pkl", folder / "deep/b.pkl") in uploads.files(folder)


def test_a_single_file_has_a_hash_of_its_own(folder):
    assert uploads.content(folder / "a.pkl") != uploads.content(folder / "deep/b.pkl")
