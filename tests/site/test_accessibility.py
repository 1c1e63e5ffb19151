"""What is added to the markup of a page, and what is left as it is."""

from __future__ import annotations

import pytest

from binoc_runbook.site.accessibility import NARROWEST, readable

LONG = "x" * (NARROWEST + 1)


def test_a_line_that_may_be_wider_than_a_screen_is_a_stop_of_the_keyboard():
    assert (
        readable(f"<pre><span></span>short\n{LONG}\n</pre>") == f'<pre tabindex="0"><span></span>short\n{LONG}\n</pre>'
    )


@pytest.mark.parametrize(
    "markup",
    [
        f"<pre>{'x' * NARROWEST}\n{'y' * NARROWEST}</pre>",
        f'<pre><span class="of which nobody sees anything">{"&lt;" * NARROWEST}</span></pre>',
        f'<pre tabindex="0">{LONG}</pre>',
        '<div class="output text_html"><p>no table</p></div>',
        "<summary>words of its own</summary>",
    ],
)
def test_what_needs_nothing_stays_as_it_is(markup):
    assert readable(markup) == markup


def test_a_table_is_announced_by_its_caption():
    head = '<table class="docutils" id="a">\n'
    caption = '<caption><span>Which &amp; "why"</span><a class="headerlink" href="#a">¶</a></caption></table></div>'
    told = readable(f'<div class="table-wrapper docutils container">\n{head}{caption}')
    assert told.startswith('<div class="table-wrapper docutils container" tabindex="0" role="group"')
    assert ' aria-label="Which &amp; &quot;why&quot;">' in told
    assert readable(told) == told


def test_a_table_that_a_cell_shows_can_be_scrolled_too():
    told = readable('<div class="output text_html"><table><tr><td>1</td></tr></table></div>')
    assert told.startswith('<div class="output text_html" tabindex="0" role="group" aria-label="table"><table>')


def test_a_folded_cell_is_announced_by_its_words():
    assert (
        readable('<summary aria-label="Toggle hidden content"><p>Show</p></summary>')
        == "<summary><p>Show</p></summary>"
    )


def test_the_caption_of_a_table_of_contents_is_a_heading_of_a_level():
    told = readable('<p class="caption" role="heading"><span>How-to</span></p>')
    assert told == '<p class="caption" role="heading" aria-level="2"><span>How-to</span></p>'


def test_the_parameters_of_a_signature_are_a_list():
    told = readable("<dt>f(<dl>\n<dd>a,</dd>\n<dd>b</dd>\n</dl>\n)</dt><dd>what it does</dd>")
    assert told == '<dt>f(<ul class="sig-params">\n<li>a,</li>\n<li>b</li>\n</ul>\n)</dt><dd>what it does</dd>'
