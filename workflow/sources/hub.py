"""Public files at pinned revisions: from the local hub cache if they are there, else by one download."""

from __future__ import annotations

import gzip
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from workflow.sources.command import SourceError
from workflow.sources.problems import Row, read_rows

# Seconds to wait for an answer of a server. The files are some tens of kilobytes.
TIMEOUT = 10.0


@dataclass(frozen=True)
class PinnedFile(ABC):
    """A file of a public repository at one commit."""

    repository: str
    revision: str
    file: str

    @property
    def label(self) -> str:
        """What a problem's `source` says."""
        return f"{self.repository}@{self.revision[:8]} {self.file}"

    @abstractmethod
    def rows(self) -> list[Row]:
        """The file's rows. Raises SourceError, within seconds, where the server cannot be reached."""


class HubFile(PinnedFile):
    """A file of a Hugging Face dataset."""

    def rows(self) -> list[Row]:
        """From the local cache of the hub, else from the hub."""
        import httpx
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

        fetch = partial(hf_hub_download, self.repository, self.file, repo_type="dataset", revision=self.revision)
        url = hf_hub_url(self.repository, self.file, repo_type="dataset", revision=self.revision)
        try:
            try:
                path = fetch(local_files_only=True)
            except LocalEntryNotFoundError:
                # Asked first: the download itself retries for half a minute before it gives up.
                get_hf_file_metadata(url, timeout=TIMEOUT)
                path = fetch()
        except (httpx.HTTPError, HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
            raise SourceError(f"cannot download {self.label} from the Hugging Face hub: {reason(error)}") from error
        return read_rows(Path(path))


class PackageFile(PinnedFile):
    """A file that an installed package holds, gzip-packed. The revision is the package's version."""

    def rows(self) -> list[Row]:
        """From the installed package, of that version."""
        try:
            package = distribution(self.repository)
        except PackageNotFoundError as error:
            raise SourceError(f"the package {self.repository}=={self.revision}, which holds it, is missing") from error
        if package.version != self.revision:
            raise SourceError(
                f"the package {self.repository} is of version {package.version}; it must be {self.revision}"
            )
        with TemporaryDirectory() as folder:
            path = Path(folder) / Path(self.file).name.removesuffix(".gz")
            try:
                path.write_bytes(gzip.decompress(Path(str(package.locate_file(self.file))).read_bytes()))
            except OSError as error:
                raise SourceError(f"{self.label} cannot be read: {error.strerror or error}") from error
            return read_rows(path)


class GitHubFile(PinnedFile):
    """A file of a GitHub repository."""

    def rows(self) -> list[Row]:
        """From GitHub."""
        import httpx

        url = f"https://raw.githubusercontent.com/{self.repository}/{self.revision}/{self.file}"
        try:
            response = httpx.get(url, timeout=TIMEOUT, follow_redirects=True).raise_for_status()
        except httpx.HTTPError as error:
            raise SourceError(f"cannot download {self.label} from GitHub: {reason(error)}") from error
        with TemporaryDirectory() as folder:
            path = Path(folder) / Path(self.file).name
            path.write_bytes(response.content)
            return read_rows(path)


def reason(error: Exception) -> str:
    """The first line of `error`, or of its cause, which is the plainer one (a name that does not resolve)."""
    lines = str(error.__cause__ or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
