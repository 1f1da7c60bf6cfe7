"""Secrets are taken out once, at the edge of a source, before model, notebook, graph, journal or log sees them.

    Redactor().text("GET /pay authorization: Bearer s3cr3t-s3cr3t")  # ... Bearer <redacted:token:5b0c...>
    process_redactor().reply(reply)                               # every sentence and every string column

Equal secrets become equal placeholders (a keyed hash), so rows stay joinable. Trace ids, digests and UUIDs are not
secrets and stay. What is found: named keys in JSON, logfmt, YAML and URLs; authorization and cookie headers; the
password in a connection address; PEM blocks; keys in the shapes that providers give them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pandas as pd

from workbench.nouns import Answered, Failed, Reply, Silent

_NAMED = (
    r"(?:[pP](?i:ass(?:word|wd|phrase|code)|wd(?!\\*[\"']?\s*[:=]\s*\\*[\"']?/))|_(?i:pass\b)|[sS](?i:ecret)"
    r"|(?<!nexpected )[tT](?i:oken)|[cC](?i:redentials?)|[xX](?i:-amz-(?:signature|credential|security-token))"
    r"|(?i:api|access|private|secret|signing|encryption|account|auth)[_-]?(?i:key))"
)
"""What the name of a key that holds a secret ends with."""
_NOTHING = (
    r"(?!(?i:true|false|null|none|nil|undefined|empty|\*+|x{3,}|\[?redacted\]?|<[^>\s]*>|\$\{[^}]*\}|%s)"
    r"(?:[\s,;&}\]\"'\\]|$))"
)
"""Values that say that there is no secret here, or that it was taken out before."""
_QUOTED = (
    rf"\"{_NOTHING}(?P<double>(?:[^\"\\]|\\.){{3,}})\"|'{_NOTHING}(?P<single>(?:[^'\\]|\\.){{3,}})'"
    rf"|\\\"{_NOTHING}(?P<escaped>(?:(?!\\\").){{3,}})\\\""
)
_SHAPES = (
    r"(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|sk-[A-Za-z0-9_-]{20,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{20,}"
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{40,}|hf_[A-Za-z0-9]{30,}"
    r"|dop_v1_[0-9a-f]{60,}|hv[sb]\.[\w-]{20,}|dckr_pat_[\w-]{20,}"
)
"""Keys in the shapes that providers give them: cloud, code hosting, chat, payment, model, mail and package services."""

PATTERN = re.compile(
    r"(?P<kept><redacted:\w+:[0-9a-f]+>)"  # what was taken out before stays as it is
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN)[\s\S])*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"
    # A header by name: the whole value, scheme kept.
    r"|(?i:\b(?:proxy-)?authorization\\*[\"']?\s*[:=]\s*\\*[\"']?)"
    r"(?>(?i:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?)" + _NOTHING + r"(?P<authorization>[^\s\"'\\,;]+)"
    r"|(?i:\b(?:set-)?cookie\\*[\"']?\s*[:=]\s*\\*[\"']?)" + _NOTHING + r"(?P<cookie>[^\s\"'\\;]+=[^\s\"'\\;]*"
    r"(?:;\s*[^\s\"'\\;]+)*)"
    # A scheme without its header: a token has a digit, or is long.
    r"|(?i:\b(?:bearer|basic)\s+)(?P<scheme>(?=[^\s\"']*\d|[^\s\"']{20})[A-Za-z0-9._~+/-]{8,}=*)"
    # scheme://user:password@host
    r"|\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'?#]*:(?P<address>(?!<redacted)[^\s/@\"'?#]+)(?=@)"
    r"|(?<![A-Za-z0-9_])(?P<shape>" + _SHAPES + r")"
    # YAML at the start of a line: any value.
    r"|(?m:^)[ \t-]*[\w.-]*" + _NAMED + r":[ \t]+" + _NOTHING + r"(?P<yaml>[^\s\"'|>&][^\s\"']*)[ \t]*(?m:$)"
    # A named key elsewhere: a quoted value; a value after `=`; after a colon only what has a digit, as prose has none,
    # and not what a secret is called in its ARN (`:123456789012:secret:payment-a1b2c3`).
    r"|" + _NAMED + r"\\*[\"']?\s*(?:(?:=>|[:=])\s*(?:" + _QUOTED + r")"
    r"|=\s*" + _NOTHING + r"(?P<equals>[^\s,;&}\])\"'\\]{3,})"
    r"|(?<!\d:secret):[ \t]*" + _NOTHING + r"(?P<colon>(?=[^\s,;\"']*\d)[^\s,;&}\])\"'\\]{6,}))"
)
"""One alternation; the named group that matched is what is replaced."""

_HINTS = (
    "pass", "pwd", "secret", "token", "credential", "key", "authorization", "cookie", "bearer", "basic ", "@", "x-amz-",
    "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk-", "k_live_", "k_test_",
    "whsec_", "aiza", "ya29.", "eyj", "sg.", "npm_", "pypi-", "hf_", "dop_v1_", "hvs.", "hvb.", "dckr_pat_",
)  # fmt: skip
"""A text without any of these, in lower case, cannot match; to look for them first is many times as fast."""
_PLAIN = ("AKIA", "ASIA", "AIza")
"""The same for a text of letters and digits alone, such as a trace id."""
_NAMES = {"authorization": "token", "scheme": "token", "address": "password", "shape": "key"}


@dataclass(frozen=True, slots=True)
class Redactor:
    """Replaces secrets by placeholders `<redacted:kind:hash>`."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Key of the hash: without it a placeholder cannot be guessed back by trying secrets."""

    def text(self, text: str) -> str:
        """Return the text without its secrets; a second time changes nothing.

        >>> Redactor(b"k").text("trace 4bf92f3577b34da6a3ce929d0e0e4736 took 12 ms")
        'trace 4bf92f3577b34da6a3ce929d0e0e4736 took 12 ms'
        """
        low = text if text.isalnum() else text.lower()
        for hint in _PLAIN if text.isalnum() else _HINTS:  # a loop: this runs for every text of every table
            if hint in low:
                return PATTERN.sub(self._placeholder, text)
        return text

    def table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table with every string column redacted; the same object where nothing was found."""
        changed = {}
        for column in table.columns:
            values = table[column]
            if not (pd.api.types.is_string_dtype(values) or values.dtype == object):
                continue
            swaps = {
                each: new for each in values.unique() if isinstance(each, str) and (new := self.text(each)) != each
            }
            if swaps:
                changed[column] = values.map(lambda each, swaps=swaps: swaps.get(each, each))
        return table.assign(**changed) if changed else table

    def reply(self, reply: Reply) -> Reply:
        """Return the reply with its sentences and its table redacted."""
        spoken = self.words(reply)
        return replace(spoken, table=self.table(spoken.table)) if isinstance(spoken, Answered) else spoken

    def words(self, reply: Reply) -> Reply:
        """Return the reply with its sentences redacted, for a table that was redacted before."""
        if isinstance(reply, Answered):
            digest, query, link = self.text(reply.digest), self.text(reply.query), self.text(reply.link)
            return replace(reply, digest=digest, query=query, link=link)
        if isinstance(reply, Silent):
            return Silent(self.text(reply.searched), query=self.text(reply.query))
        return Failed(self.text(reply.reason), self.text(reply.remedy), query=self.text(reply.query))

    def _placeholder(self, match: re.Match[str]) -> str:
        group = next(name for name, value in match.groupdict().items() if value is not None)
        if group == "kept":
            return match[0]
        secret = match[group]
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        digest = hmac.new(self.key, secret.encode(), hashlib.sha256).hexdigest()[:12]
        name = _NAMES.get(group, group.split("_")[0] if group in ("pem", "cookie") else "secret")
        return f"{match[0][:start]}<redacted:{name}:{digest}>{match[0][end:]}"


@lru_cache(maxsize=1)
def process_redactor() -> Redactor:
    """Return the redactor of this process: one key, so that equal secrets of two sources are equal placeholders."""
    return Redactor()


def redact_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without secrets, by the redactor of this process."""
    return process_redactor().table(table)
