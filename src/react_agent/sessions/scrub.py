"""Take out of a session what nobody else may see: secrets, mail addresses, who and where.

Rules of our own. detect-secrets was tried: within a text it marks words at random as of high
entropy, of a private key only its first line, of GitHub tokens only the prefix, and takes 4 ms a
line. A rule that takes out too much costs a word of a lesson, so the rules lean to that side; but
no rule can know a secret that looks like a word: look at what is to be sent.
"""

import contextlib
import getpass
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from react_agent.evidence import Session, Step

_SECRET_NAME = (
    r"(?:[\w.-]{0,64}?(?:pass(?:word|wd|phrase)|secret|credential|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|account[_-]?key|encryption[_-]?key|client[_-]?key|auth[_-]?key|"
    r"auth[_-]?token|(?<![a-z])token(?!s|iz|_c|_u|_l)|(?<![a-z])pwd|passcode)[\w.-]{0,64})"
)
_NAMED = re.compile(_SECRET_NAME, re.IGNORECASE)
_KEY_BODY = r"[A-Za-z0-9_-]"
_PREFIXED = (
    r"(?<![\w./-])[A-Za-z][A-Za-z0-9]{1,14}(?:[_.-][A-Za-z0-9]{1,8}){0,2}[_.-]"
    r"(?=[A-Za-z]{0,40}[0-9])(?=[0-9]{0,40}[A-Za-z])[A-Za-z0-9]{20,}[\w-]*"
)
"""Whose it is, and a long word of letters and digits: so most keys are made, also those of services
that nobody has listed."""
RULES = tuple(
    (kind, re.compile(rule))
    for kind, rule in (
        (
            "PRIVATE KEY",
            r"(?s)-----BEGIN (?P<of>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
            r"(?:.{0,8000}?-----END (?P=of)-----|[A-Za-z0-9+/=\s\\:,.()-]*)",
        ),
        ("TOKEN", rf"\beyJ{_KEY_BODY}{{8,2000}}\.{_KEY_BODY}+(?:\.{_KEY_BODY}*)?"),
        (
            "KEY",
            rf"\b(?:sk|pk|rk)[-_]{_KEY_BODY}{{16,}}"
            rf"|\bgh[pousr]_[A-Za-z0-9]{{20,}}|\bgithub_pat_\w{{20,}}|\bglpat-{_KEY_BODY}{{16,}}"
            rf"|\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}\b|\bAIza{_KEY_BODY}{{30,}}"
            rf"|\bya29\.{_KEY_BODY}{{20,}}|\bxox[abeoprs]-[A-Za-z0-9-]{{10,}}|\bxapp-[\w-]{{10,}}"
            rf"|\bhf_[A-Za-z0-9]{{20,}}|\bnpm_[A-Za-z0-9]{{30,}}|\bpypi-{_KEY_BODY}{{30,}}"
            rf"|\bgsk_[A-Za-z0-9]{{20,}}|\bxai-[A-Za-z0-9]{{20,}}|\blsv2_[a-z]{{2}}_\w{{20,}}"
            rf"|\bSG\.{_KEY_BODY}{{16,}}\.{_KEY_BODY}{{16,}}|\bAGE-SECRET-KEY-1[A-Z0-9]{{40,}}"
            rf"|\bdop_v1_[a-f0-9]{{40,}}|\bshpat_[a-f0-9]{{20,}}|\bdapi[a-f0-9]{{32}}"
            rf"|\b(?:ATATT3|EAA){_KEY_BODY}{{30,}}|\b(?:SK|AC|cio)[A-Za-z0-9]{{32}}\b"
            rf"|\bpat-[a-z]{{2,4}}[0-9]-[a-f0-9-]{{30,}}|\b[0-9]{{8,10}}:AA{_KEY_BODY}{{30,}}"
            rf"|\b[A-Za-z0-9_-]{{23,28}}\.[A-Za-z0-9_-]{{6}}\.{_KEY_BODY}{{27,}}"
            r"|https://(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks"
            r"|[\w.-]{0,60}\bwebhook\.office\.com)/\S+"
            r"|\$(?:apr1|argon2\w{0,2}|[1256y]|2[aby])\$[^\s:'\"<>]{16,}",
        ),
        ("KEY", _PREFIXED),
        ("TOKEN", r"(?i)(?P<keep>\b(?:Bearer|Basic|Token)\s+)[A-Za-z0-9+/._~=-]{8,}"),
        (
            "TOKEN",
            r"(?i)(?P<keep>\bAuthorization['\"]?\s*[:=]\s*['\"]?)(?!<|(?:Bearer|Basic|Token)\s+<)"
            r"(?:Digest\s[^\n]+|[^\n\"'<]{8,})",
        ),
        ("TOKEN", r"(?i)(?P<keep>[?&;](?:sig|signature|x-amz-[a-z-]{4,20}|key)=)[^\s&'\"<>]{8,}"),
        (
            "TOKEN",
            r"(?i)(?P<keep>\b(?:Set-)?Cookie:\s*|\.cookie\s*=\s*['\"]"
            r"|\bcurl\b[^\n|;]{0,2000}?\s(?:-b|--cookie)[ =]?['\"]?)(?!<)[^\n\"']+",
        ),
        (
            "PASSWORD",
            r"(?i)(?P<keep>\b[a-z][a-z0-9+.-]{0,20}://)"
            r"(?:[^\s/@:]{0,200}:(?!\d{1,5}/)[^\s'\"<>]{1,500}|[^\s/@:<>]{16,200})(?=@)",
        ),
        (
            "PASSWORD",
            r"(?P<keep>\b(?:curl|wget)\b[^\n|;]{0,2000}?\s(?:-u|--user)[ =]?['\"]?)[^\s:'\"]+:\S+",
        ),
        (
            "PASSWORD",
            r"(?i)(?P<keep>\bsshpass\s+-p\s*|\bIDENTIFIED BY\s+|\blogin\s+\S{1,100}\s+password\s+"
            r"|\b(?:mysql|mariadb)\w*\b[^\n|;]{0,500}?\s-p)(?!<)\S+",
        ),
        (
            "SECRET",
            r"(?P<keep>\b[A-Z][A-Z0-9_]{0,60}_(?:KEY|PAT|PASS)=['\"]?)(?=\S{0,200}\d)[^\s'\"$<]{8,}",
        ),
        ("SECRET", r"(?P<keep>['\"]auth['\"]\s*:\s*['\"])[^\s'\"<]{8,}"),
        (
            "SECRET",
            rf"(?i)(?P<keep>(?<![\w.-])['\"\\]{{0,6}}{_SECRET_NAME}['\"\\]{{0,6}}\s*(?::=|=>|[:=]|\s(?=\S*\d))\s*)"
            r"(?:\\?\"[^\"\n]{3,}?\\?\"|\\?'[^'\n]{3,}?\\?'"
            r"|(?!(?:None|null|true|false|True|False)\b|[\w.]+\(|\$|<|os\.|self\.|process\.)"
            r"[^\s'\"\\,;&)}\]]{4,})",
        ),
        ("E-MAIL", r"(?<![\w.+-])[\w.+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![\w-])"),
    )
)
"""In this order. What `keep` holds stays, so that a reader sees what stood there. Repetitions are
bounded, so that no text takes more than a time in proportion to its length."""

_HOMES = re.compile(
    r"(?P<home>/(?:home|Users|var/home|export/home)/(?P<posix>[^\s/\\:'\"`<>|,;)]+)"
    r"|\b[A-Za-z]:[\\/]+Users[\\/]+(?P<windows>[^\s\\/:'\"`<>|,;)]+))"
    r"|(?<=-)(?:home|Users)-(?P<dashed>[A-Za-z0-9_]+)(?=-)"
)
_NOT_NAMES = frozenset({"root", "user", "users", "shared", "public", "runner", "ubuntu", "app"})
"""Names that say nothing of anybody."""


@dataclass
class Scrubber:
    """Scrubs the texts of one session; the names that its paths give away are taken out of all."""

    names: set[str] = field(default_factory=set)
    project: str = ""
    """The folder of the work, which often has a name of its own."""
    home: str = ""
    """The user's, which need not lie where homes usually do."""
    counts: Counter[str] = field(default_factory=Counter)
    """What was taken out, by kind."""

    @classmethod
    def of(cls, session: Session) -> "Scrubber":
        home = str(Path.home())
        own = home if home.count("/") > 1 else ""  # /root says nothing of anybody
        scrubber = cls(project=session.cwd.rstrip("/\\"), home=own)
        scrubber.learn(session.cwd, str(session.reference.file), f"{home}/")
        with contextlib.suppress(KeyError, OSError):  # not every user has a name
            scrubber.names.add(getpass.getuser())
        for step in session.steps:
            scrubber.learn(step.text, *map(str, step.arguments.values()))
        scrubber.names = {n for n in scrubber.names if len(n) > 2 and n.lower() not in _NOT_NAMES}
        return scrubber

    def learn(self, *texts: str) -> None:
        for text in texts:
            for match in _HOMES.finditer(text):
                self.names.add(match["posix"] or match["windows"] or match["dashed"])

    def text(self, text: str) -> str:
        for kind, rule in RULES:
            text = rule.sub(self._taking(kind), text)
        for folder, kind in ((self.project, "PROJECT"), (self.home, "HOME")):
            if len(folder) > 1:
                text = re.sub(re.escape(folder) + r"(?![\w-])", self._taking(kind), text)
        text = _HOMES.sub(lambda m: self._take("HOME") if m["home"] else self._dashed(m), text)
        for name in sorted(self.names, key=len, reverse=True):
            bound = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
            text = re.sub(bound, self._taking("USER"), text, flags=re.IGNORECASE)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """A tool's argument; one that is named as a secret is one, whatever it looks like."""
        if isinstance(value, str):
            named = name and len(value) > 2 and _NAMED.fullmatch(name)
            return self._take("SECRET") if named else self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        return [self.value(one, name) for one in value] if isinstance(value, list) else value

    def step(self, step: Step) -> Step:
        named = self.text(step.name)
        return replace(
            step, text=self.text(step.text), name=named, arguments=self.value(step.arguments)
        )

    def session(self, session: Session) -> Session:
        """All that a reader of it may see; the reference still says where it lies."""
        return replace(
            session,
            model=self.text(session.model),
            cwd=self.text(session.cwd),
            steps=tuple(map(self.step, session.steps)),
            sides={name: tuple(map(self.step, some)) for name, some in session.sides.items()},
            problems=tuple(map(self.text, session.problems)),
        )

    def _taking(self, kind: str) -> Callable[[re.Match[str]], str]:
        def put(match: re.Match[str]) -> str:
            return match.groupdict().get("keep", "") + self._take(kind)

        return put

    def _dashed(self, match: re.Match[str]) -> str:
        """A client's folder name for a path."""
        return match[0].replace(match["dashed"], self._take("USER"))

    def _take(self, kind: str) -> str:
        self.counts[kind] += 1
        return f"<{kind}>"
