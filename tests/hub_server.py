"""A hub on the loopback interface: what `huggingface_hub` asks of one, for repositories that are held in memory."""

import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.expert_server import Loopback

#: What a gated repository wants to hear.
TOKEN = "hf_of_the_test"
COMMIT = "1234567890abcdef1234567890abcdef12345678"


@dataclass
class Repo:
    """Its files at `COMMIT`; ``wrong`` are those whose digest is not what the hub lists."""

    files: dict[str, bytes]
    gated: bool = False
    wrong: set[str] = field(default_factory=set)

    def digest(self, file: str) -> str:
        """What the hub says is the file's sha256."""
        return hashlib.sha256(self.files[file] + (b"!" if file in self.wrong else b"")).hexdigest()

    def listed(self, what: str) -> list[dict[str, object]]:
        """Its files as the answer to a request for the ``revision`` or the ``tree`` has them; all are large ones."""
        found: list[dict[str, object]] = []
        for file, content in self.files.items():
            size = {"size": len(content), "pointerSize": 1}
            if what == "tree":
                lfs = {"oid": self.digest(file), **size}
                found.append({"type": "file", "path": file, "oid": "0" * 40, "size": len(content), "lfs": lfs})
            else:
                lfs = {"sha256": self.digest(file), **size}
                found.append({"rfilename": file, "blobId": "0" * 40, "size": len(content), "lfs": lfs})
        return found


class Hub(Loopback):
    """Serves repositories by ``models/OWNER/NAME`` and ``datasets/OWNER/NAME``; ``asked`` are the paths of requests."""

    def __init__(self, repos: dict[str, Repo]) -> None:
        super().__init__(_Handler)
        self.repos = repos
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT has to be."""
        return self.base_url.removesuffix("/v1")


class _Handler(BaseHTTPRequestHandler):
    server_version = "hub"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub: Hub = self.server.owner  # type: ignore[attr-defined]
        path = unquote(urlsplit(self.path).path)
        hub.asked.append(path)
        parts = path.strip("/").split("/")
        api = parts[0] == "api"
        parts = parts[1:] if api else parts if parts[0] == "datasets" else ["models", *parts]
        kind, owner, name, what, revision, *rest = [*parts, "", "", ""]
        repo = hub.repos.get(f"{kind}/{owner}/{name}")
        if repo is None:
            return self._refuse(401, "RepoNotFound")
        if revision != COMMIT:
            return self._refuse(404, "RevisionNotFound")
        if api:
            listed = repo.listed(what) if what in ("revision", "tree") else {}
            content = listed if what == "tree" else {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": listed}
            return self._send(json.dumps(content).encode(), body, {"Content-Type": "application/json"})
        if repo.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, "GatedRepo")
        file = "/".join(one for one in rest if one)
        if file not in repo.files:
            return self._refuse(404, "EntryNotFound")
        self._send(repo.files[file], body, {"ETag": f'"{repo.digest(file)}"', "X-Repo-Commit": COMMIT})

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, body: bool, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        """Quiet."""
