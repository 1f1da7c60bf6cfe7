"""What never becomes a fact: passwords, keys and tokens, by the name of a setting and by the look of a value.

Made for configuration: a name decides first (`*_PASSWORD`), then a place inside the value (`user:password@host`,
`Password=...;`, `?token=...`), then a few shapes that are keys wherever they stand.
"""

from __future__ import annotations

import re

HIDDEN = "[redacted]"

_NAME = re.compile(
    r"(^|[_.\-])(pass(word|wd|phrase)?|pwd|secret|token|api_?key|access_?key|private_?key|signing_?key|encryption_?key"
    r"|key(_?base)?|credentials?|salt|cookie|jwt|auth|bearer|license|headers|pat)([_.\-]|\d|$)"
    r"|password|passwd|secret|apikey|accesskey|privatekey|credential",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(_FILE|_PATH|_ENABLED|_DISABLED|_LENGTH|_TTL|_EXPIRY|_EXPIRATION|_TIMEOUT|_TYPE|_MODE|_HOST|_PORT|_ADDR|_ADDRESS"
    r"|_URL|_URI|_ENDPOINT|_HEADER_NAME)$",
    re.IGNORECASE,
)
_WHERE = (
    # user:password@ in a URL or a DSN
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s/]*(?=@)"), HIDDEN),
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s@]*(?=@)"), HIDDEN),
    (re.compile(r"(?<![\w/@])[\w.\-]+:[^\s@/:;,]+(?=@(?:tcp|unix|udp)\()"), HIDDEN),
    (re.compile(r"(?<=://)[\w\-.~%]{16,}(?=@)"), HIDDEN),
    # key=value pairs of connection strings, queries, command lines
    (
        re.compile(
            r"(?i)((?:^|[\s;,&?'\"\-_.]|:)(?:password|passwd|pwd|pass|secret|token|api[_\-]?key|access[_\-]?key|client[_\-]?secret"
            r"|sig|signature|accountkey|sharedaccesskey|credential)s?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s;&,\"']+)"
        ),
        r"\1" + HIDDEN,
    ),
    (re.compile(r"(?i)(--?(?:password|passwd|pass|token|secret|api-?key)\s+)([^\s\-]\S*)"), r"\1" + HIDDEN),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w\-.~+/]{8,}=*"), r"\1" + HIDDEN),
    # shapes that are keys wherever they stand
    (re.compile(r"\beyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), HIDDEN),
    (re.compile(r"\b(?:ghp|gho|ghs|github_pat|glpat|xox[abprs]|sk|pk|rk)[_\-][\w\-]{16,}"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"), HIDDEN),
)


_RANDOM = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+_\-][A-Za-z0-9+/_\-]{31,}={0,2}")


def looks_random(value: str) -> bool:
    """Say whether a whole value has the look of a key: long, one word, of digits and both cases.

    >>> looks_random("yYrECL4qbNwleYInGJYvVnSkwJuSQJ4ijPTx5tir"), looks_random("http://cart:7070")
    (True, False)
    """
    return bool(_RANDOM.fullmatch(value))


def is_secret(name: str) -> bool:
    """Say whether a setting of that name holds a secret.

    >>> is_secret("DB_PASSWORD"), is_secret("SECRET_KEY_BASE"), is_secret("TOKEN_FILE"), is_secret("MONKEY_COUNT")
    (True, True, False, False)
    """
    return bool(_NAME.search(name)) and not _HARMLESS.search(name)


def without_secrets(text: str) -> str:
    """Return the text with what looks like a secret replaced.

    >>> without_secrets("postgres://shop:hunter2@db:5432/shop?sslmode=disable")
    'postgres://[redacted]@db:5432/shop?sslmode=disable'
    >>> without_secrets("Host=db;Username=shop;Password=hunter2;Database=shop")
    'Host=db;Username=shop;Password=[redacted];Database=shop'
    """
    for pattern, instead in _WHERE:
        text = pattern.sub(instead, text)
    return text
