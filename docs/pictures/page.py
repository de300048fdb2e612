"""Picture the live page of a real run: a green that goes bad in its rollout.

`python docs/pictures/page.py` takes four minutes and needs Chromium with chromedriver.
On a localcloud of its own it rolls out a green that begins to fail, and writes what a
browser shows once the traffic has gone back as PNG; nothing in them is edited.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests
from record import GOOD, HERE, ROOT, Desk
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

BEFORE_SECONDS, WELL_SECONDS, AFTER_SECONDS = 60, 75, 45
POLICY = """
steps:
- {weight: 30, bake: 10m, requests: 10000}
- {weight: 60, bake: 10m, requests: 10000}
guardrails: {saturation: {then: ignore}}
look: 2s
"""
WIDE, TALL = 1360, 1180


class MoodyDesk(Desk):
    """A desk with a checkout of its own, whose green does as a file says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder / "state"))
        for name in ("specs", "scoring", "model"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "tests/flows/moody.py", folder / "scoring")
        self.mood = folder / "mood.json"
        spec = folder / "specs/iris/green.yaml"
        text = spec.read_text().replace("score.py", "moody.py")
        variable = f"environment_variables:\n  MOOD: {self.mood}\n"
        spec.write_text(text.replace("environment_variables:\n", variable))
        self.environment["AML_OPS_SPECS"] = str(folder / "specs")


def traffic(desk: Desk, ended: threading.Event) -> None:
    """Some ten requests a second until `ended`."""
    uri = json.loads(desk("status", "--json"))["scoring_uri"]
    name, _, value = desk("keys", "--header").strip().partition(": ")
    while not ended.wait(0.08):
        requests.post(uri, json=GOOD, headers={name: value}, timeout=10)


def picture(address: str, name: str, *, dark: bool) -> None:
    """What a browser shows of an address, as docs/pictures/NAME.png."""
    options = webdriver.ChromeOptions()
    for flag in ("headless=new", "no-sandbox", "hide-scrollbars"):
        options.add_argument(f"--{flag}")
    driver = shutil.which("chromedriver")
    browser = webdriver.Chrome(options=options, service=Service(driver))
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    size = {"width": WIDE, "height": TALL, "deviceScaleFactor": 1, "mobile": False}
    try:
        for command, how in (
            ("Emulation.setEmulatedMedia", {"features": [scheme]}),
            ("Emulation.setDeviceMetricsOverride", size),
        ):
            browser.execute_cdp_cmd(command, how)
        browser.get(address)
        time.sleep(8)  # everything is drawn, on a slow machine too
        browser.save_screenshot(str(HERE / f"{name}.png"))
    finally:
        browser.quit()


def main() -> None:
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        desk = MoodyDesk(Path(folder))
        try:
            run(desk, ended)
        finally:
            ended.set()
            desk("cloud.down")


def run(desk: MoodyDesk, ended: threading.Event) -> None:
    policy = desk.mood.with_name("policy.yaml")
    policy.write_text(POLICY)
    desk("deploy", "--reason", "first deploy")
    desk("deploy", "--deployment", "green", "--reason", "better on virginica")
    threading.Thread(target=traffic, args=(desk, ended), daemon=True).start()
    time.sleep(BEFORE_SECONDS)
    words = ("--policy", str(policy), "--detach", "--reason", "a better model")
    desk("rollout.start", *words)
    time.sleep(WELL_SECONDS)
    desk.mood.write_text('{"fail_ratio": 0.2}')
    while not re.search("rolled back|promoted", desk("rollout.status")):
        time.sleep(2)
    time.sleep(AFTER_SECONDS)
    page = subprocess.Popen(
        [sys.executable, "-m", "invoke", "dashboard"],
        env={**desk.environment, "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert page.stdout, "it was asked for"
        address = page.stdout.readline().strip()
        picture(f"{address}?board=rollout&range=15m", "page-light", dark=False)
        picture(f"{address}?board=overview&range=15m", "page-dark", dark=True)
    finally:
        page.terminate()
        page.wait()


if __name__ == "__main__":
    main()
