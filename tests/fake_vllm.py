#!/usr/bin/env python
"""Stands in for ``vllm serve`` where a test is about who starts and ends it: a health check, and an engine process.

The model's folder decides what it does: ``broken`` in it ends it, ``silent`` keeps it from ever answering, ``hanging``
makes its engine ignore SIGTERM.
"""

import http.server
import os
import signal
import subprocess
import sys
from pathlib import Path


class Health(http.server.BaseHTTPRequestHandler):
    """Answers everything with 200."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

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
    http.server.HTTPServer((sys.argv[sys.argv.index("--host") + 1], port), Health).serve_forever()
