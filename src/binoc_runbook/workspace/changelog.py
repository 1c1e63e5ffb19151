"""The sections of a `CHANGELOG.md` in the form of *Keep a Changelog*.

A section begins with a heading of the second level, `## [0.4.0] - 2026-11-22` or `## 0.4.0`, and ends before the next.
Headings inside fenced code and HTML comments are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from binoc_runbook.version import Version

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_NAME = re.compile(r"\[([^\]]+)\]|(\S+)")
_LINK = re.compile(r" {0,3}\[[^\]]+\]:\s*\S+.*")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_COMMENT_START = re.compile(r" {0,3}<!--")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading: its level, its text, and the offsets of its line's start and of the next line."""

    level: int
    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """The version that a heading of the second level speaks of, without brackets and a leading `v`."""
        match = _NAME.match(self.text)
        name = (match[1] or match[2]) if match else ""
        return re.sub(r"^v(?=[0-9])", "", name.rstrip(":,"))


def section(text: str, version: Version) -> str | None:
    """What a changelog says about a version, without its heading and the link definitions at the end.

    `None` where no heading names the version in either spelling; an empty string where one does and nothing but
    further headings and comments follows it.
    """
    text = text.removeprefix(_MARK)
    sections = [heading for heading in _headings(text) if heading.level <= 2]
    ends = [heading.start for heading in sections[1:]] + [len(text)]
    for heading, end in zip(sections, ends, strict=False):
        if heading.level == 2 and heading.name in (version.semver, version.pep440):
            body = text[heading.end : end]
            return _without_links(body) if _says_something(body) else ""
    return None


def add_heading(text: str, version: Version, date: datetime.date) -> str:
    """A changelog in which what was unreleased stands under the heading of a version; every other byte is kept.

    `date` is the day of the release. A changelog that has a heading for the version is returned as it is. Where
    nothing is headed `Unreleased`, the heading is put before the newest version and has nothing under it.
    """
    if section(text, version) is not None:
        return text
    if text.startswith(_MARK):
        return _MARK + add_heading(text.removeprefix(_MARK), version, date)
    line_end = "\r\n" if "\r\n" in text else "\n"
    sections = [heading for heading in _headings(text) if heading.level == 2]
    bracketed = not sections or sections[0].text.startswith("[")
    name = f"[{version.semver}]" if bracketed else version.semver
    title = f"## {name} - {date.isoformat()}{line_end}"
    unreleased = next((heading for heading in sections if heading.name.lower() == "unreleased"), None)
    if unreleased:
        return _after(text[: unreleased.end], title, line_end) + text[unreleased.end :]
    if sections:
        return text[: sections[0].start] + title + line_end + text[sections[0].start :]
    appended = _after(text or f"# Changelog{line_end}", title, line_end)
    # After a fence that is never closed a heading would be code; so it is put before everything.
    return appended if section(appended, version) is not None else title + line_end + text


def _after(before: str, title: str, line_end: str) -> str:
    return before + ("" if before.endswith("\n") else line_end) + line_end + title


def _headings(text: str) -> Iterator[_Heading]:
    """The headings of a Markdown text (CommonMark 4.2), none of which stands in fenced code or a comment."""
    until: re.Pattern[str] | None = None  # what ends the code or the comment that the line stands in
    end = 0
    for line in _LINE.findall(text):
        start, end = end, end + len(line)
        bare = line.rstrip("\r\n")
        if until:
            if until.search(bare):
                until = None
        elif match := _FENCE.match(bare):
            until = re.compile(rf"^ {{0,3}}{re.escape(match[1])}{re.escape(match[1][0])}*[ \t]*$")
        elif match := _COMMENT_START.match(bare):
            until = None if "-->" in bare[match.end() :] else re.compile("-->")
        elif match := _HEADING.fullmatch(bare):
            yield _Heading(len(match[1]), match[2] or "", start, end)


def _says_something(body: str) -> bool:
    lines = _COMMENT.sub("", body).splitlines()
    return any(line.strip() and not _HEADING.fullmatch(line) and not _LINK.fullmatch(line) for line in lines)


def _without_links(body: str) -> str:
    """The text of a section without the link definitions that a changelog ends with."""
    lines = body.strip().splitlines()
    while lines and (not lines[-1].strip() or _LINK.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines)
