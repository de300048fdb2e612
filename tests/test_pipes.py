"""What a pipe does to a verb whose reader leaves."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENDLESS = """
from invoke import Collection, Program
from ops.verbs import local

@local()
def shout(call):
    while True:
        print("more")

Program(namespace=Collection(shout)).run("invoke shout")
"""


def test_a_reader_that_has_seen_enough_gets_no_traceback():
    command = [sys.executable, "-c", "import sys; sys.path.insert(0, '.')\n" + ENDLESS]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()

        said = process.stderr.read().decode()

    assert said == ""
    assert process.returncode == 141
