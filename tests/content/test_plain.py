"""The text of a message that has only HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrules.content.plain import plain
from flowrules.content.render import Rendered, Templates
from flowrules.model.snapshot import Template


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello</p>", "Hello\n"),
        ("", ""),
        ("<h1>Dear &amp; near</h1>\n<p>one\n  two<br>three</p><p>four</p>", "Dear & near\n\none two\nthree\n\nfour\n"),
        ("<p>See <a href='https://x.example/a?b=1&amp;c=2'>our <b>shop</b></a>.</p>", "See our shop (https://x.example/a?b=1&c=2).\n"),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example\n"),
        ("<a href='mailto:me@x.example'>me@x.example</a>", "me@x.example\n"),
        ("<a href='https://x.example'><img src='a.png' alt='Shop'></a>", "Shop (https://x.example)\n"),
        ("<a href='https://x.example'><img src='a.png'></a>", "https://x.example\n"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter\n"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        ("<head><title>x</title><style>p { color: red }</style></head><script>alert(1)</script><p>y</p>", "y\n"),
        ("<p>open <b>never closed", "open never closed\n"),
        ("a < b & c &lt;b&gt;", "a < b & c <b>\n"),
        ("<p>one<![if !mso]> two<![endif]><!--[if mso]>three<![endif]--></p>", "one two\n"),
        ("a<![;>b<![>c<![CDATA[d]]>e", "abce\n"),
        ("<![if !mso]>a<![endif]> b<![;]>", "a b\n"),
        ("<![;", "<![;\n"),
    ],
)  # fmt: skip
def test_what_stands_there(html: str, text: str) -> None:
    assert plain(html) == text


_PIECES = [
    *"<>/ab&;\"'=! -\n#x?[]",
    "<!",
    "<![",
    "<!--",
    "-->",
    "]]>",
    "<a href='",
    "</a>",
    "<li>",
    "<style>",
    "<?",
    "&#",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join))
def test_any_html_goes_through(html: str) -> None:
    text = plain(html)
    assert "\n\n\n" not in text
    assert text == text.strip() + ("\n" if text else "")


def test_a_message_of_html_alone_has_a_text() -> None:
    letter = "---\nsubject: Hello\n---\n<p>Dear {{ customer.name }}</p>\n"
    templates = Templates(
        [Template("email", "hello", "templates/email/hello.html", letter.replace("{{ customer.name }}", "you"))]
    )
    assert templates.render("email", "hello", []) == Rendered("Hello", "Dear you\n", "<p>Dear you</p>\n")
