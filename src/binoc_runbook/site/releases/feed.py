"""Atom feed of the releases (RFC 4287), newest first; it needs the address of the site."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urljoin
from xml.etree import ElementTree

from binoc_runbook.site.releases.overview import state
from binoc_runbook.site.releases.record_files import RecordedRelease

#: The name of the file, in the directory of the releases, and its MIME type.
FEED, TYPE = "feed.atom", "application/atom+xml"

_NAMESPACE = "http://www.w3.org/2005/Atom"


def feed(releases: Sequence[RecordedRelease], project: str, author: str, base: str) -> bytes:
    """Return the feed as XML; `base` is the absolute URL of the list of releases."""
    root = ElementTree.Element("feed", xmlns=_NAMESPACE)
    _add(root, "title", f"Releases of {project}")
    _add(root, "id", base)
    _add(root, "updated", max(release.ended for release in releases))
    _add(_add(root, "author"), "name", author)
    _add(root, "link", rel="self", type=TYPE, href=urljoin(base, FEED))
    _add(root, "link", rel="alternate", type="text/html", href=base)
    for release in releases:
        address = urljoin(base, f"{release.version}.html") if release.has_page else base
        current = state(release)
        entry = _add(root, "entry")
        _add(entry, "title", f"{project} {release.version}")
        _add(entry, "id", urljoin(base, f"{release.version}.html"))
        _add(entry, "updated", release.ended)
        _add(entry, "link", rel="alternate", type="text/html", href=address)
        _add(entry, "summary", f"{release.tag}: {current.badge.partition(' ')[2]}")
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name, attributes)
    element.text = text or None
    return element
