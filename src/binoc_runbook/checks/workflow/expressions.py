"""Parser and evaluator of the GitHub Actions expressions (`${{ … }}`) that publish workflows use.

Literals, operators, precedence, the loose comparison and the functions follow GitHub's page "Evaluate expressions in
workflows and actions". Any other function or operator is rejected by its name when the expression is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Any

#: A value of an expression: what JSON can represent.
Value = None | bool | float | str | Sequence["Value"] | Mapping[str, "Value"]
#: The values of the status functions, by name.
Status = Mapping[str, bool]
_Evaluate = Callable[[Mapping[str, Value], Status], Value]

#: The functions that depend on the status of the run.
STATUS_FUNCTIONS = frozenset({"success", "failure", "cancelled", "always"})
#: The most levels of nesting that GitHub accepts.
MAX_DEPTH = 50


class ExpressionError(Exception):
    """The text is not a valid expression, or uses a function or operator that is not supported."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    `references` are the paths that it reads, such as `("github", "ref")`; `*` means `.*`, and `?` a computed index.
    `functions` are the functions that it calls, in lower case.
    """

    text: str
    references: frozenset[tuple[str, ...]]
    functions: frozenset[str]
    _evaluate: _Evaluate

    def evaluate(self, contexts: Mapping[str, Value], status: Status) -> Value:
        """Return the value of the expression; a property that does not exist is null.

        Raises:
            ExpressionError: The argument of `fromJSON` is not JSON.
        """
        return self._evaluate(contexts, status)

    @property
    def has_status_function(self) -> bool:
        """Return whether it calls a status function; GitHub adds `success() &&` to a condition without one."""
        return bool(self.functions & STATUS_FUNCTIONS)


def parse(text: str) -> Expression:
    """Parse one expression, without the braces around it.

    Raises:
        ExpressionError: It is not valid, or not supported.
    """
    parser = _Parser(text)
    evaluate = parser.parse()
    return Expression(text.strip(), frozenset(parser.references), frozenset(parser.functions), evaluate)


def parse_template(text: str) -> list[str | Expression]:
    """Split a text into literal parts and the expressions between `${{` and `}}`.

    Raises:
        ExpressionError: An expression is not valid, not supported, or not closed.
    """
    parts: list[str | Expression] = []
    while text:
        before, opening, rest = text.partition("${{")
        if before:
            parts.append(before)
        if not opening:
            break
        # A string may contain the braces that would close the expression.
        body = re.match(r"((?:'[^']*'|[^'])*?)\}\}", rest, re.DOTALL)
        if body is None:
            raise ExpressionError("`${{` is not closed by `}}`")
        parts.append(parse(body[1]))
        text = rest[body.end() :]
    return parts


def fill_template(parts: list[str | Expression], contexts: Mapping[str, Value], status: Status) -> Value:
    """Return the value of a template: a text, or the value of the expression if it is the only part."""
    values = [part if isinstance(part, str) else part.evaluate(contexts, status) for part in parts]
    return values[0] if len(values) == 1 else "".join(map(to_text, values))


def is_truthy(value: Value) -> bool:
    """Return whether a value is true as a condition: false, 0, NaN, the empty text and null are not."""
    return value not in (None, False, 0, "") and value == value  # NaN is not equal to itself


def to_text(value: Value) -> str:
    """Return a value as text; lists and objects become `Array` and `Object`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int):
        return f"{value:.15g}"
    if isinstance(value, str):
        return value
    return "Object" if isinstance(value, Mapping) else "Array"


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^']|'')*')
    |(?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d*\.?\d+(?:[eE][-+]?\d+)?))(?![\w.])
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<operator>==|!=|<=|>=|&&|\|\||[!<>()\[\],.*])
    )""",
    re.VERBOSE,
)
_LITERALS: dict[str, Value] = {"true": True, "false": False, "null": None, "NaN": math.nan, "Infinity": math.inf}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
#: The binary operators by precedence, the lowest first.
_PRECEDENCE = (("||",), ("&&",), ("==", "!="), ("<=", ">=", "<", ">"))


class _Parser:
    """A parser by recursive descent; each method returns a function that evaluates what the method consumed."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokenize(text))
        self.position, self.depth = 0, 0
        self.references: set[tuple[str, ...]] = set()
        self.functions: set[str] = set()

    def parse(self) -> _Evaluate:
        if not self.tokens:
            raise ExpressionError("the expression is empty")
        evaluate = self.nested()
        if self.position < len(self.tokens):
            raise ExpressionError(f"`{self.tokens[self.position][1]}` is unexpected")
        return evaluate

    def nested(self) -> _Evaluate:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"the expression has more than {MAX_DEPTH} levels of nesting")
        evaluate = self.binary(0)
        self.depth -= 1
        return evaluate

    def binary(self, level: int) -> _Evaluate:
        if level == len(_PRECEDENCE):
            return self.negation()
        left = self.binary(level + 1)
        while operator := self.take(*_PRECEDENCE[level]):
            left = _binary(operator, left, self.binary(level + 1))
        return left

    def negation(self) -> _Evaluate:
        count = 0
        while self.take("!"):
            count += 1
        operand = self.operand()
        return (lambda contexts, status: is_truthy(operand(contexts, status)) != bool(count % 2)) if count else operand

    def operand(self) -> _Evaluate:
        kind, text = self.next()
        if kind == "string":
            return _constant(text[1:-1].replace("''", "'"))
        if kind == "number":
            return _constant(_to_number(text))
        if text == "(":
            evaluate = self.nested()
            self.expect(")")
            return self.properties(evaluate, None)
        if kind != "name":
            raise ExpressionError(f"`{text}` is unexpected")
        if self.take("("):
            return self.properties(self.call(text), None)
        if text in _LITERALS:
            return _constant(_LITERALS[text])
        name = text.lower()
        return self.properties(lambda contexts, status: contexts.get(name), [name])

    def properties(self, evaluate: _Evaluate, path: list[str] | None) -> _Evaluate:
        while operator := self.take(".", "["):
            if self.take("*"):
                key = "*"
                evaluate = _all_values(evaluate)
            elif operator == ".":
                kind, key = self.next()
                if kind != "name":
                    raise ExpressionError(f"`{key}` is not the name of a property")
                evaluate = _property(evaluate, _constant(key))
            else:
                kind, text = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
                key = text[1:-1] if kind == "string" else "?"
                evaluate = _property(evaluate, self.nested())
            if operator == "[":
                self.expect("]")
            if path is not None:
                path.append(key)
        if path is not None:
            self.references.add(tuple(path))
        return evaluate

    def call(self, name: str) -> _Evaluate:
        arguments: list[_Evaluate] = []
        if not self.take(")"):
            arguments.append(self.nested())
            while self.take(","):
                arguments.append(self.nested())
            self.expect(")")
        lower = name.lower()
        if lower not in STATUS_FUNCTIONS and lower not in _FUNCTIONS:
            raise ExpressionError(f"the function `{name}` is not supported")
        least, most, function = _FUNCTIONS.get(lower, (0, 0, None))
        if not least <= len(arguments) <= most:
            raise ExpressionError(f"`{name}` does not take {len(arguments)} arguments")
        self.functions.add(lower)
        if function is None:
            return lambda contexts, status: status[lower]
        return lambda contexts, status: function(*(argument(contexts, status) for argument in arguments))

    def next(self) -> tuple[str, str]:
        if self.position == len(self.tokens):
            raise ExpressionError("the expression is incomplete")
        self.position += 1
        return self.tokens[self.position - 1]

    def take(self, *operators: str) -> str:
        """Consume the next token if it is one of these operators; return it, or an empty text."""
        kind, text = self.tokens[self.position] if self.position < len(self.tokens) else ("", "")
        if kind != "operator" or text not in operators:
            return ""
        self.position += 1
        return text

    def expect(self, operator: str) -> None:
        if not self.take(operator):
            raise ExpressionError(f"`{operator}` is missing")


def _tokenize(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.strip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ExpressionError(f"`{text[position:].split()[0]}` cannot be parsed; write texts in single quotes")
        position = token.end()
        yield str(token.lastgroup), token[str(token.lastgroup)]


def _constant(value: Value) -> _Evaluate:
    return lambda contexts, status: value


def _binary(operator: str, left: _Evaluate, right: _Evaluate) -> _Evaluate:
    def evaluate(contexts: Mapping[str, Value], status: Status) -> Value:
        value = left(contexts, status)
        if operator in ("||", "&&"):  # the value is that of the deciding operand
            return value if is_truthy(value) is (operator == "||") else right(contexts, status)
        other = right(contexts, status)
        if operator in ("==", "!="):
            return _is_equal(value, other) is (operator == "==")
        return _COMPARISONS[operator](*_comparable(value, other))

    return evaluate


class _Values(list[Value]):
    """Result of `.*`; a property of it is the list of that property of each value."""


def _all_values(evaluate: _Evaluate) -> _Evaluate:
    def values(contexts: Mapping[str, Value], status: Status) -> Value:
        value = evaluate(contexts, status)
        if isinstance(value, Mapping):
            return _Values(value.values())
        return _Values(value) if isinstance(value, list) else _Values()

    return values


def _property(evaluate: _Evaluate, key: _Evaluate) -> _Evaluate:
    def values(contexts: Mapping[str, Value], status: Status) -> Value:
        value, name = evaluate(contexts, status), key(contexts, status)
        if isinstance(value, _Values) and not _is_number(name):
            return _Values(item for element in value if (item := _lookup(element, name)) is not None)
        return _lookup(value, name)

    return values


def _lookup(value: Value, name: Value) -> Value:
    if isinstance(value, dict | Mapping):
        wanted = to_text(name).casefold()
        return next((item for key, item in value.items() if key.casefold() == wanted), None)
    if isinstance(value, list):
        index = _to_number(name)
        return value[int(index)] if index.is_integer() and 0 <= index < len(value) else None
    return None


def _is_equal(left: Value, right: Value) -> bool:
    """Compare texts case-insensitively, values of different types as numbers, objects by identity."""
    if _is_compound(left) or _is_compound(right):
        return left is right
    left, right = _comparable(left, right)
    return left == right


def _comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Return two texts in folded case, and any other two values as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold(), right.casefold()
    return _to_number(left), _to_number(right)


def _is_number(value: Value) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _is_compound(value: Value) -> bool:
    # Most values are scalars, and checking for an abstract class is slow.
    return not isinstance(value, str | float | int | None) and isinstance(value, list | Mapping)


def _to_number(value: Value) -> float:
    """Return a value as a number, for comparisons of different types; NaN for a text that is not a number."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[-+]?0(?:x[0-9a-fA-F]+|o[0-7]+)", text):
            return float(int(text, 0))
        is_number = re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|", text)
        return float(text or 0) if is_number else math.nan
    return float(value or 0) if isinstance(value, float | int | None) else math.nan


def _contains(container: Value, item: Value) -> Value:
    if isinstance(container, list):
        return any(_is_equal(element, item) for element in container)
    return not _is_compound(container) and to_text(item).casefold() in to_text(container).casefold()


def _format(pattern: Value, *values: Value) -> Value:
    def replacement(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        index = int(match[1])
        return to_text(values[index]) if index < len(values) else match[0]

    return re.sub(r"\{\{|\}\}|\{(\d+)\}", replacement, to_text(pattern))


def _from_json(text: Value) -> Value:
    try:
        return json.loads(to_text(text), parse_int=float)  # type: ignore[no-any-return]
    except ValueError as error:
        raise ExpressionError(f"the argument of `fromJSON` is not JSON: {error}") from error


#: The supported functions by name in lower case, with their minimum and maximum number of arguments.
_FUNCTIONS: dict[str, tuple[int, int, Callable[..., Value]]] = {
    "contains": (2, 2, _contains),
    "startswith": (2, 2, lambda text, prefix: to_text(text).casefold().startswith(to_text(prefix).casefold())),
    "endswith": (2, 2, lambda text, suffix: to_text(text).casefold().endswith(to_text(suffix).casefold())),
    "format": (1, 255, _format),
    "fromjson": (1, 1, _from_json),
}
