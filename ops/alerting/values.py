"""What an alert has measured against its threshold, in words.

`12.4% over 5%`, `1 instance, fires at 1`, `chance 1 in 10^42, fires below 1 in 7
million`.
"""

EVIDENCE = "evidence"  # the unit of drift: -log10 of how likely chance does so much
MARKS = ("", "%", "x")  # units that stand right behind a number
AT = "fires at"  # where the threshold itself is met already
SIGNS = {
    "GreaterThan": "over",
    "GreaterThanOrEqual": AT,
    "LessThan": "under",
    "LowerThan": "under",  # both are seen in payloads of log alerts
    "LessThanOrEqual": AT,
    "Equals": "equals",
    "Equal": "equals",
    "GreaterOrLessThan": "outside of",
}
POWERS = {3: "thousand", 6: "million", 9: "billion"}


def against(value: float, sign: str, threshold: float, unit: str) -> str:
    """A value beside its threshold, `sign` being one of SIGNS' words."""
    if unit == EVIDENCE:
        return f"chance {odds(value)}, fires below {odds(threshold)}"
    if sign == AT:
        return f"{number(value, unit)}, {sign} {number(threshold, '')}"
    # A word for a unit is told once.
    shown = number(value, unit if unit in MARKS else "")
    return f"{shown} {sign} {number(threshold, unit)}"


def number(value: float, unit: str) -> str:
    """`12.4%`, `310 ms`, `1,204`, `1 instance`."""
    if unit == EVIDENCE:
        return f"chance {odds(value)}"
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if value == 1 and unit != "ms":
        unit = unit.removesuffix("s")
    return f"{shown}{unit}" if unit in MARKS else f"{shown} {unit}"


def odds(evidence: float) -> str:
    """How likely chance does so much: 6.84 is `1 in 7 million`, 42 `1 in 10^42`."""
    power = 3 * int(evidence // 3)
    if power > max(POWERS):
        return f"1 in 10^{evidence:.0f}"
    name = POWERS.get(power, "")
    return f"1 in {10 ** (evidence - power):.0f} {name}".rstrip()
