"""A repository of a Hugging Face hub at one commit: what is in it, whether it may be read, and its files, checked.

Which hub it is, ``HF_ENDPOINT`` says; files lie in that library's own cache (``HF_HOME``), once for all experiments;
a repository that asks for a token finds it in ``HF_TOKEN``, or where ``hf auth login`` left it. What the cache holds
is never asked for again, so that everything goes on without a network (``HF_HUB_OFFLINE``). A revision is a commit:
for the name of a branch the library falls back, without a word, to whatever lies in the cache.
"""

from __future__ import annotations

import errno
import glob
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, StringConstraints
from yaml import YAMLError

from eapo_verl.record.contents import file_digest
from workflow.sources.command import SourceError
from workflow.sources.hub import TIMEOUT, reason

CARD = "README.md"


def _commit(value: str) -> str:
    if re.fullmatch(r"[0-9a-f]{40}", value) is None:
        raise ValueError(f"{value[:50]!r} is no commit, 40 digits of 0-9 and a-f: branches and tags move")
    return value


#: A repository's name, with its owner, and a commit of it.
Repo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*(/[\w.-]+)?$", max_length=96)]
Revision = Annotated[str, AfterValidator(_commit)]


class Fetched(NamedTuple):
    """Files on this machine: their folder, and each one's sha256 (hex), by its name in the repository."""

    folder: Path
    sha256: dict[str, str]


@dataclass(frozen=True)
class Repository:
    """One of models or of data sets; ``revision`` is the commit, 40 hexadecimal digits."""

    kind: Literal["model", "dataset"]
    name: str
    revision: str

    @property
    def label(self) -> str:
        """What messages and a problem's ``source`` say."""
        return f"{self.name}@{self.revision[:8]}"

    def files(self) -> dict[str, int]:
        """The sizes of its files in bytes, as the cache or the hub has them. Raises SourceError, within seconds."""
        from huggingface_hub import HfApi, get_cached_repo_tree
        from huggingface_hub.errors import CachedRepoTreeNotFoundError

        try:
            tree = get_cached_repo_tree(self.name, repo_type=self.kind, revision=self.revision)
            return {one.path: one.size for one in tree}
        except CachedRepoTreeNotFoundError:
            pass
        with self._told():
            # Asked with a limit of time: the download itself retries for half a minute before it gives up.
            api = HfApi()
            ask = api.model_info if self.kind == "model" else api.dataset_info
            info = ask(self.name, revision=self.revision, timeout=TIMEOUT, files_metadata=True)
        return {one.rfilename: one.size or 0 for one in info.siblings or ()}

    def cached(self, file: str) -> Path | None:
        """Where the cache has a file; None where it is still to be downloaded."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.name, file, repo_type=self.kind, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def require_access(self, file: str) -> None:
        """Raises SourceError unless ``file`` is in the cache or may be downloaded: who sees it listed may not."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_url

        if self.cached(file) is None:
            with self._told():
                url = hf_hub_url(self.name, file, repo_type=self.kind, revision=self.revision)
                get_hf_file_metadata(url, timeout=TIMEOUT)

    def fetch(self, names: Collection[str]) -> Fetched:
        """These of its files, those that are not in the cache downloaded, and each compared with the hub's digest.

        Raises:
            SourceError: they cannot be had, do not fit on the disk, or are not what the hub lists.
        """
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils import disable_progress_bars

        listed = self.files()
        self._require_room(sum(listed[name] for name in names if self.cached(name) is None))
        disable_progress_bars()
        with self._told():
            folder = Path(
                snapshot_download(
                    self.name, repo_type=self.kind, revision=self.revision, allow_patterns=[*map(glob.escape, names)]
                )
            )
            digests = {name: file_digest(folder / name) for name in sorted(names)}
        for name, digest in digests.items():
            # In the cache, a large file is called by the digest that the hub says it has.
            file = (folder / name).resolve()
            if re.fullmatch("[0-9a-f]{64}", file.name) and file.name != digest:
                raise SourceError(
                    f"{self.label} {name}: its sha256 begins {digest[:16]}, and the hub's {file.name[:16]}: "
                    f"remove {file}, and it is downloaded again"
                )
        return Fetched(folder, digests)

    def card(self) -> dict[str, Any]:
        """The metadata of its card; nothing where it has none. Raises SourceError."""
        from huggingface_hub import metadata_load

        if CARD not in self.files():
            return {}
        try:
            return metadata_load(self.fetch([CARD]).folder / CARD) or {}
        except (ValueError, YAMLError) as error:
            raise SourceError(f"{self.label} {CARD}: its metadata cannot be read: {reason(error)}") from error

    def licence(self) -> str | None:
        """What its card says, ``license`` or, where that is "other", ``license_name``; None where it says nothing."""
        card = self.card()
        licence = card.get("license_name") if card.get("license") == "other" else card.get("license")
        return ", ".join(map(str, licence)) if isinstance(licence, list) else licence and str(licence)

    def provenance(self, fetched: Fetched) -> dict[str, Any]:
        """What is written down of these files: where they are from, under which licence, size (bytes) and digests."""
        return {
            "repository": self.name,
            "revision": self.revision,
            "license": self.licence(),
            "bytes": sum((fetched.folder / name).stat().st_size for name in fetched.sha256),
            "sha256": fetched.sha256,
        }

    def _require_room(self, needed: int) -> None:
        from huggingface_hub.constants import HF_HUB_CACHE

        cache = Path(HF_HUB_CACHE)
        free = shutil.disk_usage(next(one for one in (cache, *cache.absolute().parents) if one.exists())).free
        if needed > free:
            raise SourceError(
                f"{self.label}: {needed / 1e9:.1f} GB are still to be downloaded, and {cache} has room for "
                f"{free / 1e9:.1f} GB: make room, or name a larger place by HF_HOME"
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the library raises into one line."""
        import httpx
        from huggingface_hub.errors import HfHubHTTPError

        try:
            yield
        except (httpx.HTTPError, HfHubHTTPError, OSError, ValueError) as error:
            raise SourceError(f"{self.label}: {_complaint(self, error)}") from error


def _complaint(repository: Repository, error: Exception) -> str:
    from huggingface_hub import get_token
    from huggingface_hub.constants import ENDPOINT
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # What the library raises where it finds nothing in its cache has the reason as its cause.
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__

    def is_a(*kinds: type[Exception]) -> bool:
        return any(isinstance(one, kinds) for one in causes)

    token = "the token that is set gives no access" if get_token() else "no token is set (HF_TOKEN)"
    page = f"{ENDPOINT}/{'datasets/' if repository.kind == 'dataset' else ''}{repository.name}"
    if is_a(GatedRepoError):
        return f"it is gated, and {token}: accept its terms on {page}, and set HF_TOKEN to that account's token"
    if is_a(RevisionNotFoundError):
        return f"it has no revision {repository.revision}: allowed is a commit that {page}/commits/main shows"
    if is_a(RepositoryNotFoundError):
        return f"{ENDPOINT} has no such {repository.kind}, or it is private, and {token}"
    if is_a(OfflineModeIsEnabled):
        return "it is not in the cache (HF_HOME), and HF_HUB_OFFLINE forbids to ask for it"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return f"the cache (HF_HOME) cannot be written: {error.strerror}"
    return f"it is not in the cache (HF_HOME), and {ENDPOINT} cannot be asked: {reason(error)}"
