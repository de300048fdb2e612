"""A scoring script whose behaviour a file decides at each request; for drills.

MOOD names the file: {"fail_ratio": 0.05, "sleep_ms": 30, "garbage": true,
"leak_mb": 1, "dies_at_mb": 40}. Without it, it scores as score.py does.
"""

import json
import os
import random
import time
from pathlib import Path

import score
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

leaked = []


def init():
    score.init()


@rawhttp
def run(request):
    mood = read(Path(os.environ["MOOD"]))
    time.sleep(mood.get("sleep_ms", 0) / 1000)
    if random.random() < mood.get("fail_ratio", 0):
        raise RuntimeError("in a bad mood")
    if mood.get("garbage"):
        return AMLResponse({"message": "no labels today"}, 200, json_str=True)
    if mood.get("leak_mb"):
        leaked.append(bytearray(int(mood["leak_mb"] * 2**20)))
        if len(leaked) * mood["leak_mb"] > mood["dies_at_mb"]:
            os._exit(137)  # as the kernel does it
    return score.run(request)


def read(path):
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
