"""The sections of a `CHANGELOG.md` in the format of *Keep a Changelog*.

A section begins with a level-2 heading, `## [0.4.0] - 2026-11-22` or `## 0.4.0`, and ends before the next one.
Headings inside fenced code and HTML comments are ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator

    from binoc_runbook.version import Version

#: The path of the changelog.
CHANGELOG = "CHANGELOG.md"

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
    """A heading: level, text, offset of its line, and offset of the next line."""

    level: int
    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """Return the version in a level-2 heading, without brackets and a leading `v`."""
        match = _NAME.match(self.text)
        name = (match[1] or match[2]) if match else ""
        return re.sub(r"^v(?=[0-9])", "", name.rstrip(":,"))


def section(text: str, version: Version) -> str | None:
    """Return the section of a version without its heading and the link definitions at the end.

    Return `None` if no heading has the version in either spelling, and an empty string if the section contains only
    headings and comments.
    """
    text = text.removeprefix(_MARK)
    sections = [heading for heading in _headings(text) if heading.level <= 2]
    ends = [heading.start for heading in sections[1:]] + [len(text)]
    for heading, end in zip(sections, ends, strict=False):
        if heading.level == 2 and heading.name in (version.semver, version.pep440):
            body = text[heading.end : end]
            return _without_links(body) if _has_text(body) else ""
    return None


def add_heading(text: str, version: Version, date: datetime.date) -> str:
    """Return a changelog with a heading for a version, above the unreleased changes; all other bytes are kept.

    `date` is the release date. If there is a section for the version, the text is returned unchanged. Without a
    section `Unreleased`, the new section is empty and precedes the newest version.
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
    # After a fence that is not closed, the heading would be code.
    return appended if section(appended, version) is not None else title + line_end + text


def _after(before: str, title: str, line_end: str) -> str:
    return before + ("" if before.endswith("\n") else line_end) + line_end + title


def _headings(text: str) -> Iterator[_Heading]:
    """Yield the headings of a Markdown text (CommonMark 4.2), except those in fenced code and comments."""
    until: re.Pattern[str] | None = None  # the end of the code or comment that contains the line
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


def _has_text(body: str) -> bool:
    lines = _COMMENT.sub("", body).splitlines()
    return any(line.strip() and not _HEADING.fullmatch(line) and not _LINK.fullmatch(line) for line in lines)


def _without_links(body: str) -> str:
    """Return the text of a section without the link definitions at its end."""
    lines = body.strip().splitlines()
    while lines and (not lines[-1].strip() or _LINK.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines)
