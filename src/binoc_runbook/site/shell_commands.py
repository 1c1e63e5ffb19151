"""Shell commands of pages: highlighted as words, marked if they need an account, and copied without comments.

    extensions = ["binoc_runbook.site.shell_commands"]

A block tagged `sh` whose first line is `# needs an account` is shown without this line and with a badge, so that a copy
button copies only what runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from pygments.lexer import bygroups, inherit
from pygments.lexers.shell import BashLexer, BashSessionLexer
from pygments.token import Comment, Text, Whitespace
from sphinx.application import Sphinx

from binoc_runbook.site.stylesheets import add_style

#: The first line of a block whose commands need an account.
MARK = "# needs an account\n"

LANGUAGE = "sh"

#: The token of a comment, and the CSS class that Pygments gives it.
REMARK = Comment.Single.Remark
REMARK_CLASS = "c1-Remark"

_STYLE = Path(__file__).with_name("shell_commands.css")


class CommandLexer(BashLexer):  # type: ignore[misc] # Pygments has no types
    """Bash, except that a word with digits is one token, such as 0.4.0, and that comments have their own class.

    This class, which is styled like that of other comments, lets the copy button omit comments here, and keep them in
    other languages.
    """

    name = "Commands"
    aliases: ClassVar[list[str]] = [LANGUAGE]
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (r"(^|[ \t]+)(#.*)(\n?)", bygroups(REMARK, REMARK, Whitespace)),
            (r"(?<![^\s=])\d[\w.+/-]*(?=\s|$)", Text),
            inherit,
        ],
    }


class SessionLexer(BashSessionLexer):  # type: ignore[misc]
    """Commands after a prompt, with their output."""

    name = "Session of commands"
    aliases: ClassVar[list[str]] = ["console"]
    _innerLexerCls = CommandLexer  # noqa: N815 - the name of Pygments


def mark_commands(app: Sphinx, document: nodes.document) -> None:
    """Replace the first line of marked blocks by a badge."""
    for block in list(document.findall(nodes.literal_block)):
        text = block.astext()
        if block.get("language") == LANGUAGE and text.startswith(MARK):
            commands = text.removeprefix(MARK)
            block.rawsource, block.children = commands, []
            block += nodes.Text(commands)
            badge = nodes.paragraph("", "", nodes.inline("", "needs an account"), classes=["needs-account"])
            block.parent.insert(block.parent.index(block), badge)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the lexer and the badge, and omit comments of commands from copies."""
    app.add_lexer(LANGUAGE, CommandLexer)
    app.add_lexer("console", SessionLexer)
    app.connect("doctree-read", mark_commands)
    app.connect("config-inited", _omit_comments, priority=400)  # before the extension reads the value
    add_style(app, _STYLE)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _omit_comments(app: Sphinx, config: Any) -> None:
    if "copybutton_exclude" in config:
        config.copybutton_exclude = f"{config.copybutton_exclude}, .{REMARK_CLASS}"
