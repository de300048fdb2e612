"""What the verbs of a drill print."""

from datetime import timedelta
from typing import TYPE_CHECKING

from ops.times import length
from ops.views import render

if TYPE_CHECKING:
    from ops.drills import Drill, Fault


def clock(drill: "Drill") -> None:
    """What time it is on localcloud, and how that differs from here."""
    told = [f"localcloud's clock shows {drill.now:%Y-%m-%d %H:%M:%S} UTC"]
    if drill.ahead_seconds >= 1:
        told.append(f"{length(timedelta(seconds=drill.ahead_seconds))} ahead")
    if drill.rate != 1:
        told.append(f"{drill.rate:g} times as fast as real time")
    render.line(", ".join(told))


def drill(drill: "Drill") -> None:
    """Whether there is a drill, its clock, its alerts and its faults."""
    render.line("drills are on" if drill.on else "drills are off")
    if drill.decorate:
        render.line("answers hold what Azure adds to resources")
    clock(drill)
    for alert in drill.alerts:
        parts = alert.target.split("/")
        where = "/".join(parts[parts.index("onlineEndpoints") + 1 :: 2])
        severity = f"severity {alert.severity}"
        render.line(f"alert {alert.rule} ({severity}) fired {alert.at:%T} on {where}")
    if not drill.faults:
        render.line("no faults")
        return
    table = render.grid("#", "fault", "matched", "struck", "until")
    for fault in drill.faults:
        until = f"{fault.until:%H:%M:%S}" if fault.until else ""
        # What the gateway does to each answer, it does not count.
        counted = fault.do != "slow"
        counts = [
            str(each) if counted else "" for each in (fault.matched, fault.struck)
        ]
        table.add_row(str(fault.number), render.safe(says(fault)), *counts, until)
    render.console().print(table)


def says(fault: "Fault") -> str:
    """One fault in a line, as one would say it."""
    seconds = length(timedelta(seconds=fault.seconds))
    what = {
        "delay": f"held for {seconds}",
        "status": f"answered {fault.status} {fault.code}".rstrip(),
        "reset": "connection reset",
        "throttle": f"throttled, Retry-After {seconds}",
        "stale": f"stale for {seconds} after a write",
        "fail": f"accepted, then failed {fault.code}".rstrip(),
        "count": "counted",
        "kill": "killed",
        "freeze": "frozen",
        "slow": f"slower by {seconds}",
        "refuse": "may not start",
    }[fault.do]
    if fault.deployment:
        parts = fault.deployment.split("/")
        return f"instances of {parts[-3]}/{parts[-1]}: {what}"
    where = " ".join(filter(None, [",".join(fault.methods), fault.path]))
    when = [f"after {fault.after}"] if fault.after else []
    most = "once" if fault.times == 1 else f"{fault.times} times"
    when += [most] if fault.times else []
    late = " when the work is done" if fault.late else ""
    return f"{where}: {what}{late}" + (f" ({', '.join(when)})" if when else "")
