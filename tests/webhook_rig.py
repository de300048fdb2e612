"""A real webhook on this machine that answers as it is told to."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Webhook(ThreadingHTTPServer):
    """Keeps what it heard; answers `statuses` in turn, the last one for ever."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *statuses):
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = list(statuses) or [200]
        self.heard = []  # (id, body)
        self.open = threading.Event()  # while it is not set, status 0 answers nothing
        self.changed = threading.Condition()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook/secret-part"

    @property
    def ids(self):
        return [id_ for id_, _ in self.heard]

    def wait_for(self, count, seconds=10):
        """Wait until it has heard so much; return the bodies."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, seconds)
        return [body for _, body in self.heard]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.changed:
            server.heard.append((self.headers["Idempotency-Key"], body))
            server.authorization = self.headers["Authorization"]
            more = len(server.statuses) > 1
            status = server.statuses.pop(0) if more else server.statuses[0]
            server.changed.notify_all()
        if status == 0:
            server.open.wait(20)
            status = 200
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def webhook(*statuses):
    with Webhook(*statuses) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.open.set()
            server.shutdown()
            thread.join()
