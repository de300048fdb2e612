"""A load on an endpoint, as callers who don't wait for each other would make it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ops import credentials, endpoints, journal, openloop, payloads, times
from ops.clients import Workspace
from ops.endpoints import Endpoint
from ops.errors import Interrupted, Refused, Unhealthy, UsageError
from ops.openloop import Plan
from ops.tally import Report

MOST_PER_SECOND = 2000.0  # about as fast as one process of Python can send
LONGEST_SECONDS = 86_400.0
MOST_REQUESTS = 10_000_000
MOST_RETRIES = 10
BEYOND_SECONDS = 10.0  # past the endpoint's own time-out, which answers 408


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The flags of `invoke load`, as they were typed."""

    rps: str
    duration: str
    deployment: str | None
    file: str | None
    drift: Sequence[str]
    steady: bool
    retries: str
    timeout: str | None
    seed: str | None


def plan(workspace: Workspace, name: str, asked: Asked) -> Plan:
    """What would be sent; raise UsageError, or Refused where nothing would answer."""
    rate, seconds = per_second(asked.rps), lasting(asked.duration)
    if rate * seconds > MOST_REQUESTS:
        raise UsageError(
            f"--rps and --for ask for more than {MOST_REQUESTS:,} requests."
        )
    retries = whole(asked.retries, "--retries", MOST_RETRIES)
    seed = None if asked.seed is None else whole(asked.seed, "--seed", 2**63 - 1)
    bodies = payloads.cycle(asked.file, name, asked.deployment)
    if moved := payloads.shifts(asked.drift):
        names = payloads.features(name, asked.deployment)
        bodies = [payloads.drifted(body, moved, names) for body in bodies]
    endpoint = endpoints.get(workspace, name)
    if asked.deployment:
        endpoints.require(endpoint, asked.deployment)
    elif not endpoint.traffic:
        raise Refused(
            f"{name} gives no deployment any traffic.",
            *(f"invoke load --deployment {each}" for each in endpoint.deployments),
        )
    return Plan(
        uri=endpoint.scoring_uri,
        bodies=bodies,
        rate=rate,
        seconds=seconds,
        timeout_seconds=patience(asked.timeout, endpoint),
        deployment=asked.deployment or "",
        steady=asked.steady,
        retries=retries,
        seed=seed,
        renewed=endpoint.auth_mode != "Key",
        proxied=not workspace.local,
    )


def run(
    workspace: Workspace, name: str, plan: Plan, *, reason: str = ""
) -> Iterator[Report]:
    """Send it; yield how it goes, and last how it went. Journalled, without a lock."""

    def bearer() -> str:
        return credentials.bearer(workspace, endpoints.get(workspace, name))

    with journal.noted(
        "load", workspace.stage.name, name, reason, at=workspace.now()
    ) as record:
        for report in openloop.drive(plan, bearer):
            record.after = {
                "asked": f"{plan.rate:g}/s for {plan.seconds:g} s",
                "sent": report.sent,
                "lost": report.lost_count,
            }
            yield report


def require_answered(report: Report, allow_errors: bool) -> None:
    """End as unhealthy when something was lost, or, unless allowed, failed."""
    if report.interrupted:
        raise Interrupted("The load was stopped; above is what was sent until then.")
    if report.unsent:
        raise Unhealthy(f"{report.unsent:,} requests were due and never sent.")
    if allow_errors and report.lost_count:
        raise Unhealthy(
            f"{report.lost_count:,} of {report.sent:,} requests got no answer.",
            "invoke diagnose",
        )
    if report.failed and not allow_errors:
        raise Unhealthy(
            f"{report.failed:,} of {report.requests:,} requests failed.",
            "invoke diagnose",
            "invoke load --allow-errors   # only what gets no answer fails the load",
        )


def per_second(text: str) -> float:
    """The rate that --rps asks for."""
    try:
        rate = float(text)
    except ValueError:
        rate = float("nan")
    if not 0.01 <= rate <= MOST_PER_SECOND:
        raise UsageError(
            f"--rps takes requests a second from 0.01 to {MOST_PER_SECOND:g}, "
            f"not {text!r}."
        )
    return rate


def lasting(text: str) -> float:
    """The seconds that --for asks for."""
    seconds = times.duration(text, "--for").total_seconds()
    if seconds > LONGEST_SECONDS:
        raise UsageError(f"--for takes at most 24h, not {text}.")
    return seconds


def patience(text: str | None, endpoint: Endpoint) -> float:
    """The seconds that --timeout asks for: by default longer than the endpoint has."""
    if text is not None:
        return times.duration(text, "--timeout").total_seconds()
    own = [each.request_timeout_ms for each in endpoint.deployments.values()]
    return max(own, default=5000) / 1000 + BEYOND_SECONDS


def whole(text: str, flag: str, most: int) -> int:
    """A whole number from 0."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > most:
        raise UsageError(f"{flag} takes a whole number from 0 to {most}, not {text!r}.")
    return int(text)
