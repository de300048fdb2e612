"""A process that runs rollouts on an in-process localcloud and dies where it is told.

`python -m tests.rollout_victim` reads a line of JSON for each: {"cloud": DIRECTORY,
"policy": FILE, "state": DIRECTORY, "dies_at": 3, "breaks": true}. It forks, and the
child dies without a last word in front of its third write; 0 is never. What is written
back is how the child ended, and the writes it had made or was about to make.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from ops import rollout
from ops.rollouts import preflight
from tests.local_transport import InProcess, Transport
from tests.rollout_rig import Moments

WRITES = ("PUT", "PATCH", "DELETE", "POST")
READS_BY_POST = ("/query", "/listSecrets")
DIED = 9


class Deadly(Transport):
    """Ends the process in front of its n-th write."""

    def __init__(self, cloud, dies_at, note):
        super().__init__(cloud)
        self._dies_at, self._note, self._count = dies_at, note, 0

    def send(self, request, **options):
        path = request.url.partition("?")[0]
        if request.method in WRITES and not path.endswith(READS_BY_POST):
            self._count += 1
            query = request.url.partition("?")[2].partition("&")[0]
            with self._note.open("a") as stream:
                stream.write(f"{request.method} {path.rsplit('/', 1)[-1]} {query}\n")
            if self._count == self._dies_at:
                os._exit(DIED)
        return super().send(request, **options)


def run(order):
    """One rollout, from start to end or to death."""
    os.environ["AML_OPS_STATE"] = order["state"]
    cloud = InProcess(Path(order["cloud"]))
    workspace = cloud.workspace("ana@laptop")
    workspace.real_time = Moments()
    note = Path(order["cloud"]) / "writes.txt"
    note.touch()
    workspace.transport = Deadly(cloud, order["dies_at"], note)
    ready = preflight.ready(workspace, "iris", policy=order["policy"])
    for progress in rollout.start(workspace, ready):
        if order["breaks"] and progress.what == "advanced":
            fail(cloud, "green")
    cloud.close()


def warm_up(order):
    """Import and compile all that a rollout needs, once instead of in every child."""
    place = Path(order["cloud"])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(place, Path(folder) / "cloud")
        about = {"cloud": f"{folder}/cloud", "state": f"{folder}/state", "dies_at": 0}
        run({**order, **about})


def fail(cloud, name):
    """Have a deployment be Failed, as where its instances can't start any more."""
    id_ = f"{cloud.cloud.workspace}/onlineEndpoints/iris/deployments/{name}"
    cloud.state.observe(id_, provisioningState="Failed")


def main():
    for number, line in enumerate(sys.stdin):
        order = json.loads(line)
        if not number:
            warm_up(order)
        child = os.fork()
        if child == 0:
            run(order)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        writes = (Path(order["cloud"]) / "writes.txt").read_text().splitlines()
        told = {"status": os.waitstatus_to_exitcode(status), "writes": writes}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
