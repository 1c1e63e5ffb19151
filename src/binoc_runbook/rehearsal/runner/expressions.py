"""GitHub's expressions, `${{ … }}`: read before anything runs, and evaluated as GitHub does.

From GitHub's page "Evaluate expressions in workflows and actions": literals, operators and their order, the loose
comparison, and the functions that are known here. What is not known is refused, so that nothing is guessed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from binoc_runbook.rehearsal.runner.values import Value, is_compound, is_number, number, same, text_of, truth

#: What the status functions answer where the expression stands.
Status = Mapping[str, bool]

#: How deep an expression may be nested; GitHub allows no more.
DEEPEST = 50
#: The functions that say how things went so far.
STATUS_FUNCTIONS = frozenset({"success", "failure", "cancelled", "always"})


class Misspelt(Exception):  # noqa: N818 - an answer, not a mistake
    """The text is no expression that is known here; the message says why."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression: `names` are the paths it reads, such as `("github", "ref")`, `functions` what it calls."""

    text: str
    names: frozenset[tuple[str, ...]]
    functions: frozenset[str]
    _tree: _Tree

    def evaluate(self, contexts: Mapping[str, Value], status: Status) -> Value:
        """The value of it; what a context does not hold is null."""
        return self._tree(contexts, status)

    @property
    def asks_for_status(self) -> bool:
        """Whether it says itself what earlier failures mean; otherwise `success() &&` is implied in a condition."""
        return bool(self.functions & STATUS_FUNCTIONS)


_Tree = Callable[[Mapping[str, Value], Status], Value]


def parse(text: str) -> Expression:
    """Read one expression, without the braces around it.

    Raises:
        Misspelt: It is none, or uses what is not known here.
    """
    reader = _Reader(text)
    tree = reader.whole()
    return Expression(text.strip(), frozenset(reader.names), frozenset(reader.functions), tree)


def template(text: str) -> list[str | Expression]:
    """Take a text apart into what is written and the expressions in it.

    Raises:
        Misspelt: One of them is none, or does not end.
    """
    parts: list[str | Expression] = []
    while text:
        before, opened, rest = text.partition("${{")
        if before:
            parts.append(before)
        if not opened:
            break
        # A string may hold the braces that would end the expression.
        body = re.match(r"((?:'[^']*'|[^'])*?)\}\}", rest, re.DOTALL)
        if body is None:
            raise Misspelt("`${{` is not closed by `}}`")
        parts.append(parse(body[1]))
        text = rest[body.end() :]
    return parts


def filled(parts: list[str | Expression], contexts: Mapping[str, Value], status: Status) -> Value:
    """The value of a template: of its expression if it is nothing else, and a text otherwise."""
    values = [part if isinstance(part, str) else part.evaluate(contexts, status) for part in parts]
    return values[0] if len(values) == 1 else "".join(map(text_of, values))


class _Many(list[Value]):
    """What `.*` gives: a property of it is that property of each."""


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
    |(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d*\.?\d+(?:[eE][-+]?\d+)?))(?![\w.])
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[!<>()\[\],.*])
    )""",
    re.VERBOSE,
)
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}


class _Reader:
    """A reader by recursive descent: one method for each level of precedence, the loosest first."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at, self.depth = 0, 0
        self.names: set[tuple[str, ...]] = set()
        self.functions: set[str] = set()

    def whole(self) -> _Tree:
        if not self.tokens:
            raise Misspelt("the expression is empty")
        tree = self.either()
        if self.at < len(self.tokens):
            raise Misspelt(f"`{self.tokens[self.at][1]}` is not expected there")
        return tree

    def either(self) -> _Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Misspelt(f"it is nested more than {DEEPEST} deep")
        left = self.both()
        while self.take("||"):
            left = _or(left, self.both())
        self.depth -= 1
        return left

    def both(self) -> _Tree:
        left = self.equality()
        while self.take("&&"):
            left = _and(left, self.equality())
        return left

    def equality(self) -> _Tree:
        left = self.order()
        while sign := self.take("==", "!="):
            left = _equal(left, self.order(), sign == "==")
        return left

    def order(self) -> _Tree:
        left = self.negation()
        while sign := self.take("<=", ">=", "<", ">"):
            left = _ordered(left, self.negation(), sign)
        return left

    def negation(self) -> _Tree:
        count = 0
        while self.take("!"):
            count += 1
        tree = self.value()
        return (lambda contexts, status: truth(tree(contexts, status)) != bool(count % 2)) if count else tree

    def value(self) -> _Tree:
        kind, text = self.next()
        if kind == "string":
            return _constant(text[1:-1].replace("''", "'"))
        if kind == "number":
            return _constant(number(text))
        if text == "(":
            tree = self.either()
            self.must(")")
            return self.path(tree, None)
        if kind != "name":
            raise Misspelt(f"`{text}` is not expected there")
        if self.take("("):
            return self.path(self.call(text), None)
        if text in _LITERALS:
            return _constant(_LITERALS[text])
        return self.path(lambda contexts, status: contexts.get(name), [name := text.lower()])

    def path(self, tree: _Tree, path: list[str] | None) -> _Tree:
        while sign := self.take(".", "["):
            if self.take("*"):
                tree = _each(tree)
                key = "*"
            elif sign == ".":
                kind, key = self.next()
                if kind != "name":
                    raise Misspelt(f"`{key}` is no name of a property")
                tree = _property(tree, _constant(key))
            else:
                kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
                key = text[1:-1] if kind == "string" else "?"
                tree = _property(tree, self.either())
            if sign == "[":
                self.must("]")
            if path is not None:
                path.append(key)
        if path is not None:
            self.names.add(tuple(path))
        return tree

    def call(self, name: str) -> _Tree:
        arguments: list[_Tree] = []
        if not self.take(")"):
            arguments.append(self.either())
            while self.take(","):
                arguments.append(self.either())
            self.must(")")
        lower = name.lower()
        if lower in STATUS_FUNCTIONS:
            if arguments:
                raise Misspelt(f"`{name}()` takes nothing")
            self.functions.add(lower)
            return lambda contexts, status: status[lower]
        if lower not in _FUNCTIONS:
            raise Misspelt(f"the function `{name}` is not known here")
        least, most, function = _FUNCTIONS[lower]
        if not least <= len(arguments) <= most:
            raise Misspelt(f"`{name}` was given {len(arguments)} values")
        self.functions.add(lower)
        return lambda contexts, status: function(*(each(contexts, status) for each in arguments))

    def next(self) -> tuple[str, str]:
        if self.at == len(self.tokens):
            raise Misspelt("something is missing at its end")
        self.at += 1
        return self.tokens[self.at - 1]

    def take(self, *signs: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" and self.tokens[self.at][1] in signs:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def must(self, sign: str) -> None:
        if not self.take(sign):
            raise Misspelt(f"`{sign}` is missing")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Misspelt(f"`{text[at:].split()[0]}` cannot be read; a text stands between single quotes")
        at = found.end()
        yield str(found.lastgroup), found[str(found.lastgroup)]


def _constant(value: Value) -> _Tree:
    return lambda contexts, status: value


def _or(left: _Tree, right: _Tree) -> _Tree:
    def tree(contexts: Mapping[str, Value], status: Status) -> Value:
        value = left(contexts, status)
        return value if truth(value) else right(contexts, status)

    return tree


def _and(left: _Tree, right: _Tree) -> _Tree:
    def tree(contexts: Mapping[str, Value], status: Status) -> Value:
        value = left(contexts, status)
        return right(contexts, status) if truth(value) else value

    return tree


def _equal(left: _Tree, right: _Tree, wanted: bool) -> _Tree:
    return lambda contexts, status: same(left(contexts, status), right(contexts, status)) is wanted


def _ordered(left: _Tree, right: _Tree, sign: str) -> _Tree:
    def tree(contexts: Mapping[str, Value], status: Status) -> Value:
        one, other = left(contexts, status), right(contexts, status)
        if isinstance(one, str) and isinstance(other, str):
            order = (one.casefold() > other.casefold()) - (one.casefold() < other.casefold())
        else:
            a, b = number(one), number(other)
            if math.isnan(a) or math.isnan(b):
                return False
            order = (a > b) - (a < b)
        return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[sign]

    return tree


def _each(tree: _Tree) -> _Tree:
    def every(contexts: Mapping[str, Value], status: Status) -> Value:
        value = tree(contexts, status)
        if isinstance(value, Mapping):
            return _Many(value.values())
        return _Many(value) if isinstance(value, list) else _Many()

    return every


def _property(tree: _Tree, key: _Tree) -> _Tree:
    def one(contexts: Mapping[str, Value], status: Status) -> Value:
        value, name = tree(contexts, status), key(contexts, status)
        if isinstance(value, _Many) and not is_number(name):
            return _Many(found for each in value if (found := _lookup(each, name)) is not None)
        return _lookup(value, name)

    return one


def _lookup(value: Value, name: Value) -> Value:
    if isinstance(value, Mapping):
        wanted = text_of(name).casefold()
        return next((found for key, found in value.items() if key.casefold() == wanted), None)
    if isinstance(value, list):
        at = number(name)
        return value[int(at)] if at.is_integer() and 0 <= at < len(value) else None
    return None


def _contains(where: Value, what: Value) -> Value:
    if isinstance(where, list):
        return any(same(each, what) for each in where)
    return not is_compound(where) and text_of(what).casefold() in text_of(where).casefold()


def _format(pattern: Value, *values: Value) -> Value:
    def put(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        at = int(found[1])
        return text_of(values[at]) if at < len(values) else found[0]

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", put, text_of(pattern))


_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "contains": (2, 2, _contains),
    "startswith": (2, 2, lambda text, start: text_of(text).casefold().startswith(text_of(start).casefold())),
    "endswith": (2, 2, lambda text, end: text_of(text).casefold().endswith(text_of(end).casefold())),
    "format": (1, 255, _format),
    "tojson": (1, 1, lambda value: json.dumps(value, indent=2, ensure_ascii=False)),
}
