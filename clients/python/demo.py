"""A demo server of the binary under test: started on free ports, stopped by its process id."""

import json
import os
import subprocess
import time
from pathlib import Path

import requests

BINARY = Path(__file__).resolve().parents[2] / "target" / "release" / "trunkline"
START_S_MAX = 60
WAIT_S_MAX = 20


def wait_for(what, look, within_s=WAIT_S_MAX):
    """Looks again until there is something to see, and returns it."""
    until = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(0.02)


class Demo:
    """One running demo, what its demo.json says, and the phones of its sandbox."""

    def __init__(self, data, **settings):
        """`settings` are the server's own, such as TRUNKLINE_SINCH__TOKEN_LIFETIME_S."""
        binary = os.environ.get("TRUNKLINE_BIN") or str(BINARY)
        environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
        self._log = (data / "server.log").open("wb")
        self._process = subprocess.Popen(
            [binary, "demo", "--data", str(data), "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            self.info = wait_for("demo.json", lambda: self._info(data / "demo.json"), START_S_MAX)
            wait_for("ready", self._ready, START_S_MAX)
        except BaseException as failed:
            self.stop()
            raise AssertionError((data / "server.log").read_text(errors="replace")) from failed

    def _info(self, path):
        assert self._process.poll() is None, "the server ended"
        return json.loads(path.read_text()) if path.exists() else None

    def _ready(self):
        return requests.get(f"{self.base_url}/readyz", timeout=5).status_code == 200

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def base_url(self):
        return self.info["base_url"]

    def provider_refuses(self, channel, identity):
        """Every message to this address, from now on, for good."""
        self._sandbox("PUT", f"/faults/{channel}/{identity}", ["0001"])

    def person_writes(self, channel, identity, text):
        self._sandbox("POST", f"/handsets/{channel}/{identity}/messages", {"text": text})

    def phone(self, channel, identity):
        """What the phone shows, both directions, in order."""
        return self._sandbox("GET", f"/handsets/{channel}/{identity}")

    def phone_gets(self, channel, identity, text):
        """The business's bubble that has this text, once it is there."""

        def shown():
            bubbles = self.phone(channel, identity)
            return next((one for one in bubbles if one["from"] == "business" and text in one["text"]), None)

        return wait_for(f"{identity} gets {text!r}", shown)

    def _sandbox(self, method, path, body=None):
        answer = requests.request(method, self.info["sandbox"]["url"] + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()
