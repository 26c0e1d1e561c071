"""What looks like a secret does not get into a line that is printed or logged: keys end where they do not belong."""

import html
import re
import unicodedata
import urllib.parse
from collections.abc import Iterable

REMOVED = "(removed)"
# Characters of others' words that are read, and that are shown.
_READ, _SHOWN = 10_000, 300

# Keys by the beginnings that their makers give them; then by their look: long, of letters and digits alike, no part of
# a path. A commit may be taken for one, a model's name is not.
_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|csk|hf|xai|fw|nvapi|pplx|r8|gh[opsu]|glpat|github_pat)[-_][\w\-.*+/=…]{4,}"
    r"|\b(?:AIza|AKIA|ASIA|ABSK|eyJ)[\w\-.*+/=…]{8,}"
    r"|(?<![\w/])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"
)
_BEARER = re.compile(r"\b(bearer\s+)[^\s\"',]{8,}", re.IGNORECASE)
_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_USER = re.compile(r"(://)[^\s/\"']*@")
_QUERY = re.compile(r"([?&;][\w.-]+=)[^\s&;#\"']+")
_NAME = re.compile(r"api_?key|secret|passw|authori[sz]|bearer|headers_env|(?:^|[_.-])(?:key|token)$", re.IGNORECASE)


def redacted(text: str, known: Iterable[str] = ()) -> str:
    """``text`` without what looks like a key, a user or a value in an address, and without the ``known`` secrets."""
    for secret in sorted(filter(None, known), key=len, reverse=True):
        text = re.sub(re.escape(secret), REMOVED, text, flags=re.IGNORECASE)
    text = _QUERY.sub(rf"\1{REMOVED}", _USER.sub(rf"\1{REMOVED}@", text))
    return _KEY.sub(REMOVED, _BEARER.sub(rf"\1{REMOVED}", text))


def others_words(text: str, known: Iterable[str] = ()) -> str:
    """What somebody else says, for a log: redacted, printable, one line, short."""
    # Whatever of a key is written in an escape of JSON's, HTML's or an address's, or has invisible characters in it.
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text[:_READ].replace("\\/", "/"))
    plain = html.unescape(urllib.parse.unquote(plain, errors="replace"))
    clean = redacted("".join(one for one in plain if unicodedata.category(one) != "Cf"), known)
    return " ".join("".join(one if one.isprintable() else " " for one in clean).split())[:_SHOWN]


def names_secret(name: str) -> bool:
    """Whether a setting of this name is where somebody may have written a secret, by mistake or not."""
    return _NAME.search(name) is not None
