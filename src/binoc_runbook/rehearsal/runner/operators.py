"""The operators and functions of GitHub's expressions, each made into something that gives its value when asked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping

from binoc_runbook.rehearsal.runner.values import Value, is_compound, is_number, number, same, text_of, truth

#: What the status functions answer where the expression stands.
Status = Mapping[str, bool]
#: A part of an expression: its value, by the contexts and by how things went so far.
Tree = Callable[[Mapping[str, Value], Status], Value]


class _Many(list[Value]):
    """What `.*` gives: a property of it is that property of each."""


def constant(value: Value) -> Tree:
    """A literal."""
    return lambda contexts, status: value


def either(left: Tree, right: Tree) -> Tree:
    """`||`: the first value if it is true, and otherwise the second."""

    def tree(contexts: Mapping[str, Value], status: Status) -> Value:
        value = left(contexts, status)
        return value if truth(value) else right(contexts, status)

    return tree


def both(left: Tree, right: Tree) -> Tree:
    """`&&`: the first value if it is false, and otherwise the second."""

    def tree(contexts: Mapping[str, Value], status: Status) -> Value:
        value = left(contexts, status)
        return right(contexts, status) if truth(value) else value

    return tree


def equal(left: Tree, right: Tree, wanted: bool) -> Tree:
    """`==`, or `!=` where equality is not wanted."""
    return lambda contexts, status: same(left(contexts, status), right(contexts, status)) is wanted


def ordered(left: Tree, right: Tree, sign: str) -> Tree:
    """`<`, `<=`, `>` and `>=`: texts by their letters without regard to case, all else as numbers."""

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


def each_of(tree: Tree) -> Tree:
    """`.*`: every value of a list or an object."""

    def every(contexts: Mapping[str, Value], status: Status) -> Value:
        value = tree(contexts, status)
        if isinstance(value, Mapping):
            return _Many(value.values())
        return _Many(value) if isinstance(value, list) else _Many()

    return every


def property_of(tree: Tree, key: Tree) -> Tree:
    """`.name` and `[…]`: what stands there, or null."""

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


#: The functions by their name in small letters, with the least and the most values they take.
FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "contains": (2, 2, _contains),
    "startswith": (2, 2, lambda text, start: text_of(text).casefold().startswith(text_of(start).casefold())),
    "endswith": (2, 2, lambda text, end: text_of(text).casefold().endswith(text_of(end).casefold())),
    "format": (1, 255, _format),
    "tojson": (1, 1, lambda value: json.dumps(value, indent=2, ensure_ascii=False)),
}
