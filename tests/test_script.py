"""What can be said of a scoring script without running it."""

from textwrap import dedent

import pytest

from ops import script

GOOD = """
    import json
    import numpy
    model = None
    def init():
        global model
        model = 1
    def run(data):
        return model
"""
INSTALLED = {"numpy", "azureml-inference-server-http"}


def findings(tmp_path, text, **beside):
    path = tmp_path / "score.py"
    path.write_text(dedent(text))
    for name, content in beside.items():
        (tmp_path / f"{name}.py").write_text(dedent(content))
    return list(script.findings(path, tmp_path, INSTALLED))


def test_a_sound_script_has_no_findings(tmp_path):
    assert findings(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("def run(x): pass", 1, "has no init()"),
        ("def init(): pass", 1, "has no run()"),
        ("def init(a): pass\ndef run(x): pass", 1, "init() must take no argument"),
        ("def init(): pass\ndef run(): pass", 2, "run() must take one argument"),
        ("def init(): pass\nasync def run(x): pass", 2, "run() is async"),
        ("def init(:", 1, "is not valid Python"),
        (
            "def init():\n    model = 1\ndef run(x): return model",
            2,
            "init() sets model without `global model`, so run() won't find it",
        ),
        (
            "import pandas\ndef init(): pass\ndef run(x): pass",
            1,
            "imports pandas, but the conda file does not install pandas",
        ),
        (
            "def init(): import sklearn.svm\ndef run(x): pass",
            1,
            "does not install scikit-learn",
        ),
        ("from . import x\ndef init(): pass\ndef run(x): pass", 1, "relative import"),
    ],
)
def test_what_cannot_work_is_found_with_its_line(tmp_path, text, line, says):
    (finding,) = findings(tmp_path, text)

    assert says in finding.text
    assert (finding.line, finding.fatal) == (line, True)


def test_an_optional_import_is_a_warning(tmp_path):
    text = GOOD + "    try:\n        import pandas\n    except ImportError: pass\n"

    (finding,) = findings(tmp_path, text)

    assert not finding.fatal


def test_modules_beside_the_script_are_followed(tmp_path):
    (finding,) = findings(
        tmp_path, GOOD + "    import features\n", features="import cv2"
    )

    assert finding.path.name == "features.py"
    assert "opencv-python-headless" in finding.text


def test_a_path_of_the_authors_machine_is_a_warning(tmp_path):
    (finding,) = findings(tmp_path, GOOD + "    HERE = '/home/ada/model.pkl'\n")

    assert "/home/ada/model.pkl" in finding.text
    assert not finding.fatal
