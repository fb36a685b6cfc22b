"""A receiver of callbacks on this machine: answers 200 and keeps what it heard."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo import WAIT_S_MAX


@dataclass(frozen=True)
class Callback:
    path: str
    headers: dict
    """With names in lower case."""
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Sink:
    def __init__(self):
        self._heard = []
        self._news = threading.Condition()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with sink._news:
                    sink._heard.append(Callback(self.path, headers, body))
                    sink._news.notify_all()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def hears(self, what, wanted, within_s=WAIT_S_MAX):
        """The first callback that is wanted, as soon as it is there."""
        with self._news:
            found = self._news.wait_for(lambda: next(filter(wanted, self._heard), None), within_s)
            told = [callback.json for callback in self._heard]
        assert found, f"{what}: not within {within_s} s, heard {told}"
        return found

    def has_heard(self, wanted):
        with self._news:
            return any(map(wanted, self._heard))

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
