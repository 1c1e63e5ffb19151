"""GitHub's expressions, `${{ … }}`: read before anything runs, and evaluated as GitHub does.

From GitHub's page "Evaluate expressions in workflows and actions": literals, operators and their order, the loose
comparison, and the functions that are known here. What is not known is refused, so that nothing is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from binoc_runbook.rehearsal.runner.operators import (
    FUNCTIONS,
    Status,
    Tree,
    both,
    constant,
    each_of,
    either,
    equal,
    ordered,
    property_of,
)
from binoc_runbook.rehearsal.runner.values import Value, number, text_of, truth

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
    _tree: Tree

    def evaluate(self, contexts: Mapping[str, Value], status: Status) -> Value:
        """The value of it; what a context does not hold is null."""
        return self._tree(contexts, status)

    @property
    def asks_for_status(self) -> bool:
        """Whether it says itself what earlier failures mean; otherwise `success() &&` is implied in a condition."""
        return bool(self.functions & STATUS_FUNCTIONS)


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

    def whole(self) -> Tree:
        if not self.tokens:
            raise Misspelt("the expression is empty")
        tree = self.either()
        if self.at < len(self.tokens):
            raise Misspelt(f"`{self.tokens[self.at][1]}` is not expected there")
        return tree

    def either(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Misspelt(f"it is nested more than {DEEPEST} deep")
        left = self.both()
        while self.take("||"):
            left = either(left, self.both())
        self.depth -= 1
        return left

    def both(self) -> Tree:
        left = self.equality()
        while self.take("&&"):
            left = both(left, self.equality())
        return left

    def equality(self) -> Tree:
        left = self.order()
        while sign := self.take("==", "!="):
            left = equal(left, self.order(), sign == "==")
        return left

    def order(self) -> Tree:
        left = self.negation()
        while sign := self.take("<=", ">=", "<", ">"):
            left = ordered(left, self.negation(), sign)
        return left

    def negation(self) -> Tree:
        count = 0
        while self.take("!"):
            count += 1
        tree = self.value()
        return (lambda contexts, status: truth(tree(contexts, status)) != bool(count % 2)) if count else tree

    def value(self) -> Tree:
        kind, text = self.next()
        if kind == "string":
            return constant(text[1:-1].replace("''", "'"))
        if kind == "number":
            return constant(number(text))
        if text == "(":
            tree = self.either()
            self.must(")")
            return self.path(tree, None)
        if kind != "name":
            raise Misspelt(f"`{text}` is not expected there")
        if self.take("("):
            return self.path(self.call(text), None)
        if text in _LITERALS:
            return constant(_LITERALS[text])
        return self.path(lambda contexts, status: contexts.get(name), [name := text.lower()])

    def path(self, tree: Tree, path: list[str] | None) -> Tree:
        while sign := self.take(".", "["):
            if self.take("*"):
                tree = each_of(tree)
                key = "*"
            elif sign == ".":
                kind, key = self.next()
                if kind != "name":
                    raise Misspelt(f"`{key}` is no name of a property")
                tree = property_of(tree, constant(key))
            else:
                kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
                key = text[1:-1] if kind == "string" else "?"
                tree = property_of(tree, self.either())
            if sign == "[":
                self.must("]")
            if path is not None:
                path.append(key)
        if path is not None:
            self.names.add(tuple(path))
        return tree

    def call(self, name: str) -> Tree:
        arguments: list[Tree] = []
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
        if lower not in FUNCTIONS:
            raise Misspelt(f"the function `{name}` is not known here")
        least, most, function = FUNCTIONS[lower]
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
