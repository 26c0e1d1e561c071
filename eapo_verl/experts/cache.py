"""Experts' replies on disk, so that a rerun need not ask (and pay) again. Optional, off by default."""

import hashlib
import json
import logging
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from eapo_verl.experts.reply import Reply
from eapo_verl.record.files import write_whole

_log = logging.getLogger(__name__)
_REPLY = TypeAdapter(Reply)
# Of a file in the folder, whoever wrote it: twice what a server's body may have.
_ENTRY_MAX_BYTES = 4 * 2**20


class ReplyCache:
    """A folder with one file a request; a request is whom it is sent to, what is sent, and its seed.

    Several processes may share it. An entry that cannot be read is a miss, counted in ``corrupt``; one that cannot be
    written is logged.

    Args:
        folder: created where it is missing.

    Raises:
        OSError: the folder cannot be created.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.corrupt = 0

    def get(self, request: Mapping[str, Any]) -> Reply | None:
        """The reply to this request, it and its tokens marked as cached, without cost or attempts; None without one."""
        path = self._path(request)
        try:
            reply = _REPLY.validate_json(_read(path))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.corrupt += 1
            _log.warning("cached reply %s cannot be read (%s)", path, type(error).__name__)
            return None
        return replace(
            reply,
            cached=True,
            cached_tokens=reply.tokens,
            cached_prompt_tokens=reply.prompt_tokens,
            cost=0.0,
            flops=0.0,
            attempts=0,
            seconds=0.0,
        )

    def put(self, request: Mapping[str, Any], reply: Reply) -> None:
        """Keep a usable reply (answered or truncated); others are not kept, since asking again may help."""
        if not reply.usable:
            return
        path, entry = self._path(request), _REPLY.dump_json(reply)
        if len(entry) > _ENTRY_MAX_BYTES:
            _log.warning("reply of %d bytes is not cached; allowed are %d", len(entry), _ENTRY_MAX_BYTES)
            return
        try:
            # An entry that is lost is asked for again.
            write_whole(path, entry, durable=False)
        except OSError as error:
            _log.warning("reply cannot be cached as %s (%s)", path, type(error).__name__)

    def _path(self, request: Mapping[str, Any]) -> Path:
        key = json.dumps(request, sort_keys=True).encode()
        return self._folder / f"{hashlib.sha256(key).hexdigest()}.json"


def _read(path: Path) -> bytes:
    """The whole file. Raises OSError, and ValueError where it is none (a pipe, say) or too large."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > _ENTRY_MAX_BYTES:
        raise ValueError("no entry")
    with path.open("rb") as file:
        return file.read(_ENTRY_MAX_BYTES)
