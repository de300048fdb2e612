"""The engines that make the state true, as one thing to start, ring and stop."""

import asyncio
from pathlib import Path

from ops.localcloud import console
from ops.localcloud.autoscaler import Autoscaler
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.evaluator import Evaluator, is_patient
from ops.localcloud.gatewayprocess import GatewayProcess
from ops.localcloud.keeper import Keeper
from ops.localcloud.logstore import LogStore
from ops.localcloud.loops import Wake, every
from ops.localcloud.notifier import Notifier
from ops.localcloud.recorder import Recorder
from ops.localcloud.router import Router
from ops.localcloud.state import State
from ops.localcloud.supervisor import Supervisor

EVALUATOR_TICK, NOTIFIER_TICK = 1.0, 0.5
AUTOSCALER_TICK = 0.5  # of real time; how often it acts, the clock says
KEEPER_SECONDS = 0.25  # how long a verb may miss a file that was deleted
TICK_SECONDS = 0.2  # how late a death, a due probe or a drained instance is noticed


class Engines:
    """Supervisor, router, gateway and ingest of a state directory."""

    def __init__(
        self,
        state: State,
        blobs: BlobStore,
        directory: Path,
        store: LogStore,
        keeper: Keeper | None = None,
    ) -> None:
        self._state = state
        self._directory = directory
        self._gateway = GatewayProcess(directory)
        self._supervisor_wake, self._router_wake = Wake(), Wake()
        self._gateway_wake, self._autoscaler_wake = Wake(), Wake()
        self._recorder = Recorder(state, store, directory)
        self._router = Router(state, directory, changed=self._supervisor_wake.ring)
        self._supervisor = Supervisor(
            state,
            blobs,
            directory,
            self._router,
            ring=self._supervisor_wake.ring,
            changed=self._router_wake.ring,
        )

        self._autoscaler = Autoscaler(state, store, self.ring)
        self._notifier, self._notifier_wake = Notifier(state), Wake()
        told = self._notifier_wake.ring
        self._evaluators = (
            (Evaluator(state, store, told, lambda rule: not is_patient(rule)), Wake()),
            (Evaluator(state, store, told, is_patient), Wake()),
        )
        self._store = store
        self._keeper, self._keeper_wake = keeper, Wake()

    def start(self) -> str:
        """Adopt or start the gateway; return its URL. Blocks, seconds at most."""
        return self._gateway.ensure()

    @property
    def gateway_url(self) -> str:
        return self._gateway.url

    def ring(self) -> None:
        """Have the wishes that were just written seen to at once. From any thread."""
        for wake in (
            *(self._router_wake, self._supervisor_wake),
            *(self._gateway_wake, self._autoscaler_wake),
            *(
                self._keeper_wake,
                self._notifier_wake,
                *(wake for _, wake in self._evaluators),
            ),
        ):
            wake.ring()

    async def run(self, stop: asyncio.Event) -> None:
        """Step all engines until `stop` is set; what they started runs on.

        Ring after setting it, to leave at once.
        """
        loops = [
            every(TICK_SECONDS, self._supervisor.step, stop, self._supervisor_wake),
            every(TICK_SECONDS, self._router.step, stop, self._router_wake),
            every(1.0, self._gateway.step, stop, self._gateway_wake),
            every(AUTOSCALER_TICK, self._autoscaler.step, stop, self._autoscaler_wake),
            *(
                every(EVALUATOR_TICK, evaluator.step, stop, wake)
                for evaluator, wake in self._evaluators
            ),
            self._leave(stop),
            every(NOTIFIER_TICK, self._notifier.step, stop, self._notifier_wake),
            self._recorder.run(stop),
        ]
        if self._keeper:
            step, wake = self._keeper.step, self._keeper_wake
            loops.append(every(KEEPER_SECONDS, step, stop, wake))
        try:
            await asyncio.gather(*loops)
        finally:
            await asyncio.to_thread(self._supervisor.close)
            await asyncio.to_thread(self._notifier.close)
            self._gateway.close()

    async def _leave(self, stop: asyncio.Event) -> None:
        """Once all is to stop, let no query of an alert rule hold it up."""
        await stop.wait()
        for evaluator, _ in self._evaluators:
            evaluator.leave()
        await asyncio.to_thread(self._store.interrupt)

    def recovered(self) -> bool:
        """Whether each deployment that was ready when localcloud went is so again."""
        serving = self._router.serving()
        return all(
            any(serving.routes_to(each) for each in self._state.instances(ready.id))
            for ready in self._state.of_type("deployments")
            if ready.properties.get("provisioningState") == "Succeeded"
        )

    def logs(self, deployment_id: str, container: str, tail: int) -> str:
        """What getLogs answers; ValueError names a container that there is none of."""
        return console.logs(
            self._state, self._directory, deployment_id, container, tail
        )
