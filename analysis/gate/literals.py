"""Does a script carry the answers instead of working them out? Read from its literals.

Three looks. A script that hard-codes the result needs one literal for every place, so occurrences
are counted against places: "Yes" written once does not explain ten cells that say "Yes". Digits are
also looked for in a row, so that a value in cents or in a long text is the same value. And whatever
the disguise, a table takes room: when all literals together could say less than the answers take,
they do not carry them; when they could say much more, the script has to be believed, and is not.

Comments and docstrings are cut away before a script is run, and a script that looks at its own text
has its names counted too. What it prints or complains of counts where it can get hold of it.
"""

import ast
import datetime
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

SHARE = 0.5
"""When more than this share of the places stand in the script as literals, it carries the answers.
Half is far from both sides: scripts that compute hold next to none, copies hold nearly all."""
SMALL = 10
"""Whole numbers up to this stand in every script and are evidence only where there is no other."""
ENOUGH_SMALL = 5
ENOUGH_DIGITS = 4
ENOUGH_BITS = 64
"""Answers that take less could hide in any script: of them the room of its literals says nothing.
"""
ORDINARY_BITS = 64
"""Constants and words that a script has besides; only beyond them is it refused."""
DIGIT, LETTER, SIGN, KNOWN = math.log2(10), math.log2(26), 1.0, 2.0
"""Bits that a character can carry, and a word that the input says or that was said before."""

_SEES_ITSELF = frozenset(
    re.findall(
        r"\w+",
        "__file__ __code__ __dict__ inspect co_names co_consts globals locals vars dir exec eval "
        "compile listdir scandir iterdir glob rglob walk __annotations__ __qualname__ Enum fields "
        "asdict _asdict",
    )
)
_HEARS_ITSELF = frozenset(
    re.findall(
        r"\w+",
        "stdout stderr redirect_stdout redirect_stderr dup2 popen subprocess multiprocessing "
        "builtins __builtins__ excepthook exc_info last_value last_exc __exit__ __aexit__ "
        "exception gather futures",
    )
)
"""Ways to get hold of what was printed or complained of."""
_TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]{2,}|[^\x00-\x7f]")
_PLACE = re.compile(r"\$?[A-Z]{1,3}\$?\d{0,7}(?::\$?[A-Z]{1,3}\$?\d{0,7})?")


@dataclass(frozen=True)
class Script:
    """A script as it is run: without comments and docstrings."""

    text: str

    @classmethod
    def frozen(cls, source: str) -> "Script":
        """Raises ValueError when it cannot be read."""
        try:
            tree = ast.parse(source)
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
                    node.body = [n for n in node.body if not _is_text(n)] or [ast.Pass()]
            return cls(ast.unparse(tree) + "\n")
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def literals(self) -> list[object]:
        """What it prints or complains of has no effect on its result, unless it listens."""
        return list(_literals(self.tree, self._unheard))

    @cached_property
    def _unheard(self) -> frozenset[ast.AST]:
        """What is printed or raised, where nothing in the script can get hold of it."""
        if not (_SEES_ITSELF | _HEARS_ITSELF).isdisjoint(self.names):
            return frozenset()
        nodes = list(ast.walk(self.tree))
        printed = [n for n in nodes if isinstance(n, ast.Expr) and _prints(n.value)]
        plain = self.names.count("print") == len(printed)  # and no function of its own
        caught = any(isinstance(n, ast.ExceptHandler) for n in nodes)
        raised = [n for n in nodes if isinstance(n, ast.Raise)]
        return frozenset([*(printed if plain else ()), *(() if caught else raised)])

    @property
    def said(self) -> str:
        """Its texts, and its names where it can see them."""
        texts = [str(x) for x in self.literals]
        return "\n".join([*texts, *self.names] if self.sees_itself else texts)

    @cached_property
    def names(self) -> list[str]:
        """Of all that has one: variables, functions, arguments, attributes, modules."""
        nodes = [n for n in ast.walk(self.tree) if not isinstance(n, ast.Constant)]
        values = [value for node in nodes for _, value in ast.iter_fields(node)]
        lists = [one for value in values if isinstance(value, list) for one in value]
        return [name for name in (*values, *lists) if isinstance(name, str)]

    @cached_property
    def sees_itself(self) -> bool:
        own = any(isinstance(x, str) and (".py" in x or "/proc" in x) for x in self.literals)
        named = not _SEES_ITSELF.isdisjoint(self.names) or "argv[0]" in self.text
        return own or named or any(map(_gives_names, ast.walk(self.tree)))


@dataclass(frozen=True)
class Literals:
    """What of the answers a script could hold."""

    cells: int = 0
    """Answers that tell anything."""
    found: int = 0
    """Those that stand in it."""
    examples: tuple[str, ...] = ()
    bits: int = 0
    """The most that its literals can say beyond what input and instruction say."""
    needed: int = 0
    """What the answers take, counted in the same way."""

    @property
    def share(self) -> float:
        return self.found / self.cells if self.cells else 0.0

    @property
    def bounded(self) -> bool:
        """Whether the literals cannot carry the answers, in whatever disguise."""
        return self.needed >= ENOUGH_BITS and self.bits < self.needed

    @property
    def carries_answers(self) -> str:
        """How it could, else nothing."""
        if self.share > SHARE:
            return f"it holds {self.found} of the {self.cells} expected values as literals"
        if self.needed >= ENOUGH_BITS and self.bits >= self.needed + ORDINARY_BITS:
            return (
                f"its literals could hold {self.bits} bits besides what the input says, and the "
                f"answers take {self.needed}"
            )
        return ""


def weigh(script: Script, answers: Sequence[object], instruction: str, known: str) -> Literals:
    """`known`: what a script may say without saying anything of the answers."""
    named = instruction.lower()
    telling = [a for a in answers if not _is_small(a) and str(a).lower() not in named]
    if not telling:
        telling = [a for a in answers if str(a).lower() not in named]
        if len(telling) < ENOUGH_SMALL:
            return Literals()
    wanted = Counter(_key(answer) for answer in telling)
    there = _occurrences(script.literals)
    digits = _digits(script.said)
    found = {}
    for key, count in wanted.items():
        signature = _signature(key)
        held = max(there[key], digits.count(signature) if signature else 0)
        found[key] = min(count, held)
    words = frozenset(w.lower() for w in _TOKEN.findall(_digits(f"{known}\n{instruction}")))
    return Literals(
        len(telling),
        sum(found.values()),
        tuple(key for key, count in found.items() if count)[:5],
        round(_bits(script.said, words)),
        round(_bits("\n".join(str(a) for a in telling), words)),
    )


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _gives_names(node: ast.AST) -> bool:
    """Whether a function takes whatever it is called with by name, or is asked for its name."""
    if isinstance(node, ast.Attribute):
        return node.attr == "__name__"
    return isinstance(node, ast.arguments) and node.kwarg is not None


def _literals(node: ast.AST, unheard: frozenset[ast.AST]) -> Iterator[object]:
    if node in unheard:
        return
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bytes):
            yield value.decode("latin-1")
        elif isinstance(value, complex):
            yield value.imag
        elif isinstance(value, str | int | float):
            yield int(value) if isinstance(value, bool) else value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = list(_literals(node.operand, unheard))
        yield from (-x if isinstance(x, int | float) else x for x in inner)
        return
    elif isinstance(node, ast.Call) and (date := _date(node)):
        yield date
        return
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        yield from (keyword.arg for keyword in node.keywords if keyword.arg)
    for child in ast.iter_child_nodes(node):
        yield from _literals(child, unheard)


def _prints(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and {keyword.arg for keyword in node.keywords} <= {"sep", "end", "flush"}
    )


def _date(call: ast.Call) -> datetime.datetime | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = name or (call.func.id if isinstance(call.func, ast.Name) else "")
    numbers = [a.value for a in call.args if isinstance(a, ast.Constant)]
    whole = [n for n in numbers if isinstance(n, int)]
    if name not in ("datetime", "date") or not 3 <= len(whole) <= 6:
        return None
    if len(whole) < len(call.args) or call.keywords:  # what else is in the call counts by itself
        return None
    try:
        return datetime.datetime(*whole)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def _occurrences(literals: Sequence[object]) -> Counter[str]:
    """Values of the script, and those within its texts, such as rows of a table."""
    counts: Counter[str] = Counter()
    for value in literals:
        counts[_key(value)] += 1
        parts = re.split(r"[,;|\t\n\"'\[\]{}]+", value) if isinstance(value, str) else []
        if len(parts) > 1:
            counts.update(_key(part.strip()) for part in parts if part.strip())
    return counts


def _key(value: object) -> str:
    """Two decimals are what a number is known by."""
    if isinstance(value, datetime.datetime | datetime.date):
        return f"date {value:%Y-%m-%d}"
    try:
        return f"number {round(float(value), 2)}"  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return f"text {value}"


def _signature(key: str) -> str:
    """The digits by which a number is known whatever its unit."""
    kind, _, shown = key.partition(" ")
    digits = re.sub(r"\D", "", shown.removesuffix(".0")).strip("0") if kind == "number" else ""
    return digits if len(digits) >= ENOUGH_DIGITS else ""


def _digits(text: str) -> str:
    return re.sub(r"(?<=\d)[.,](?=\d)", "", text)


def _bits(text: str, known: frozenset[str]) -> float:
    """What a text can say at most, each word by itself. Places such as B2 are words of scripts."""
    total, seen = 0.0, set[str]()
    for token in _TOKEN.findall(_digits(_PLACE.sub(lambda m: f" {m[0].lower()} ", text))):
        word = token.lower()
        if word in known or word in seen:
            total += KNOWN
        elif word.isdigit():
            total += DIGIT * len(word.strip("0") or "0")
        elif word.isalpha() and word.isascii():
            total += LETTER * len(word)
        else:
            total += SIGN * len(token) if token.isascii() else 8.0
        seen.add(word)
    return total


def _is_small(value: object) -> bool:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return value == int(value) and abs(value) <= SMALL if value == value else True
    return isinstance(value, str) and len(value.strip()) < 3
