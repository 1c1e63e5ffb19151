"""The sections of a `CHANGELOG.md` in the format of *Keep a Changelog*.

A section begins with a level-2 heading, `## [0.4.0] - 2026-11-22` or `## 0.4.0`, and ends before the next one.
Headings inside fenced code and HTML comments are ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from binoc_runbook.files import NOT_A_TEXT_FILE, read_file
from binoc_runbook.finding import Finding, Place

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator
    from pathlib import Path

    from binoc_runbook.version import Version

#: The path of the changelog, from the root of the checkout.
CHANGELOG = "CHANGELOG.md"

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_NAME = re.compile(r"\[([^\]]+)\]|(\S+)")
_LINK = re.compile(r" {0,3}\[([^\]]+)\]:\s*(\S+).*")
_COMPARISON = re.compile(r"(?P<before>.*/compare/)(?P<old>[^<>]+?)(?P<dots>\.{2,3})(?P<new>[^.<>][^<>]*)")
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


def read_changelog(root: Path, check: str) -> str | Finding:
    """Return the text of the changelog of a checkout, empty without a file, or a failed finding if it is unreadable."""
    try:
        content = read_file(root / CHANGELOG)
    except FileNotFoundError:
        return ""
    except OSError as error:
        restore = f"git checkout HEAD -- {CHANGELOG}"
        remedy = restore if error.errno in NOT_A_TEXT_FILE else f"make `{CHANGELOG}` readable"
        return Finding.failed(check, CHANGELOG, f"cannot be read: {error.strerror}", remedy)
    return decode_changelog(content, check)


def decode_changelog(content: bytes, check: str) -> str | Finding:
    """Return the text of a changelog, or a failed finding with the line of the first byte that is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        saw = f"is not UTF-8 (line {line}, column {column})"
        return Finding.failed(check, Place(CHANGELOG, line), saw, f"save `{CHANGELOG}` as UTF-8")


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


def add_link(text: str, version: Version, tag: str) -> str | None:
    """Return a changelog with the link definition of a version, and that of `Unreleased` moved to its tag.

    The new definition has the form of the existing ones: a comparison of two tags, or the page of a tag. The text is
    returned unchanged if no version has a definition, or this version has one. Return `None` if their form is unknown,
    or if the first of them is of a higher version.
    """
    links = [
        _Link(match[1], match[2], start, start + match.start(2), start + match.end(2))
        for line, start in _lines(text)
        if (match := _LINK.fullmatch(line))
    ]
    unreleased = next((link for link in links if link.label.lower() == "unreleased"), None)
    versions = [link for link in links if re.fullmatch(r"v?[0-9]+\.[0-9].*", link.label)]
    if any(link.label.removeprefix("v") in (version.semver, version.pep440) for link in versions):
        return text
    if not unreleased and not versions:
        return text
    line_end = "\r\n" if "\r\n" in text else "\n"
    url = _url(unreleased, versions, version, tag)
    if url is None:
        return None
    definition = f"[{version.semver}]: {url}{line_end}"
    if unreleased is None:
        return text[: versions[0].start] + definition + text[versions[0].start :]
    moved = _COMPARISON.fullmatch(unreleased.url)
    if moved is None:
        return None
    target = f"{moved['before']}{tag}{moved['dots']}{moved['new']}"
    rest = text.find("\n", unreleased.end) + 1 or len(text)
    ended = text[unreleased.end : rest] or line_end
    return text[: unreleased.url_start] + target + ended + definition + text[rest:]


class _Link(NamedTuple):
    """A link definition (CommonMark 4.7), with the offsets of its line and of its URL."""

    label: str
    url: str
    start: int
    url_start: int
    end: int


def _url(unreleased: _Link | None, versions: list[_Link], version: Version, tag: str) -> str | None:
    """Return the URL of a version, in the form of the newest one that has a definition."""
    newest = versions[0] if versions else None
    if newest and _is_higher(newest.label.removeprefix("v"), version):
        return None
    compared = _COMPARISON.fullmatch(newest.url) if newest else None
    open_end = _COMPARISON.fullmatch(unreleased.url) if unreleased else None
    # The first version has no older one to be compared with.
    if open_end and open_end["old"] != tag and (compared or len(versions) < 2):
        return f"{open_end['before']}{open_end['old']}{open_end['dots']}{tag}"
    if compared:
        return f"{compared['before']}{compared['new']}{compared['dots']}{tag}"
    if newest is None:
        return None
    former = tag.replace(version.semver, newest.label.removeprefix("v"))
    return newest.url.replace(former, tag) if newest.url.count(former) == 1 else None


def _is_higher(label: str, version: Version) -> bool:
    try:
        return type(version).parse(label) > version
    except ValueError:
        return False


def _after(before: str, title: str, line_end: str) -> str:
    return before + ("" if before.endswith("\n") else line_end) + line_end + title


def _headings(text: str) -> Iterator[_Heading]:
    """Yield the headings of a Markdown text (CommonMark 4.2)."""
    for line, start in _lines(text):
        if match := _HEADING.fullmatch(line):
            end = text.find("\n", start) + 1 or len(text)
            yield _Heading(len(match[1]), match[2] or "", start, end)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """Yield the lines of a Markdown text with their offsets, except those in fenced code and comments."""
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
        else:
            yield bare, start


def _has_text(body: str) -> bool:
    lines = _COMMENT.sub("", body).splitlines()
    return any(line.strip() and not _HEADING.fullmatch(line) and not _LINK.fullmatch(line) for line in lines)


def _without_links(body: str) -> str:
    """Return the text of a section without the link definitions at its end."""
    lines = body.strip().splitlines()
    while lines and (not lines[-1].strip() or _LINK.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines)
