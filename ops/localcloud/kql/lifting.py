"""The times that a text begins with, taken out: one translation serves them all.

Who follows logs, or judges a canary, asks the same again and again since another
moment. A text that begins with `let since = datetime(...);` is translated once, with
`since` as a declared parameter, and each moment is bound to that.
"""

import re
from collections.abc import Mapping
from datetime import datetime

LITERAL = (
    r'"(?:[^"\\\n]|\\.)*"|(?:datetime|timespan|real|long|int|bool)\([^()"\n]*\)'
    r"|-?[\d.]+|true|false"
)
LET = re.compile(rf"let (?P<name>\w+) = (?P<value>{LITERAL});\n")
NAMED = re.compile(r"\blet\s+(?:\[\s*['\"])?(\w+)")
TIME = re.compile(r"datetime\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)\)")


def lifted(kql: str) -> tuple[str, Mapping[str, datetime]]:
    """The text with its times declared, and the times; as it is where it has none.

    A name that is given twice is refused, as a declared one would not be. Every line
    stays where it is: a place in one text is that place in the other.
    """
    kept, times, end = list[str](), dict[str, datetime](), 0
    while found := LET.match(kql, end):
        time = TIME.fullmatch(found["value"])
        if time and found["name"] not in times:
            times[found["name"]] = datetime.fromisoformat(time[1])
            kept.append("\n")
        else:
            kept.append(found[0])
        end = found.end()
    named = NAMED.findall(kql)
    twice = any(named.count(name) > 1 for name in times)
    if not times or twice or "query_parameters" in kql:
        return kql, {}
    names = ", ".join(f"{name}:datetime" for name in times)
    return f"declare query_parameters({names}); {''.join(kept)}{kql[end:]}", times
