"""Recipes of a justfile, as far as the rules of the workflow need them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.checks.workflow.commands import commands

_RECIPE = re.compile(
    r"^@?(?P<name>[A-Za-z_][\w-]*)(?P<parameters> [^:\n]*)?:(?!=)(?P<dependencies>.*)\n(?P<body>(?:(?:[ \t].*)?\n)*)",
    re.MULTILINE,
)
_ALIAS = re.compile(r"^alias +([\w-]+) *:= *([\w-]+)", re.MULTILINE)
#: The lines of a recipe that a shell reads, without the prefixes of just.
_PREFIX = re.compile(r"^[ \t]+[@-]*", re.MULTILINE)


@dataclass(frozen=True)
class Justfile:
    """The names of the recipes with their scripts and dependencies; aliases have those of their recipes.

    A script is `None` if its commands are unknown: another language, or another PATH than that of the caller.
    """

    scripts: Mapping[str, str | None]
    #: The text of each recipe, in any language.
    texts: Mapping[str, str]
    dependencies: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, root: Path) -> Justfile | None:
        """Read the justfile of a directory; `None` without one, or if it imports others."""
        file = next((file for name in ("justfile", "Justfile", ".justfile") if (file := root / name).is_file()), None)
        text = f"{file.read_text('utf-8', errors='replace')}\n" if file else ""
        if not file or re.search(r"^(?:import|mod)\b", text, re.MULTILINE):
            return None
        scripts: dict[str, str | None] = {}
        texts: dict[str, str] = {}
        dependencies: dict[str, tuple[str, ...]] = {}
        for recipe in _RECIPE.finditer(text):
            other_language = re.match(r"\s*#!(?!.*\b(?:ba|z|da)?sh\b)", recipe["body"])
            unknown = other_language or re.search(r"\bPATH\b|^set +(?:windows-)?shell\b(?!.*sh\")", text, re.MULTILINE)
            texts[recipe["name"]] = _PREFIX.sub("", recipe["body"])
            scripts[recipe["name"]] = None if unknown else texts[recipe["name"]]
            dependencies[recipe["name"]] = tuple(re.findall(r"[A-Za-z_][\w-]*", recipe["dependencies"]))
        for alias, name in _ALIAS.findall(text):
            scripts[alias], dependencies[alias] = scripts.get(name), dependencies.get(name, ())
            texts[alias] = texts.get(name, "")
        return cls(scripts, texts, dependencies)

    def commands(self, recipe: str) -> Iterator[list[str]] | None:
        """Return the commands of a recipe, after those of its dependencies; `None` if they are unknown."""
        scripts = [self.scripts[name] for name, _ in self.bodies(recipe)]
        if not scripts or None in scripts:
            return None
        return (words for script in scripts for words in commands(script or ""))

    def bodies(self, recipe: str) -> list[tuple[str, str]]:
        """Return the names and texts of a recipe and its dependencies, the dependencies first."""
        order: list[str] = []
        waiting = [recipe]
        while waiting:
            name = waiting.pop()
            if name in self.texts and name not in order:
                order.append(name)
                waiting += self.dependencies[name]
        return [(name, self.texts[name]) for name in reversed(order)]
