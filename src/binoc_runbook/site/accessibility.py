"""Accessible pages: for keyboards, screen readers, phones and paper, and without JavaScript.

    extensions = ["binoc_runbook.site.accessibility"]

This extension adds to the HTML the markup that Sphinx, MyST-NB and themes omit: scrollable elements can be focused with
the keyboard, and the accessible name of a summary is its text. The styles are in `accessibility.css`.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.site.stylesheets import add_style

#: The number of characters of code that fit in a line on a screen of 320 pixels; longer lines must be scrolled.
NARROWEST = 30

_STYLE = Path(__file__).with_name("accessibility.css")
_CODE = re.compile(r"<pre(?P<attributes>[^>]*)>(?P<code>.*?)</pre>", re.DOTALL)
_TABLE = re.compile(
    r'<div class="(?P<classes>table-wrapper[^"]*)"(?P<rest>(?:(?!tabindex)[^>])*)>(?P<head>\s*<table[^>]*>\s*)'
)
_OUTPUT = re.compile(r'<div class="(?P<classes>output text_html)">(?P<head>\s*<table[^>]*>\s*)')
_PARAMETERS = re.compile(r"<dl>\n(?P<lines>(?:<dd>.*?</dd>\n?)+)</dl>", re.DOTALL)
_CAPTION = re.compile(r"<caption>(?P<words>.*?)</caption>", re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def readable(body: str) -> str:
    """Return the HTML of a page's content with the missing markup; complete HTML is returned unchanged.

    - Code blocks and tables that can be wider than the screen get `tabindex`, so that the arrow keys can scroll them
      (WCAG 2.1.1); the label of a table is its caption.
    - The summary of a folded cell loses the `aria-label` that MyST-NB puts over its text (WCAG 2.5.3).
    - The parameters of a signature, a `<dl>` without terms in Sphinx, become a `<ul>` (WCAG 1.3.1).
    - The caption of a table of contents, which has the role of a heading, gets a level.
    """
    body = _CODE.sub(_reachable_code, body)
    for pattern in (_TABLE, _OUTPUT):
        body = pattern.sub(_reachable_table, body)
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    body = _PARAMETERS.sub(_plain_list, body)
    return add_heading_level(body)


def add_heading_level(markup: str) -> str:
    """Add level 2 to captions of tables of contents, which have the role of a heading in Sphinx."""
    return markup.replace('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">')


def _plain_list(match: re.Match[str]) -> str:
    lines = match["lines"].replace("<dd>", "<li>").replace("</dd>", "</li>")
    return f'<ul class="sig-params">\n{lines}</ul>'


def _reachable_code(match: re.Match[str]) -> str:
    lines = html.unescape(_TAG.sub("", match["code"])).splitlines()
    if "tabindex" in match["attributes"] or max(map(len, lines), default=0) <= NARROWEST:
        return match[0]
    return f'<pre tabindex="0"{match["attributes"]}>{match["code"]}</pre>'


def _reachable_table(match: re.Match[str]) -> str:
    caption = _CAPTION.match(match.string, match.end())
    label = _TAG.sub("", _PERMALINK.sub("", caption["words"])).strip() if caption else "table"
    rest = match.groupdict().get("rest") or ""
    attributes = f'class="{match["classes"]}" tabindex="0" role="group" aria-label="{label.replace(chr(34), "&quot;")}"'
    return f"<div {attributes}{rest}>{match['head']}"


def _wrap_tables(app: Sphinx, document: nodes.document, page: str) -> None:
    """Wrap every table in a scrollable container, including tables that were added after the theme did this.

    Names in it are not broken at hyphens.
    """
    for table in list(document.findall(nodes.table)):
        for name in table.findall(nodes.literal):
            if len(name.astext()) <= NARROWEST:
                name["classes"].append("short")
        if "table-wrapper" in table.parent.get("classes", ()):
            table.parent["ids"] = []  # furo copies the ids of a table to its wrapper
            continue
        wrapper = nodes.container(classes=["table-wrapper"])
        table.parent.replace(table, wrapper)
        wrapper += table


def _complete(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = readable(context["body"])
    if context.get("furo_navigation_tree"):  # none in a site with one page
        context["furo_navigation_tree"] = add_heading_level(context["furo_navigation_tree"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Complete every page of a site."""
    # After the styles of the theme, some of which it overrides.
    add_style(app, _STYLE, priority=900)
    app.connect("doctree-resolved", _wrap_tables, priority=900)
    app.connect("html-page-context", _complete, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
