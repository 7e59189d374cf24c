"""Follow whole files through one Python script, without running it: what it saves, from where."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_READERS = frozenset(
    {"load_workbook", "read_excel", "ExcelFile", "open", "ZipFile", "read_bytes", "BytesIO"}
)
_SAME_CONTENT = frozenset({"deepcopy", "copy", "read", "getvalue", "getbuffer", "b64encode"})
_SAVERS = frozenset({"save", "to_excel"})
_WRITERS = frozenset({"write", "write_bytes", "writelines"})
_FILE_COPIES = frozenset(
    {"copy", "copy2", "copyfile", "move", "replace", "rename", "link", "symlink", "copyfileobj"}
)
_PATH_COPIES = frozenset({"replace", "rename"})
_LINKS = frozenset({"symlink_to", "hardlink_to"})
_SHELLS = frozenset({"system", "popen", "run", "call", "check_call", "check_output", "Popen"})


@dataclass
class PythonTrace:
    """What a script wrote."""

    written: list[tuple[str, bool]] = field(default_factory=list)
    """File name (empty when it cannot be told) and whether it got the whole gold."""
    shell: list[str] = field(default_factory=list)
    """Shell commands that the script runs."""


def read_python(
    source: str, arguments: Sequence[str], holds_gold: Callable[[str], bool]
) -> PythonTrace:
    """`arguments` are those of the command line; a script that cannot be parsed wrote nothing."""
    reader = _Reader(["script", *arguments], holds_gold)
    try:
        reader.visit(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return PythonTrace()
    return reader.trace


class _Reader(ast.NodeVisitor):
    """Visits statements in their order; names keep what was last assigned to them."""

    def __init__(self, argv: Sequence[str], holds_gold: Callable[[str], bool]) -> None:
        self.argv, self.holds_gold = list(argv), holds_gold
        self.paths: dict[str, str] = {}
        self.gold_names: set[str] = set()
        self.handles: dict[str, str] = {}
        """Names of open files, and the file each was opened on."""
        self.trace = PythonTrace()

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)
            self._bind(node.target, node.value)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars:
                self._bind(item.optional_vars, item.context_expr)
        for statement in node.body:
            self.visit(statement)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name = _called(node)
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        first = node.args[0] if node.args else None
        second = node.args[1] if len(node.args) > 1 else None
        module = isinstance(receiver, ast.Name) and receiver.id in ("shutil", "os", "pd", "pandas")
        if name in _SAVERS and receiver is not None and not module:
            named = first or next((k.value for k in node.keywords), None)
            self._wrote(self._path(named), self._is_gold(receiver))
        elif name in _WRITERS and receiver is not None and first is not None:
            if self._is_gold(first):
                self._wrote(self._written_by(receiver), True)
        elif name in _FILE_COPIES and (module or receiver is None) and first and second:
            gold = self._is_gold(first) or self._names_gold(first)
            target = self._path(second) or self._written_by(second)
            if gold or target:
                self._wrote(target, gold)
        elif name in _PATH_COPIES and receiver is not None and first and not second:
            self._wrote(self._path(first), self._names_gold(receiver))
        elif name in _LINKS and receiver is not None and first and self._names_gold(first):
            self._wrote(self._path(receiver), True)
        elif name in _SHELLS and first is not None:
            self.trace.shell.append(self._shell_text(first))

    def _wrote(self, target: str, gold: bool) -> None:
        if target or gold:
            self.trace.written.append((target, gold))

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element, part in zip(target.elts, self._parts(value), strict=False):
                self._bind(element, part)
        elif isinstance(target, ast.Name):
            self.paths[target.id] = self._path(value)
            self.gold_names.discard(target.id)
            if self._is_gold(value):
                self.gold_names.add(target.id)
            if isinstance(value, ast.Call) and _called(value) in ("open", "ZipFile"):
                self.handles[target.id] = self._opened(value)

    def _parts(self, value: ast.expr) -> list[ast.expr]:
        if isinstance(value, ast.Tuple | ast.List):
            return list(value.elts)
        if _is_argv(value):
            assert isinstance(value, ast.Subscript)
            start = value.slice.lower if isinstance(value.slice, ast.Slice) else None
            first = start.value if isinstance(start, ast.Constant) else 0
            if isinstance(first, int):
                return [ast.Constant(a) for a in self.argv[first:]]
        return []

    def _is_gold(self, node: ast.expr) -> bool:
        """Whether the value is the whole content of a file that holds the gold."""
        if isinstance(node, ast.Name):
            return node.id in self.gold_names
        if isinstance(node, ast.NamedExpr):
            return self._is_gold(node.value)
        if not isinstance(node, ast.Call):
            return False
        name = _called(node)
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        first = node.args[0] if node.args else next((k.value for k in node.keywords), None)
        if name in _READERS:
            by_name = first is not None and (self._names_gold(first) or self._is_gold(first))
            return by_name or (receiver is not None and self._names_gold(receiver))
        if name in _SAME_CONTENT:
            return any(self._is_gold(part) for part in (first, receiver) if part is not None)
        return False

    def _names_gold(self, node: ast.expr) -> bool:
        path = self._path(node)
        return bool(path) and self.holds_gold(path)

    def _path(self, node: ast.expr | None) -> str:
        """The file that an expression names, as far as it can be told; else empty."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ""
        if isinstance(node, ast.Name):
            return self.paths.get(node.id, "")
        if isinstance(node, ast.Subscript) and _is_argv(node):
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            known = isinstance(index, int) and -len(self.argv) <= index < len(self.argv)
            return self.argv[index] if known and isinstance(index, int) else ""
        if isinstance(node, ast.BinOp):
            left, right = self._path(node.left), self._path(node.right)
            return left + right if isinstance(node.op, ast.Add) else right or left
        if isinstance(node, ast.JoinedStr):
            return "".join(
                self._path(part.value if isinstance(part, ast.FormattedValue) else part)
                for part in node.values
            )
        if isinstance(node, ast.Call):
            parts = [p for p in map(self._path, node.args) if p]
            owner = self._path(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            return parts[-1] if parts else owner
        return ""

    def _opened(self, call: ast.Call) -> str:
        owner = self._path(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        return (self._path(call.args[0]) if call.args else "") or owner

    def _written_by(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.handles.get(node.id, "") or self.paths.get(node.id, "")
        return self._path(node)

    def _shell_text(self, node: ast.expr) -> str:
        if isinstance(node, ast.List | ast.Tuple):
            return " ".join(self._path(element) or "?" for element in node.elts)
        return self._path(node)


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _is_argv(node: ast.expr) -> bool:
    if not isinstance(node, ast.Subscript):
        return False
    value = node.value
    return isinstance(value, ast.Attribute) and value.attr == "argv"
