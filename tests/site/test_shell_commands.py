"""Shell commands of pages: tokens and comments."""

from __future__ import annotations

import pytest
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.token import Text

from binoc_runbook.site.shell_commands import REMARK, REMARK_CLASS, CommandLexer


@pytest.mark.parametrize("word", ["0.4.0", "0.4.0-rc.1", "1.10", "2025", "v0.4.0", "runbooks/release.ipynb"])
def test_word_is_one_token(word):
    tokens = list(CommandLexer().get_tokens(f"./just rehearse {word} --quick\n"))
    assert (Text, word) in tokens


def test_comments_have_their_own_class():
    text = "# first\n./just check  # second\nA=1 git tag 'a # b'\n"
    tokens = list(CommandLexer().get_tokens(text))
    assert "".join(value for _, value in tokens) == text
    comments = "".join(value for kind, value in tokens if kind is REMARK)
    assert comments == "# first  # second"
    assert highlight(text, CommandLexer(), HtmlFormatter()).count(f'<span class="c1 {REMARK_CLASS}">') == 2
