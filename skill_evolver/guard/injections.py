"""What the screen can know of a text: what nobody sees in it, what nobody can read, and commands.

It claims no more than that. Harm in plain words, a wrong lesson, a call that no list names, a
command put together from pieces: all of these pass, and the sandbox bounds what they can do.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

RULES = {
    "hidden": "holds characters that nobody sees, or letters that only look like others",
    "opaque": "holds a long string that nobody can read",
    "fetch": "holds a command or a call that fetches something over a network",
    "install": "holds a command that installs software",
    "send": "holds a command or a call that sends something away",
    "secrets": "holds a command or a call that reads keys, passwords or the environment",
    "review": "was judged harmful by the model that `--review model` asks",
}
"""What is stopped, by the name that `--allow-flagged` takes."""
AROUND, EXCERPT = 30, 120
LONGEST_NAME = 16
"""Letters and digits in a row that a name in a path may have."""

# As texts, which `re` compiles when they are first used: --help wants the names of the rules only.
_VISIBLE = r"[\t\n\r -~]+"
_EMOJI_JOIN = "(?<=[\u2190-\u2bff\U0001f000-\U0001faff])[\ufe0f\u200d]+|\ufe0f"
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\uffa0")
_WORD = r"[^\W\d_]{3,}"
_FOREIGN = frozenset({"GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE"})
_SYMBOLS = "ΔΣΩΠδλμπρστω"
"""Letters that stand before a Latin name in formulas and headings."""
_OPAQUE = (
    r"(?i)(?:\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|%[0-9a-f]{2}|&#x?[0-9a-f]{2,5};){8,}"
    r"|\b(?:[0-9a-f]{2}[ :,-]){15,}[0-9a-f]{2}\b|[A-Za-z0-9+/=_-]{32,}"
)

_HOSTS = r"schemas\.openxmlformats\.org|schemas\.microsoft\.com|(?:www\.)?w3\.org|purl\.oclc\.org"
"""Namespaces of the file format: names, not addresses."""


def _command(*names: str) -> str:
    """A command where one starts (a line, a quote, a pipe), or with what looks like arguments."""
    name = rf"(?:{'|'.join(names)})\b(?![.\w(=])"
    start = r"^[ \t>*+$#-]*(?:sudo )?|[`;&|(] ?|[\"'](?=[\w-]+[\"'],)"
    return rf"(?:{start}){name}|\b{name} +(?=[-\"'$/~<]|[\w.-]+[.:/@][\w/])"


def _import(*names: str) -> str:
    """An import in Python, as a line or a quoted one."""
    return rf"(?:^|[`;'\"]) *(?:import|from) +(?:{'|'.join(names)})(?= *$|[ .,;`'])"


_PATTERNS = (
    ("fetch", _command("curl", "wget", "aria2c", "lynx", "bitsadmin", "certutil")),
    ("fetch", r"\bgit (?:[-/~.]\S* )*(?:clone|pull|fetch|submodule)\b|\bgit\+(?:https?|ssh)\b"),
    ("fetch", r"(?i:\bInvoke-(?:WebRequest|RestMethod)\b|\biwr +-?\w)"),
    ("fetch", _import("requests", r"urllib\d?", "httpx", "aiohttp")),
    ("fetch", r"\b(?:requests|httpx|aiohttp|urllib\d?)\.(?:get|request|Client|AsyncClient)\b"),
    ("fetch", r"\b(?:urlopen|urlretrieve|XMLHttpRequest)\b|(?<![\w.])fetch\( ?[\"'`]"),
    ("fetch", rf"\w\( ?[\"'](?:https?|ftps?|s3|gs)://(?!(?:{_HOSTS})\b)"),
    ("fetch", r"(?i:\b(?:WEBSERVICE|IMPORT(?:XML|DATA|HTML|FEED|RANGE)) ?\()"),
    ("install", r"\bpip[\d.]* (?:-\S+ )*install\b|\bpip[\"'], ?[\"']install|\bpip\.main\("),
    ("install", r"\b(?:pipx|uvx|npx|easy_install) +[\w@-]|\buv (?:add|pip|tool)\b|\bensurepip\b"),
    ("install", r"\b(?:npm|yarn|pnpm|apt|apt-get|conda|mamba|brew|gem|cargo|dnf|yum|apk|snap)"
     r"(?: -\S+)* (?:install|add)\b"),
    ("send", _command("scp", "sftp", "rsync", "ssh", "ncat", "netcat", "socat", "telnet",
                      "nslookup", "sendmail")),
    ("send", r"\b(?:nc|ftp|dig|host|mail) (?:-\w|\S*[$@]|[\w-]+(?:\.[\w-]+)+)|\bgit push\b"),
    ("send", r"\b(?:requests|httpx|session|axios)\.(?:post|put|patch)\b|/dev/(?:tcp|udp)/"),
    ("send", _import("socket", "smtplib", "ftplib", "paramiko", "telnetlib")),
    ("send", r"\bsocket\.(?:socket|create_connection|getaddrinfo|gethostby\w+)|\bSMTP(?:_SSL)?\("),
    ("secrets", r"(?:^[ \t>*$#-]*|[`;&|(] ?)env(?= *(?:$|[|>;`)]))|/proc/\S{0,60}environ\b"),
    ("secrets", r"\bprintenv\b"),
    ("secrets", r"~/\.(?:ssh|aws|kube|gnupg|netrc|config/gcloud)\b|\bid_(?:rsa|ed25519|ecdsa)\b"),
    ("secrets", r"(?:^|[\s/`\"'(=])\.(?:netrc|pgpass|git-credentials|npmrc|pypirc|env|bash_history)"
     r"(?![\w.])|/etc/(?:passwd|shadow)\b|\b169\.254\.169\.254\b"),
    ("secrets", r"[(\[] ?\*{0,2}os\.environb?\b(?! ?[\[.])|\bos\.environb?\.(?:items|copy|values)\b"
     r"|\bfor \w+(?:, ?\w+)? in os\.environ|\bprocess\.env\b"),
    ("secrets", r"(?i:(?:\b(?:environb?\b|getenv\b)[^\w\n]{1,3}(?:get\b[^\w\n]{1,3})?|\$\{?)"
     r"\w*(?:api_?key|_key|token|secret|passw|credential))"),
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    rule: str
    matched: str
    """The words that gave it away."""
    excerpt: str
    """They and a little around them; safe to print."""


def find(text: str) -> tuple[Finding, ...]:
    """Every hit of a rule in a text; each thing once."""
    found = [*_unseen(text), *_unreadable(text)]
    for rule, pattern in _PATTERNS:
        for match in re.finditer(pattern, text, re.MULTILINE):
            found.append(Finding(rule, match[0], _excerpt(text, *match.span())))
    return tuple({(f.rule, f.matched): f for f in reversed(found)}.values())[::-1]


def _unseen(text: str) -> Iterator[Finding]:
    rest = re.sub(_VISIBLE, "", re.sub(_EMOJI_JOIN, "", text))
    if codes := sorted({f"U+{ord(c):04X}" for c in rest if _is_invisible(c)}):
        names = ", ".join(codes)
        yield Finding("hidden", names, f"invisible characters {names}"[:EXCERPT])
    for match in re.finditer(_WORD, text):
        if not match[0].isascii() and (how := _imitates(match[0])):
            yield Finding("hidden", match[0], f"{how}: {_excerpt(text, *match.span())}")


def _is_invisible(character: str) -> bool:
    kind = unicodedata.category(character)
    selects = 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF
    return kind in ("Cc", "Cf", "Cn", "Co", "Cs") or selects or character in _BLANKS


def _imitates(word: str) -> str:
    """What makes a word look like another one; empty when nothing does."""
    if unicodedata.normalize("NFKC", word).isascii():
        return "letters of another form"
    scripts = {unicodedata.name(c, "").split(" ")[0] for c in word.lstrip(_SYMBOLS)}
    return "letters of two scripts in one word" if "LATIN" in scripts and scripts & _FOREIGN else ""


def _unreadable(text: str) -> Iterator[Finding]:
    for match in re.finditer(_OPAQUE, text):
        word = match[0]
        if max(map(len, re.split("[/_-]", word))) < LONGEST_NAME and word[0].isalnum():
            continue  # a path, or a name of several words
        kinds = [len(re.findall(kind, word)) for kind in ("[a-z]", "[A-Z]", "[0-9]")]
        coded = not re.fullmatch(r"[\w+/=-]+", word)
        if coded or min(kinds) > 2 or re.fullmatch(r"(?=(?:.*\d){3})(?=.*[a-z])[0-9a-z=]+", word):
            yield Finding("opaque", word[:40], f"an opaque string of {len(word)}: {word[:40]}")


def _excerpt(text: str, start: int, end: int) -> str:
    """Bounded, and without anything that a terminal or a reader could take for its own."""
    shown = text[max(0, start - AROUND) : end + AROUND][:EXCERPT]
    return repr(shown.encode("unicode_escape").decode("ascii"))
