from __future__ import annotations

from html.parser import HTMLParser

from talkingface.evaluation.web.markup import Markup, element, escaped, joined


def test_texts_are_escaped_and_markup_is_not() -> None:
    assert escaped("<b> & \"c\" 'd'") == "&lt;b&gt; &amp; &quot;c&quot; &#x27;d&#x27;"
    assert element("p", "a < b", element("b", "c")) == "<p>a &lt; b<b>c</b></p>"
    assert joined(["<", Markup("<br>")]) == "&lt;<br>"


def test_attributes_cannot_be_broken_out_of() -> None:
    found: list[tuple[str, list[tuple[str, str | None]]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, attrs))

    value = "x\" onload='alert(1)' y=\"<i>"
    Reader().feed(element("img", alt=value, data_wide=2, hidden=True, title=None, src=False))
    assert found == [("img", [("alt", value), ("data-wide", "2"), ("hidden", None)])]


def test_names_with_stray_bytes_and_control_signs_can_be_written() -> None:
    name = b"clip\xff.mp4".decode("utf-8", "surrogateescape") + "\x00\x1b"
    assert escaped(name).encode("utf-8") == "clip?.mp4\ufffd\ufffd".encode()


def test_children_may_be_lists_and_none() -> None:
    assert element("tr", None, [element("td", "1"), "2"]) == "<tr><td>1</td>2</tr>"
