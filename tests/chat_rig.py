"""Slack and Teams on this machine: what they heard, and answers at a test's wish."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Instead of a status: answer when `open` is set, cut the line, have lost the message.
HANG, CUT, LOST = 0, -1, -2


class Chat(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.heard = []  # (path, authorization, body)
        self.answers = {}  # by path: statuses in turn, then 200 again
        self.open = threading.Event()
        self.changed = threading.Condition()
        self.posted = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def bodies(self, path):
        return [body for where, _, body in self.heard if where == path]

    def wait_for(self, path, count=1, seconds=10):
        with self.changed:
            assert self.changed.wait_for(
                lambda: len(self.bodies(path)) >= count, seconds
            ), self.heard


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.changed:
            server.heard.append((self.path, self.headers["Authorization"], body))
            waiting = server.answers.get(self.path)
            status = waiting.pop(0) if waiting else 200
            server.posted += 1
            ts = body.get("ts") or f"1700000000.{server.posted:06}"
            server.changed.notify_all()
        if status == CUT:
            self.close_connection = True
            return
        if status == HANG:
            server.open.wait(20)
            status = 200
        answer = {"ok": status == 200, "ts": ts, "channel": "C1", "error": "fatal"}
        if status == LOST:
            answer, status = {"ok": False, "error": "message_not_found"}, 200
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def chat():
    with Chat() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.open.set()
            server.shutdown()
            thread.join()
