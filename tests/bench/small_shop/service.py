"""A service of the smallest shop: answers, calls whom its environment names, counts; the standard library alone."""

import json
import os
import signal
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAME, FAILED = os.environ["OTEL_SERVICE_NAME"], []
if os.environ.get("BROKEN"):
    sys.exit("cannot start: BROKEN is set")
KEPT = bytearray(int(os.environ.get("KEPT_BYTES", "0")))
for _place in range(0, len(KEPT), 4096):
    KEPT[_place] = 1  # touched, so that it is resident


def called(url: str) -> bytes:
    """Call another service, found as in the big shop: by the hosts file."""
    with Path(os.environ["SHOP_HOSTS_FILE"]).open() as file:
        hosts = json.load(file)
    name = url.removeprefix("http://")
    if name not in hosts:
        raise OSError(f"Name or service not known: {name}")
    with urllib.request.urlopen(f"http://{hosts[name]}/work", timeout=3) as reply:
        return reply.read()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, said = 200, f"{NAME} {os.environ['SERVICE_VERSION']}"
        if self.path == "/metrics":
            said = f"failed_total {len(FAILED)}\n"
        elif self.path == "/work" and "PEER_URL" in os.environ:
            try:
                said += " " + called(os.environ["PEER_URL"]).decode()
            except OSError as error:
                status, said = 502, str(error)
                FAILED.append(said)
        self.send_response(status)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: object) -> None:
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
