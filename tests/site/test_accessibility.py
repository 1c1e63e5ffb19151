"""Markup that is added to pages, and markup that stays unchanged."""

from __future__ import annotations

import pytest

from binoc_runbook.site.accessibility import NARROWEST, readable

LONG = "x" * (NARROWEST + 1)


def test_code_wider_than_a_screen_can_be_focused():
    assert (
        readable(f"<pre><span></span>short\n{LONG}\n</pre>") == f'<pre tabindex="0"><span></span>short\n{LONG}\n</pre>'
    )


@pytest.mark.parametrize(
    "markup",
    [
        f"<pre>{'x' * NARROWEST}\n{'y' * NARROWEST}</pre>",
        f'<pre><span class="wide only as HTML">{"&lt;" * NARROWEST}</span></pre>',
        f'<pre tabindex="0">{LONG}</pre>',
        '<div class="output text_html"><p>no table</p></div>',
        "<summary>text</summary>",
    ],
)
def test_complete_markup_is_unchanged(markup):
    assert readable(markup) == markup


def test_label_of_a_table_is_its_caption():
    head = '<table class="docutils" id="a">\n'
    caption = '<caption><span>Which &amp; "why"</span><a class="headerlink" href="#a">¶</a></caption></table></div>'
    markup = readable(f'<div class="table-wrapper docutils container">\n{head}{caption}')
    assert markup.startswith('<div class="table-wrapper docutils container" tabindex="0" role="group"')
    assert ' aria-label="Which &amp; &quot;why&quot;">' in markup
    assert readable(markup) == markup


def test_table_in_a_cell_output_can_be_focused():
    markup = readable('<div class="output text_html"><table><tr><td>1</td></tr></table></div>')
    assert markup.startswith('<div class="output text_html" tabindex="0" role="group" aria-label="table"><table>')


def test_summary_of_a_folded_cell_has_no_other_label():
    assert (
        readable('<summary aria-label="Toggle hidden content"><p>Show</p></summary>')
        == "<summary><p>Show</p></summary>"
    )


def test_caption_of_a_table_of_contents_has_a_heading_level():
    markup = readable('<p class="caption" role="heading"><span>How-to</span></p>')
    assert markup == '<p class="caption" role="heading" aria-level="2"><span>How-to</span></p>'


def test_parameters_of_a_signature_are_a_list():
    markup = readable("<dt>f(<dl>\n<dd>a,</dd>\n<dd>b</dd>\n</dl>\n)</dt><dd>what it does</dd>")
    assert markup == '<dt>f(<ul class="sig-params">\n<li>a,</li>\n<li>b</li>\n</ul>\n)</dt><dd>what it does</dd>'
