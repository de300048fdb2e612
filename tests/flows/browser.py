"""A real Chromium without a window, and the live page in it."""

import json
import os
import shutil
import time
from contextlib import contextmanager, suppress

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it runs as root in a container
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--window-size=1400,1000",
)
SECONDS = 20.0


class Browser:
    """Does what a person does, and knows what was asked for on the way."""

    def __init__(self, driver):
        self.driver = driver
        self.requests = []

    def open(self, address):
        self.driver.get(address)
        self.until(lambda: self.all("h1") and not self.all(".first"))

    def see(self, address):
        """A dashboard, once all of its panels are read; none is opened twice."""
        if self.driver.current_url != address:
            self.open(address)
        self.until(self.read)

    def read(self):
        return self.script(
            "const found = [...document.querySelectorAll('.beside')];"
            "return found.length && found.every(e => e.textContent != 'reading…')"
        )

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def panel(self, title):
        path = f"//section[.//h4[.='{title}']]"
        return self.driver.find_element(By.XPATH, path)

    def text(self, selector="body"):
        return self.one(selector).text

    def says(self, wanted, selector="main"):
        """The text of a part of the page, as soon as that is in it."""

        def found():
            text = self.text(selector)
            return text if wanted in text else ""

        return self.until(found)

    def link(self, text):
        self.driver.find_element(By.LINK_TEXT, text).click()

    def point(self, panel, line):
        """Click the newest point of a line, counted from 1."""
        path = f".scatterlayer .trace:nth-child({line}) .points path:last-child"
        self.until(lambda: panel.find_elements(By.CSS_SELECTOR, path))
        found = panel.find_element(By.CSS_SELECTOR, path)
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        ActionChains(self.driver).move_to_element(found).pause(0.2).click().perform()

    def bar(self, panel, number):
        """Click the last bar of a deployment, counted from 1."""
        path = f".barlayer .trace:nth-child({number}) .points .point:last-child path"
        self.until(lambda: panel.find_elements(By.CSS_SELECTOR, path))
        found = panel.find_element(By.CSS_SELECTOR, path)
        self.script("arguments[0].scrollIntoView({block: 'center'})", found)
        ActionChains(self.driver).move_to_element(found).pause(0.2).click().perform()

    def script(self, text, *values):
        return self.driver.execute_script(text, *values)

    def wide(self, pixels):
        metrics = {"width": pixels, "height": 900, "deviceScaleFactor": 1}
        metrics["mobile"] = pixels < 500
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def asked_for(self):
        """The addresses of all requests since it was started."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        return self.requests

    def complaints(self):
        """What the browser has to say of the page: scripts refused, errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    @staticmethod
    def until(condition, seconds=SECONDS):
        """What a condition finds; a page that is being renewed hasn't got it yet."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(NoSuchElementException, StaleElementReferenceException):
                if found := condition():
                    return found
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain"
            time.sleep(0.05)


@contextmanager
def started():
    """A browser; where there is none skip, unless AML_OPS_BROWSER is `required`."""
    binary = next(filter(None, map(shutil.which, NAMES)), None)
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        why = "no Chromium with chromedriver (apt install chromium chromium-driver)"
        if os.environ.get("AML_OPS_BROWSER") == "required":
            pytest.fail(why)
        pytest.skip(why)
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    found = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(found)
    finally:
        found.quit()
