"""What each query must answer, worked out in plain Python from the rows themselves.

No SQL and no KQL engine takes part. `python -m tests.kql.truth` writes the expected
files anew; a test holds that they still say what this computes.
"""

import json
import math
import re
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from tests.kql import data

HERE = Path(__file__).parent
ANSWERS = {}
TRAFFIC, CONSOLE, EVENTS, REQUESTS = data.rows().values()
SCORED = [
    {**row, "d": json.loads(row["Message"])}
    for row in CONSOLE
    if row["Message"].startswith("{")
]


def answer(function):
    """Register the answer of the query file that has the function's name."""
    ANSWERS[function.__name__] = function
    return function


def at(text):
    return datetime.fromisoformat(text)


def day(number):
    return datetime(2026, 11, number)  # noqa: DTZ001


def bin_of(when, step, origin=data.START):
    return origin + (when - origin) // step * step


def hour(when):
    return when.replace(minute=0, second=0, microsecond=0)


def midnight(when):
    return hour(when).replace(hour=0)


def by(rows, *keys):
    """Groups by column names or functions, in order of the keys."""
    groups = defaultdict(list)
    for row in rows:
        key = tuple(k(row) if callable(k) else row[k] for k in keys)
        groups[key].append(row)
    return sorted(groups.items())


def values(rows, column):
    return [row[column] for row in rows if row[column] is not None]


def rank(numbers, percent):
    """Nearest rank: the value that at least so many percent are no greater than."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def mean(numbers):
    return math.fsum(numbers) / len(numbers)


def failed(rows, least=500):
    return sum(row["ResponseCode"] >= least for row in rows)


def has(text, term):
    """Whole term, any case: no letter or digit on either side."""
    pattern = rf"(?<![a-z0-9]){re.escape(term.lower())}(?![a-z0-9])"
    return re.search(pattern, text.lower()) is not None


def between(rows, start=None, end=None):
    return [
        row
        for row in rows
        if (start is None or row["TimeGenerated"] >= start)
        and (end is None or row["TimeGenerated"] < end)
    ]


def of(rows, **wanted):
    return [row for row in rows if all(row[k] == v for k, v in wanted.items())]


@answer
def oncall_01():
    rows = between(
        of(TRAFFIC, EndpointName="credit-risk"),
        at("2026-11-18T11:00"),
        at("2026-11-18T14:00:00.000001"),
    )
    five = timedelta(minutes=5)
    for (when, name), group in by(
        rows, lambda r: bin_of(r["TimeGenerated"], five), "DeploymentName"
    ):
        bad = failed(group)
        percent = round(100 * bad / len(group), 2)
        if percent > 5:
            yield when, name, len(group), bad, percent


@answer
def oncall_02():
    for (name,), group in by(of(TRAFFIC, ResponseCode=200), "EndpointName"):
        took = values(group, "TotalDurationMs")
        yield name, *(rank(took, p) for p in (50, 95, 99)), len(group)


@answer
def oncall_03():
    rows = of(TRAFFIC, EndpointName="fraud-scoring", DeploymentName="blue")
    for (when,), group in by(rows, lambda r: hour(r["TimeGenerated"])):
        took = values(group, "TotalDurationMs")
        yield when, rank(took, 95), mean(took), max(took)


@answer
def oncall_04():
    found = []
    for (name,), group in by(TRAFFIC, "EndpointName"):
        agents = {row["UserAgent"] for row in group}
        ids = {row["XRequestId"] for row in group}
        bad = {row["XRequestId"] for row in group if row["ResponseCode"] >= 500}
        found.append((name, len(agents), len(ids), len(bad)))
    return sorted(found, key=lambda row: -row[2])


@answer
def oncall_05():
    for (instance,), group in by(EVENTS, "InstanceId"):
        last = max(group, key=lambda row: row["TimeGenerated"])
        names = ("TimeGenerated", "EndpointName", "DeploymentName", "Name", "Message")
        yield instance, *(last[name] for name in names)


@answer
def oncall_06():
    for (name,), group in by(
        [r for r in TRAFFIC if r["ResponseCode"] >= 500], "EndpointName"
    ):
        first = min(group, key=lambda row: row["TimeGenerated"])
        columns = ("TimeGenerated", "XRequestId", "ModelStatusReason")
        yield name, *(first[column] for column in columns), len(group)


@answer
def oncall_07():
    rows = between(TRAFFIC, day(20))
    rows.sort(key=lambda r: -(r["TotalDurationMs"] or -1))
    columns = ("TimeGenerated", "EndpointName", "DeploymentName", "TotalDurationMs")
    for row in rows[:10]:
        yield *(row[c] for c in columns), row["ResponseCode"], row["XRequestId"]


@answer
def oncall_08():
    pairs = {(row["EndpointName"], row["DeploymentName"]) for row in TRAFFIC}
    ordered = sorted(
        sorted(pairs, key=lambda p: p[1], reverse=True), key=lambda p: p[0]
    )
    return ordered[:10]


@answer
def oncall_09():
    traffic = {r["XRequestId"]: r for r in of(TRAFFIC, ResponseCode=200)}
    joined = [
        (row["d"], traffic[row["d"]["request_id"]])
        for row in SCORED
        if row["d"]["request_id"] in traffic
    ]
    versions = sorted({d["model_version"] for d, _ in joined})
    for version in versions:
        pairs = [(d, r) for d, r in joined if d["model_version"] == version]
        took = values([r for _, r in pairs], "TotalDurationMs")
        yield version, len(pairs), mean([d["score"] for d, _ in pairs]), mean(took)


@answer
def oncall_10():
    canary = of(TRAFFIC, DeploymentName="canary")
    before = dict(by(between(canary, day(21), day(22)), "EndpointName"))
    before.pop(("pricing-v2",), None)
    for key, group in by(between(canary, day(22), day(23)), "EndpointName"):
        old, new = len(before.get(key, [])) or None, len(group)
        yield key[0], new, old, round(100 * (new - old) / old, 1) if old else None


@answer
def oncall_11():
    restarted = {
        (row["EndpointName"], row["DeploymentName"])
        for row in between(of(EVENTS, Name="Killing"), at("2026-11-22T12:00:00.000001"))
    }
    for key, group in by(TRAFFIC, "EndpointName", "DeploymentName"):
        if key not in restarted:
            yield *key, len(group)


@answer
def oncall_12():
    for name, rows in (
        ("AmlOnlineEndpointConsoleLog", CONSOLE),
        ("AmlOnlineEndpointEventLog", EVENTS),
        ("AmlOnlineEndpointTrafficLog", TRAFFIC),
    ):
        late = between(rows, day(22))
        endpoints = {row["EndpointName"] for row in late}
        yield name, len(late), max(values(late, "TimeGenerated")), len(endpoints)


@answer
def oncall_13():
    found = []
    for (name,), group in by(between(TRAFFIC, day(16), day(23)), "EndpointName"):
        total, bad = len(group), failed(group)
        allowed = 0.01 * total
        left = 100 * (allowed - bad) / allowed
        found.append((name, total, 100 * (total - bad) / total, left))
    return sorted(found, key=lambda row: row[3])


@answer
def oncall_14():
    for name in ("credit-risk", "llm-router"):
        rows = between(of(TRAFFIC, EndpointName=name), day(15))
        bad = [r for r in rows if r["ResponseCode"] >= 500 or r["ResponseCode"] == 429]
        for (code,), group in by(bad, "ResponseCode"):
            yield name, code, len(group)


@answer
def oncall_15():
    today = midnight(data.NOW)
    rows = between(TRAFFIC, midnight(data.NOW - timedelta(days=5)), today)
    for (when,), group in by(rows, lambda r: midnight(r["TimeGenerated"])):
        took = values(group, "TotalDurationMs")
        yield when, len(group), rank(took, 50), (today - when).days


@answer
def oncall_16():
    pattern = re.compile(r"azmlinfsrv - (\S+) (\S+) (\d+) ([\d.]+)ms (\d+)$")
    matches = [m.groups() for row in CONSOLE if (m := pattern.search(row["Message"]))]
    groups = defaultdict(list)
    for verb, route, status, took, size in matches:
        groups[verb, route, int(status)].append((float(took), int(size)))
    for key, pairs in groups.items():
        took = [pair[0] for pair in pairs]
        yield *key, len(pairs), mean(took), sum(p[1] for p in pairs), max(took)


@answer
def oncall_17():
    rows = [row["d"] for row in SCORED if row["d"]["latency_ms"] > 20]
    for key, group in by(rows, "model_version", lambda d: d["tags"]["region"]):
        tenants = {d["tags"]["tenant"] for d in group}
        yield *key, len(group), mean([d["score"] for d in group]), len(tenants)


@answer
def oncall_18():
    features = [r["d"]["features"] for r in of(SCORED, EndpointName="credit-risk")]
    for index, column in enumerate(zip(*features, strict=True)):
        middle = mean(column)
        spread = math.fsum((v - middle) ** 2 for v in column) / (len(column) - 1)
        yield (
            *(index, len(column), middle, math.sqrt(spread), min(column), max(column)),
        )


@answer
def oncall_19():
    rows = between(of(SCORED, EndpointName="churn-ep"), day(22))
    features = [row["d"]["features"] for row in rows]
    top = [max(map(abs, f)) for f in features]
    yield len(features), mean(top), mean([sum(f) for f in features])


@answer
def oncall_20():
    pattern = re.compile(r'HTTP/1\.\d" (\d{3}) (\d+) ')
    groups = defaultdict(list)
    for row in CONSOLE:
        if found := pattern.search(row["Message"]):
            groups[int(found[1])].append(int(found[2]))
    for status, sizes in sorted(groups.items()):
        yield status, len(sizes), mean(sizes)


@answer
def oncall_21():
    texts = [row["Message"] for row in CONSOLE]
    names = [row["EndpointName"] for row in CONSOLE]
    tests = [
        *(lambda t: has(t, "error"), lambda t: has(t, "valueerror")),
        *(lambda t: has(t, "memory"), lambda t: "outofmemory" in t.lower()),
        *(lambda t: "outofmemory" in t, lambda t: t.lower().startswith("error ")),
        lambda t: t.lower().endswith("mib"),
    ]
    more = [
        *(lambda t: has(t, "KeyError") or has(t, "ValueError"),),
        *(lambda t: has(t, "CUDA") and has(t, "allocate"),),
        *(lambda t: re.search("device=[12]$", t), lambda t: not has(t, "POST")),
    ]
    yield (
        *(sum(bool(test(text)) for text in texts) for test in tests),
        sum(name.lower() == "search-rank" for name in names),
        sum(name == "search-rank" for name in names),
        sum(name in ("churn-ep", "SEARCH-RANK") for name in names),
        sum(name.lower() in ("churn-ep", "search-rank") for name in names),
        sum(name != "churn-ep" for name in names),
        *(sum(bool(test(text)) for text in texts) for test in more),
    )


@answer
def oncall_22():
    def kind(row):
        code = row["ResponseCode"]
        if code < 400:
            return "ok"
        return "throttled" if code == 429 else "client" if code < 500 else "server"

    def pace(row):
        return "slow" if (row["TotalDurationMs"] or 0) > 200 else "fast"

    for key, group in by(TRAFFIC, kind, pace):
        unknown = sum(row["TotalDurationMs"] is None for row in group)
        model = sum(row["ModelStatusCode"] is None for row in group)
        yield *key, len(group), unknown, model, sum(not r["UserAgent"] for r in group)


@answer
def oncall_23():
    axis = [day(21) + timedelta(hours=i) for i in range(48)]
    rows = between(of(TRAFFIC, DeploymentName="canary"), day(21), day(23))
    bad = [row for row in rows if row["ResponseCode"] >= 500]
    for (name,), group in by(bad, "EndpointName"):
        hours = [hour(row["TimeGenerated"]) for row in group]
        stamps = [f"{when:%Y-%m-%dT%H:%M:%S}.0000000Z" for when in axis]
        yield name, [hours.count(when) for when in axis], stamps


@answer
def oncall_25():
    targets = {
        "credit-risk": (80, "risk-oncall"),
        "fraud-scoring": (60, "risk-oncall"),
        "llm-router": (900, "genai-oncall"),
    }
    rows = between(TRAFFIC, day(22))
    for name, (target, owner) in targets.items():
        group = of(rows, EndpointName=name)
        slow = sum(v > target for v in values(group, "TotalDurationMs"))
        yield owner, name, slow, len(group), round(100 * slow / len(group), 3)


@answer
def oncall_26():
    five = timedelta(minutes=5)
    rows = of(TRAFFIC, EndpointName="credit-risk", DeploymentName="canary")
    bins = [bin_of(r["TimeGenerated"], five) for r in rows if r["ResponseCode"] >= 400]
    for index in range(25):
        when = at("2026-11-18T12:00") + index * five
        yield when, bins.count(when)


@answer
def oncall_27():
    origin = at("2026-11-09T08:00")
    for (when,), group in by(
        of(TRAFFIC, EndpointName="demand-fcst"),
        lambda r: bin_of(r["TimeGenerated"], timedelta(days=1), origin),
    ):
        yield when, len(group), sum(values(group, "RequestPayloadSize"))


@answer
def oncall_28():
    rows = between(of(TRAFFIC, EndpointName="pricing-v2"), day(22))
    hours = [(k[0], len(g)) for k, g in by(rows, lambda r: hour(r["TimeGenerated"]))]
    total = before = 0
    for index, (when, n) in enumerate(hours):
        following = hours[index + 1][1] if index + 1 < len(hours) else None
        total += n
        yield index + 1, when, n, n - before, following, total
        before = n


@answer
def oncall_29():
    bad = [row for row in TRAFFIC if row["ResponseCode"] >= 500]
    found = [
        (key[0], len(group), round(100 * len(group) / len(bad), 2))
        for key, group in by(bad, "EndpointName")
    ]
    return sorted(found, key=lambda row: (-row[1], row[0]))


@answer
def oncall_30():
    for (when, name), group in by(
        between(TRAFFIC, day(22)), lambda r: hour(r["TimeGenerated"]), "EndpointName"
    ):
        yield name, when, len(group) / 60


@answer
def oncall_31():
    for row in between(of(TRAFFIC, ResponseCode=503), day(22))[:5]:
        took = "" if row["TotalDurationMs"] is None else row["TotalDurationMs"]
        text = (
            f"[{row['TimeGenerated']:%Y-%m-%d %H:%M:%S}] {row['EndpointName']}/"
            f"{row['DeploymentName']} -> 503 after {took} ms, "
            f"req {row['XRequestId'][:8]}"
        )
        yield text, 251.5, None, 167


@answer
def oncall_32():
    rows = between(TRAFFIC, at("2026-11-22T20:00"))
    bad = [row for row in rows if row["ResponseCode"] >= 400]
    for (name,), group in by(bad, "EndpointName"):
        codes = [(key[0], len(g)) for key, g in by(group, "ResponseCode")]
        only = [code for code, _ in codes]
        yield name, only, only, {str(code): n for code, n in codes}


@answer
def oncall_33():
    rows = between(REQUESTS, day(20))
    for (name,), group in by(rows, lambda r: r["Properties"]["endpoint"]):
        yield name, len(group), rank(values(group, "DurationMs"), 95)


@answer
def oncall_34():
    for (name,), group in by(TRAFFIC, "EndpointName"):
        codes = (200, 429, 500, 503)
        yield name, *(len(of(group, ResponseCode=code)) for code in codes)


@answer
def oncall_35():
    for (name,), group in by(EVENTS, "Name"):
        yield name, len(group)


@answer
def oncall_36():
    rows = [r for r in CONSOLE if has(r["Message"], "OutOfMemoryError")]
    for (name,), group in by(between(rows, day(20)), "EndpointName"):
        yield "AmlOnlineEndpointConsoleLog", name, len(group)


@answer
def oncall_38():
    edges = {
        0: (
            [-math.inf, -1.2816, -0.5244, 0, 0.5244, 1.2816, math.inf],
            [0.1, 0.2, 0.2, 0.2, 0.2, 0.1],
        ),
        2: ([-math.inf, 0.25, 0.5, 0.75, math.inf], [0.25] * 4),
    }
    rows = between(SCORED, day(20), day(23))
    for name in ("credit-risk", "fraud-scoring"):
        features = [row["d"]["features"] for row in of(rows, EndpointName=name)]
        for feature, (bounds, expected) in edges.items():
            column = [f[feature] for f in features]
            psi = 0.0
            for index, share in enumerate(expected):
                low, high = bounds[index : index + 2]
                n = sum(low <= v < high for v in column)
                actual = max(n / len(column), 0.0001)
                psi += (actual - share) * math.log(actual / share)
            kind = "major" if psi >= 0.25 else "moderate" if psi >= 0.1 else "none"
            yield name, feature, psi, kind


@answer
def oncall_39():
    end = at("2026-11-18T12:45")

    def burn(hours):
        rows = [
            row
            for row in TRAFFIC
            if end - timedelta(hours=hours) < row["TimeGenerated"] <= end
        ]
        groups = by(rows, "EndpointName", "DeploymentName")
        return {key: failed(group) / len(group) / 0.001 for key, group in groups}

    long, short = burn(1), burn(0.5)
    for key in sorted(long.keys() & short.keys()):
        if long[key] > 14.4 and short[key] > 14.4:
            yield *key, long[key], short[key]


@answer
def oncall_40():
    found = []
    rows = [row for row in REQUESTS if row["Success"]]
    for (tenant,), group in by(rows, lambda r: r["Properties"]["tenant"]):
        retries = [r["Properties"].get("retry") for r in group]
        known = [retry for retry in retries if retry is not None]
        slow = rank(values(group, "DurationMs"), 95)
        found.append((tenant, len(known), max(known, default=None), slow))
    return sorted(found, key=lambda row: -row[3])[:5]


def wire(value):
    """A value as the API writes it: worked out apart from the engine's own writer."""
    if isinstance(value, datetime):
        return (
            value.isoformat().rstrip("0").rstrip(".") + "Z"
            if (value.microsecond)
            else value.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    return value


def rows_of(name):
    return [[wire(value) for value in row] for row in ANSWERS[name]()]


def write():
    """Put what is computed into the expected files, leaving their columns alone."""
    for name in ANSWERS:
        path = HERE / f"{name}.expected"
        expected = json.loads(path.read_text()) if path.exists() else {"columns": []}
        expected["rows"] = rows_of(name)
        path.write_text(written(expected))


def written(expected):
    """One row a line, so that a difference can be read."""
    rows = ",\n".join(f"  {json.dumps(row)}" for row in expected["rows"])
    columns = json.dumps(expected["columns"])
    return f'{{"columns": {columns},\n"rows": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    write()
