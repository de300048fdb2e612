"""A longer search: .venv/bin/python -m tests.search --requests 2000000 --seed 7"""

import argparse
import sys
import time

from tests.search.searching import Found, search, shortened


def main():
    parser = argparse.ArgumentParser(prog="tests.search", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", default="7")
    asked = parser.parse_args()
    began = time.monotonic()

    def report(made, number):
        if number % 50 == 0:
            seconds = time.monotonic() - began
            sys.stdout.write(
                f"{made:,} requests, {number:,} schedules, {seconds:.0f} s\n"
            )
            sys.stdout.flush()

    found = search(asked.seed, asked.requests, report)
    if isinstance(found, Found):
        sys.stdout.write(f"after {found.requests:,} requests:\n{shortened(found)}\n")
        return 1
    sys.stdout.write(f"{found:,} requests: nothing was broken\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
