"""A verb in a process of its own that needs no imports any more: half a second less.

It is Python's own fork server that keeps a process with everything imported. A verb
sees of it nothing: its words, its variables and what it prints to are its own.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.flows.preloaded"])


def run(words, variables, seconds):
    """Type `invoke WORDS`; its exit status, and what it said on either stream."""
    with TemporaryDirectory() as folder:
        said = [Path(folder, name) for name in ("out", "err")]
        verb = FORKS.Process(target=_typed, args=(words, variables, said))
        verb.start()
        try:
            verb.join(seconds)
            late = verb.exitcode is None
        finally:
            verb.kill()  # nothing where it has ended; else also after a Ctrl-C
            verb.join()
        if late:
            raise TimeoutError(f"invoke {' '.join(words)}: {seconds} s were too few")
        return verb.exitcode, *(path.read_text() for path in said)


def _typed(words, variables, said):
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(variables)
    os.environ.pop("AZUREML_CURRENT_CLOUD", None)  # a verb that starts forgets it too
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)
    sys.argv = ["invoke", *words]
    runpy.run_module("invoke", run_name="__main__", alter_sys=True)
