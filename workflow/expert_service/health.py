"""Whether a server is up, and answers as its model: a token, since an engine can hang behind a well web server.

A server that is busy for longer than anybody waits is told from one that hangs by its own count of tokens.
"""

import http.client
import json
import threading
import urllib.error
import urllib.request
from typing import Any

from eapo_verl.experts.server_pages import health_url, metrics_url, read_metrics

_COUNT = "vllm:generation_tokens_total"
_UP_WITHIN_S, _COUNT_WITHIN_S = 2.0, 5.0


def _open(request: urllib.request.Request | str, within_s: float) -> Any:
    # Its node is near: a proxy, which many a cluster's environment names, would not find it.
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=within_s)


def answers(base_url: str) -> bool:
    """Whether its web server is ready, as seen from here."""
    try:
        with _open(health_url(base_url), _UP_WITHIN_S) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def trouble(base_url: str, model: str, key: str | None, within_s: float) -> str | None:
    """Why a server does not serve ``model``, in one line; None where it does, or is at work for others.

    Args:
        base_url: of its OpenAI-style API.
        model: the name that it is to answer as.
        key: that it wants; None: none.
        within_s: seconds that it has for one token, or to write others' tokens in.
    """
    before = _tokens(base_url)
    body = json.dumps({"model": model, "prompt": "1", "max_tokens": 1, "temperature": 0}).encode()
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
    try:
        with _open(urllib.request.Request(f"{base_url}/completions", body, headers), within_s) as response:
            said = json.load(response)
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code} to a request of one token"
    except (OSError, http.client.HTTPException) as error:
        if not _is_timeout(error):
            return f"no connection ({type(error).__name__})"
        after = _tokens(base_url)
        busy = before is not None and after is not None and after > before
        return None if busy else f"no token within {within_s:g} s, for nobody"
    except ValueError:
        return "its answer to a request of one token is no JSON"
    if not isinstance(said, dict) or not said.get("choices") or said.get("model") != model:
        return f"its answer to a request of one token is no completion of {model}"
    return None


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)


def _tokens(base_url: str) -> float | None:
    """Tokens that the server has written since it was started; None where it does not say."""
    try:
        with _open(metrics_url(base_url), _COUNT_WITHIN_S) as response:
            (counts,) = read_metrics(response.read().decode("utf-8", "replace"), [_COUNT]).values()
        return sum(counts)
    except (OSError, http.client.HTTPException, ValueError):
        return None


class Check:
    """One such request on its way; it holds up nobody, and nobody's end.

    Attributes:
        done: whether it is answered, or given up.
        trouble: as :func:`trouble` says, once it is done.
    """

    def __init__(self, base_url: str, model: str, key: str | None, within_s: float) -> None:
        self.done = False
        self.trouble: str | None = None
        threading.Thread(target=self._run, args=(base_url, model, key, within_s), daemon=True).start()

    def _run(self, base_url: str, model: str, key: str | None, within_s: float) -> None:
        self.trouble = trouble(base_url, model, key, within_s)
        self.done = True
