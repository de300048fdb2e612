"""A deployment tried where its author keeps it."""

from engine_rig import CONDA, SCORE

from ops.localcloud.rehearsal import rehearse


def test_a_rehearsal_leaves_nothing_in_the_authors_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (tmp_path / "score.py").write_text(SCORE)
    play = {
        "conda": CONDA,
        "code": str(tmp_path),
        "script": str(tmp_path / "score.py"),
        "model": None,
        "variables": {},
        "payload": "{}",
    }

    outcome = rehearse(play, lambda _: None)

    assert outcome.stage == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["score.py"]
