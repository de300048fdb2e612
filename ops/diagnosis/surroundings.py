"""Rules about the endpoint as a whole: its state, keys, set-up and last changes."""

from datetime import timedelta

from ops.diagnosis.facts import Facts, Finding, at, plural, rows, total
from ops.times import length

BEFORE_TROUBLE = timedelta(minutes=30)


def endpoint_failed(facts: Facts) -> Finding | None:
    if facts.endpoint.state != "Failed":
        return None
    last = facts.history[0] if facts.history else None
    said = [last.detail.splitlines()[0]] if last and last.detail else []
    return Finding(
        severity="serious",
        title=f"the endpoint {facts.endpoint.name} is Failed",
        evidence=["provisioning state Failed", *said],
        cause="its last change was not carried out",
        next=[f"invoke history{facts.flags}", f"invoke deploy{facts.flags}"],
    )


def wrong_keys(facts: Facts) -> Finding | None:
    """401, perhaps since a key was replaced."""
    found = facts.of("", 401, 403)
    if not found:
        return None
    everything = total(facts.outcomes)
    rotated = next((e for e in facts.history if "rotate" in e.verb), None)
    told = [f"{at(rotated.at)} {rotated.verb} by {rotated.who}"] if rotated else []
    return Finding(
        severity="serious" if 2 * total(found) >= everything else "warning",
        title=f"{plural(total(found), 'request')} of {everything:,} had a wrong key",
        evidence=rows(found) + told,
        cause="a caller still has a key that was replaced"
        if rotated
        else "a caller has no key, an old one, or that of another endpoint; tokens "
        "expire after an hour or so",
        next=[f"invoke keys{facts.flags}", f"invoke history{facts.flags}"],
    )


def too_large(facts: Facts) -> Finding | None:
    found = [each for each in facts.outcomes if each.status == 413]
    if not found:
        return None
    return Finding(
        severity="warning",
        title=f"{plural(total(found), 'request')} had too large a body",
        evidence=rows(found),
        cause="the body is above the endpoint's limit",
        next=["have the caller send fewer rows at a time"],
    )


def diagnostics_missing(facts: Facts) -> Finding | None:
    if facts.diagnostics is not False:
        return None
    return Finding(
        severity="warning",
        title="diagnostics are off: no request, event or console line is kept",
        evidence=["no diagnostic setting of the endpoint names a log workspace"],
        cause="they are off on every new endpoint until they are switched on",
        next=[f"invoke diagnostics.on{facts.flags}"],
    )


def cut_off(facts: Facts) -> Finding | None:
    """The last change was interrupted, so its outcome was nobody's."""
    last = facts.history[0] if facts.history else None
    if last is None or last.outcome not in ("interrupted", "cut off"):
        return None
    return Finding(
        severity="warning",
        title=f"the last change ({last.verb}) was {last.outcome}",
        evidence=[f"{at(last.at)} {last.verb} by {last.who}: {last.outcome}"],
        cause="the toolkit was stopped before it saw the end; the service went on",
        next=[
            f"invoke status{facts.flags}",
            "the same verb again: it does what is left",
        ],
    )


def changed_before_trouble(facts: Facts) -> Finding | None:
    """The last change before requests began to fail."""
    firsts = [
        each.first
        for each in facts.outcomes
        if each.first and each.deployment and each.status in (408, 424, 429, 500, 503)
    ]
    onset = min(firsts, default=None)
    if onset is None or onset - facts.window.since < timedelta(minutes=1):
        return None  # it was so before we looked
    entry = next((e for e in facts.history if e.at <= onset), None)
    if entry is None or onset - entry.at > BEFORE_TROUBLE:
        return None
    after = length(onset - entry.at)
    reason = f": {entry.reason}" if entry.reason else ""
    return Finding(
        severity="note",
        title=f"requests began to fail {after} after {entry.verb}",
        evidence=[
            f"{at(entry.at)} {entry.verb} by {entry.who} ({entry.outcome}){reason}",
            f"{at(onset)} the first failed request of the last "
            f"{facts.window.minutes:.0f} minutes",
        ],
        cause="what was changed last is the first thing to doubt",
        next=[f"invoke history{facts.flags}"],
    )


RULES = [
    endpoint_failed,
    wrong_keys,
    too_large,
    diagnostics_missing,
    cut_off,
    changed_before_trouble,
]
