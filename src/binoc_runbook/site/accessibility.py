"""Accessible pages: with a keyboard, a screen reader, on a phone, on paper, and without a script.

    extensions = ["binoc_runbook.site.accessibility"]

Sphinx, MyST-NB and themes leave some of it out. What is missing is added to the markup itself, so that it is there
before any script runs: what may have to be scrolled can be reached by keyboard, and a summary is announced by its own
words. The looks are in `accessibility.css`.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from binoc_runbook.site.stylesheets import add_style

#: How many characters of code stand side by side on a screen of 320 pixels; a longer line has to be scrolled there.
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
    """Complete the HTML of a page's content, as Sphinx and MyST-NB write it; what is complete stays as it is.

    - A block of code, or a table, that can be wider than the screen becomes a stop of the Tab key, from which the arrow
      keys scroll it (WCAG 2.1.1); a table there is announced by its caption.
    - The summary of a folded cell loses the label by which MyST-NB hides its words (WCAG 2.5.3).
    - The parameters of a signature, which Sphinx lists as definitions of nothing, become a plain list (WCAG 1.3.1).
    - The caption of a table of contents, a heading by its role, gets a level.
    """
    body = _CODE.sub(_reachable_code, body)
    for pattern in (_TABLE, _OUTPUT):
        body = pattern.sub(_reachable_table, body)
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    body = _PARAMETERS.sub(_plain_list, body)
    return levelled(body)


def levelled(markup: str) -> str:
    """Give the captions of tables of contents, to which Sphinx gives the role of a heading, the level below a title."""
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
    words = _TAG.sub("", _PERMALINK.sub("", caption["words"])).strip() if caption else "table"
    rest = match.groupdict().get("rest") or ""
    named = f'class="{match["classes"]}" tabindex="0" role="group" aria-label="{words.replace(chr(34), "&quot;")}"'
    return f"<div {named}{rest}>{match['head']}"


def _wrap_tables(app: Sphinx, document: nodes.document, page: str) -> None:
    """Let every table scroll in a box of its own, also those that are made after a theme has wrapped the others."""
    for table in list(document.findall(nodes.table)):
        if "table-wrapper" in table.parent.get("classes", ()):
            table.parent["ids"] = []  # furo gives a wrapper those of its table too
            continue
        wrapper = nodes.container(classes=["table-wrapper"])
        table.parent.replace(table, wrapper)
        wrapper += table


def _complete(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = readable(context["body"])
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = levelled(context["furo_navigation_tree"])


def setup(app: Sphinx) -> dict[str, Any]:
    """Complete every page of a site."""
    # After those of the theme, some of which it corrects.
    add_style(app, _STYLE, priority=900)
    app.connect("doctree-resolved", _wrap_tables, priority=900)
    app.connect("html-page-context", _complete, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
