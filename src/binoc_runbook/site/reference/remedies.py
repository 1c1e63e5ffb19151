"""What this library tells people to do, read from its own source: the remedies of each check.

Read are those that stand where a finding is made, or are named in the same function, class or module; what a remedy is
filled with is shown in capitals. One that was made elsewhere and is handed on is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pathlib import Path

#: Where a finding's check and remedy stand among the arguments; of `Finding` itself, then of its kinds.
_WHOLE, _KINDS = (0, 4), (0, 3)
#: What makes findings of the check that its module is named for: where the remedy stands among the arguments.
_MAKERS = {"refuse": 2, "_refuse": 2}
#: What becomes findings of another module's check.
_PROBLEM, _PROBLEMS = "Defect", "binoc_runbook.checks.dists.defect"
#: How often one name may stand for another.
_DEEPEST = 3


def remedies(source: Path) -> dict[str, list[str]]:
    """The remedies of each check, by its name, in the order of the files below a folder; each once."""
    found: dict[str, dict[str, None]] = {}
    for path in sorted(source.rglob("*.py")):
        name = ".".join(path.relative_to(source.parent).with_suffix("").parts).removesuffix(".__init__")
        for check, remedy in _Module(name, ast.parse(path.read_text("utf-8"))).remedies():
            found.setdefault(check, {})[remedy] = None
    return {check: list(texts) for check, texts in sorted(found.items())}


class _Module:
    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name, self.tree = name, tree
        self.inside: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(tree):
            self.inside |= dict.fromkeys(ast.iter_child_nodes(node), node)

    def remedies(self) -> Iterator[tuple[str, str]]:
        for call in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            name = ast.unparse(call.func).rpartition(".")[2]
            if name == _PROBLEM:
                yield from product(_constant(_PROBLEMS, "CHECK"), self.argument(call, 1))
            elif name in _MAKERS:
                yield from product(_constant(self.name, "CHECK"), self.argument(call, _MAKERS[name]))
            elif name == "Finding" or ast.unparse(call.func) in (
                "Finding.failed",
                "Finding.warning",
                "Finding.unknown",
            ):
                asked, place = _WHOLE if name == "Finding" else _KINDS
                yield from product(self.argument(call, asked), self.argument(call, place))

    def argument(self, call: ast.Call, place: int) -> list[str]:
        if len(call.args) <= place or any(isinstance(each, ast.Starred) for each in call.args[: place + 1]):
            return []
        texts = dict.fromkeys(self.texts(call.args[place]))
        return [text for text in texts if text and "REMEDY" not in text]

    def texts(self, node: ast.expr, depth: int = 0) -> Iterator[str]:
        """What an expression can be, as far as that can be read here."""
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr():
                yield "".join(self.piece(each, depth) for each in node.values)
            case ast.IfExp():
                yield from self.texts(node.body, depth)
                yield from self.texts(node.orelse, depth)
            case ast.Name() if depth < _DEEPEST:
                values = list(self.assigned(node))
                for value in values:
                    yield from self.texts(value, depth + 1)
                if not values:
                    yield from _constant(self.name, node.id)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if depth < _DEEPEST:
                for value in self.in_class(node, name):
                    yield from self.texts(value, depth + 1)

    def piece(self, node: ast.expr, depth: int) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        texts = list(self.texts(inner, depth)) if isinstance(inner, ast.Name) else []
        return texts[0] if len(texts) == 1 else _capitals(inner)

    def assigned(self, name: ast.Name) -> Iterator[ast.expr]:
        """The values that a name can have where it is used, from the last assignment on that is surely made before."""
        surely, function = self.before(name)
        given = [
            (node.lineno, value)
            for node in (ast.walk(function) if function else ())
            if isinstance(node, ast.Assign) and node.lineno <= name.lineno
            for value in _given(node, name.id)
        ]
        since = max((line for line, _ in given if line in surely), default=0)
        yield from (value for line, value in given if line >= since)

    def before(self, node: ast.AST) -> tuple[set[int], ast.FunctionDef | None]:
        """The lines of the statements that are surely passed before a node, and the function that it stands in."""
        lines: set[int] = set()
        while not isinstance(node, ast.FunctionDef | ast.Module):
            node, child = self.inside[node], node
            for block in ("body", "orelse", "finalbody"):
                statements = getattr(node, block, None)
                if isinstance(statements, list) and child in statements:
                    lines |= {each.lineno for each in statements[: statements.index(child)]}
        return lines, node if isinstance(node, ast.FunctionDef) else None

    def in_class(self, node: ast.AST, name: str) -> Iterator[ast.expr]:
        while not isinstance(node, ast.ClassDef | ast.Module):
            node = self.inside[node]
        for each in node.body:
            if isinstance(each, ast.Assign):
                yield from _given(each, name)


def _constant(module: str, name: str) -> Iterator[str]:
    """The text that a name of a module, or one that it imports, stands for."""
    value = getattr(import_module(module), name, None)
    if isinstance(value, str):
        yield value


def _given(node: ast.Assign, name: str) -> Iterator[ast.expr]:
    for target in node.targets:
        match target, node.value:
            case ast.Name(id=same), value if same == name:
                yield value
            case ast.Tuple(elts=names), ast.Tuple(elts=values):
                for each, value in zip(names, values, strict=False):
                    if isinstance(each, ast.Name) and each.id == name:
                        yield value


def _capitals(node: ast.expr) -> str:
    """The name of what is filled in: of `view.branch` BRANCH, of a version in any spelling VERSION."""
    match node:
        case ast.Attribute(value=value, attr="name" | "path" | "join"):
            return _capitals(value)
        case ast.Attribute(attr="semver" | "pep440"):
            return "VERSION"
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name.strip("_").upper().replace("_", "-")
        case ast.Subscript(value=value):
            return _capitals(value)
        case ast.Call(func=ast.Name(id="str" | "map") | ast.Attribute(attr="join"), args=[*_, value]):
            return _capitals(value)
        case ast.Call(func=func):
            return _capitals(func)
    return "…"
