"""A deployment tried where its author keeps it."""

from engine_rig import CONDA, SCORE

from ops.localcloud.rehearsal import rehearse


def play(folder, model=None):
    return {
        "conda": CONDA,
        "code": str(folder),
        "script": str(folder / "score.py"),
        "model": model,
        "variables": {},
        "payload": "{}",
    }


def test_a_rehearsal_leaves_nothing_in_the_authors_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (tmp_path / "score.py").write_text(SCORE)

    outcome = rehearse(play(tmp_path), lambda _: None)

    assert outcome.stage == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["score.py"]


def test_a_script_that_ends_the_process_is_told_so(tmp_path):
    dying = SCORE.replace("def init():", "def init():\n    __import__('os')._exit(3)")
    (tmp_path / "score.py").write_text(dying)
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris/schema.json").touch()

    outcome = rehearse(play(tmp_path, str(tmp_path / "iris")), lambda _: None)

    assert outcome.stage == "start"
    # The inference server prints a traceback of its own when it can't read the path.
    assert outcome.problem == "Worker exited with code 3."
