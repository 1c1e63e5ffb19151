"""Nodes of a YAML file with their places in its text, and edits of the text that change one node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

#: Keys and indices from the root to a node.
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Item:
    """A node with its path; `key` is the node of its key, `parent` the collection that contains it."""

    path: Path
    node: Any
    key: Any = None
    parent: Any = None

    @property
    def name(self) -> str:
        """Return the path as text: `jobs.build.steps[0].run`."""
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return text.removeprefix(".")

    @property
    def last_key(self) -> str:
        """Return the last key of the path; an element of a list has that of the list."""
        return next((part for part in reversed(self.path) if isinstance(part, str)), "")


class Document:
    """The text of a YAML file, its nodes, and functions that return the text with one change."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = yaml.compose(text, Loader=yaml.CSafeLoader)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        for line in self.text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return starts

    def items(self) -> list[Item]:
        """Return all nodes in the order of the file."""
        return list(_walk(Item((), self.root)))

    def offset(self, mark: Any) -> int:
        """Return the index in the text of a mark."""
        return self._line_starts[mark.line] + int(mark.column)

    def source(self, node: Any) -> str:
        """Return the text of a node."""
        return self.text[self.offset(node.start_mark) : self.offset(node.end_mark)]

    def replace(self, node: Any, text: str) -> str:
        """Return the text with another text for a scalar or a collection in one line."""
        ending = "\n" if is_block(node) and not text.endswith("\n") else ""
        start, end = self.offset(node.start_mark), self._end(node)
        return self.text[:start] + text + ending + self.text[end:]

    def scalar(self, node: Any, value: str) -> str:
        """Return the text with another value for a scalar, in its style."""
        return self.replace(node, self.spelled(node, value))

    def spelled(self, node: Any, value: str) -> str:
        """Return a value in the style of a scalar; a plain scalar that would be something else is quoted."""
        if node.style == "|" or "\n" in value.rstrip("\n"):
            indent = " " * (self._indent(node) + 2)
            lines = "".join(f"{indent}{line}\n" if line else "\n" for line in value.rstrip("\n").split("\n"))
            return f"|\n{lines}" if value.endswith("\n") or node.style == "|" else f"|-\n{lines}"
        if node.style in ("'", '"') or not _is_plain(value):
            return "'" + value.replace("'", "''") + "'"
        return value

    def drop(self, item: Item) -> str:
        """Return the text without an entry of a mapping or an element of a list."""
        children = _children(item.parent)
        if len(children) == 1:
            return self.replace(item.parent, "{}" if item.key is not None else "[]")
        if item.parent.flow_style:
            return self.replace(item.parent, self._flow(item.parent, [c for c in children if c[1] is not item.node]))
        start, end = self._span(item)
        return self.text[:start] + self.text[end:]

    def duplicate(self, item: Item) -> str:
        """Return the text with an entry or element twice."""
        if item.parent.flow_style:
            return self.replace(item.parent, self._flow(item.parent, [*_children(item.parent), (item.key, item.node)]))
        return self.insert_before(item, self._entry_text(item))

    def swap(self, item: Item, other: Item) -> str:
        """Return the text with two neighbouring elements in the other order."""
        if item.parent.flow_style:
            children = _children(item.parent)
            order = [{id(item.node): other, id(other.node): item}.get(id(node)) for _, node in children]
            nodes = [(new.key, new.node) if new else old for new, old in zip(order, children, strict=True)]
            return self.replace(item.parent, self._flow(item.parent, nodes))
        start, end = self._span(item)[0], self._span(other)[1]
        first, second = self._entry_text(item), self._entry_text(other)
        indent = " " * self._column(item)
        return f"{self.text[:start]}{indent}{second}\n{indent}{first}\n{self.text[end:]}"

    def insert_before(self, item: Item, entry: str) -> str:
        """Return the text with another entry before an entry or element; `entry` is without its first indentation."""
        start, _ = self._span(item)
        line = self.text[start:]
        lead = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        indent = " " * self._column(item)
        if lead.strip():  # the first key after the dash of an element
            return f"{self.text[:start]}{entry}\n{indent}{line}"
        return f"{self.text[:start]}{indent}{entry}\n{line}"

    def add_key(self, mapping: Any, key: str, value: str) -> str:
        """Return the text with another key in a mapping."""
        children = _children(mapping)
        if mapping.flow_style:
            inner = self._flow(mapping, children)[1:-1]
            return self.replace(mapping, f"{{{f'{inner}, ' if inner else ''}{key}: {value}}}")
        first = Item((), children[0][1], children[0][0], mapping)
        return self.insert_before(first, f"{key}: {value}")

    def _flow(self, parent: Any, children: list[tuple[Any, Any]]) -> str:
        parts = [f"{self.source(key)}: {self.source(node)}" if key else self.source(node) for key, node in children]
        left, right = ("{", "}") if parent.id == "mapping" else ("[", "]")
        return f"{left}{', '.join(parts)}{right}"

    def _column(self, item: Item) -> int:
        return int(item.key.start_mark.column if item.key is not None else item.node.start_mark.column - 2)

    def _indent(self, node: Any) -> int:
        line = self.text[self._line_starts[node.start_mark.line] :].partition("\n")[0]
        return len(line) - len(line.lstrip(" -"))

    def _span(self, item: Item) -> tuple[int, int]:
        """Return start and end of an entry; it ends before the next one, or with its last line."""
        start_mark = (item.key or item.node).start_mark
        start = self._line_starts[start_mark.line]
        if self.text[start : self.offset(start_mark)].strip() and item.key is not None:
            start = self.offset(start_mark)  # the first key after a dash
        children = _children(item.parent)
        index = next(number for number, child in enumerate(children) if child[1] is item.node)
        if index + 1 < len(children):
            following = children[index + 1][0] or children[index + 1][1]
            end = self._line_starts[following.start_mark.line]
            return start, self.offset(following.start_mark) if start == self.offset(start_mark) else end
        return start, self._line_starts[self._last_line(item.node)]

    def _last_line(self, node: Any) -> int:
        """Return the number of the line after a node."""
        if node.id != "scalar" and not node.flow_style and node.value:
            return self._last_line(_children(node)[-1][1])
        return int(node.end_mark.line) + (0 if is_block(node) else 1)

    def _end(self, node: Any) -> int:
        if node.id != "scalar" and not node.flow_style:
            return self._line_starts[self._last_line(node)] - 1
        return self.offset(node.end_mark)

    def _entry_text(self, item: Item) -> str:
        start_mark = (item.key or item.node).start_mark
        start = self.offset(start_mark) - (0 if item.key is not None else 2)
        return self.text[start : self._line_starts[self._last_line(item.node)]].rstrip("\n")


def is_block(node: Any) -> bool:
    """Return whether a node is a text of several lines, after `|` or `>`."""
    return node.id == "scalar" and node.style in ("|", ">")


def _children(node: Any) -> list[tuple[Any, Any]]:
    return list(node.value) if node.id == "mapping" else [(None, element) for element in node.value]


def _walk(item: Item) -> Iterator[Item]:
    yield item
    if item.node.id == "mapping":
        for key, value in item.node.value:
            yield from _walk(Item((*item.path, key.value), value, key, item.node))
    elif item.node.id == "sequence":
        for number, element in enumerate(item.node.value):
            yield from _walk(Item((*item.path, number), element, None, item.node))


def _is_plain(value: str) -> bool:
    try:
        node = yaml.compose(f"- {value}\n", Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return False
    return bool(node.value and node.value[0].id == "scalar" and node.value[0].value == value)
