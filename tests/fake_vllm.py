#!/usr/bin/env python
"""Stands in for ``vllm serve`` where a test is about who starts and ends it: completions of nothing, an engine process.

The model's folder decides what it does: ``broken`` in it ends it, ``silent`` keeps it from ever answering, ``hanging``
makes its engine ignore SIGTERM, ``stuck`` keeps its engine from completing anything, ``busy`` too, while it counts
tokens; ``impostor`` makes it answer as another model.
"""

import http.server
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Server(http.server.BaseHTTPRequestHandler):
    """Is healthy, counts, and completes."""

    model = Path()
    tokens = itertools.count()

    def do_GET(self) -> None:
        """Health and metrics."""
        count = next(self.tokens) if (self.model / "busy").exists() else 0
        self._answer(f'vllm:generation_tokens_total{{model_name="m"}} {count}.0\n'.encode())

    def do_POST(self) -> None:
        """A completion."""
        if (self.model / "stuck").exists() or (self.model / "busy").exists():
            time.sleep(60)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wrong = (self.model / "impostor").exists()
        self._answer(json.dumps({"model": "another" if wrong else asked["model"], "choices": [{}]}).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Nothing is printed."""


if __name__ == "__main__":
    model, port = Path(sys.argv[2]), int(sys.argv[sys.argv.index("--port") + 1])
    if (model / "broken").exists():
        sys.exit("ValueError: this model is broken")
    ignoring = "trap '' TERM; " if (model / "hanging").exists() else ""
    subprocess.Popen(["bash", "-c", f"{ignoring}sleep 601; : engine"])
    with (model / "starts").open("a") as starts:
        starts.write(f"{os.getpid()} {os.environ.get('VLLM_API_KEY')}\n")
    if (model / "silent").exists():
        signal.pause()
    Server.model = model
    http.server.ThreadingHTTPServer((sys.argv[sys.argv.index("--host") + 1], port), Server).serve_forever()
