"""The slots of templates that the server and the browser fill alike."""

from __future__ import annotations

import pytest

from lib.slots import SlotTemplate


def fill(template: str, **fields: object) -> str:
    return SlotTemplate(template).fill(fields)


def test_a_slot_is_escaped_in_texts_and_values() -> None:
    assert fill("<p>{who} said:</p>", who="<b> & 'c'") == "<p>&lt;b&gt; &amp; &#x27;c&#x27; said:</p>"
    assert (
        fill('<a href="/chats/{id}" title="{title}">', id=7, title='"x"') == '<a href="/chats/7" title="&quot;x&quot;">'
    )
    assert fill("<p>{title}</p>", title="{id} %s %(id)s") == "<p>{id} %s %(id)s</p>"
    assert fill("<p>100 % {id} {}</p>", id=0) == "<p>100 % 0 {}</p>"


def test_an_attribute_of_one_slot_can_be_left_out_or_empty() -> None:
    template = '<p hidden="{is_hidden}" class="a">'
    assert fill(template, is_hidden=False) == fill(template, is_hidden=None) == '<p class="a">'
    assert fill(template, is_hidden=True) == '<p hidden class="a">'
    assert fill(template, is_hidden="") == '<p hidden="" class="a">'
    assert fill(template, is_hidden=0) == '<p hidden="0" class="a">'


def test_elements_stand_there_or_not() -> None:
    template = '<div><i data-if="is_new"><b>new</b><br></i> <i class="{kind}" data-unless="is_new">old</i></div>'
    assert fill(template, is_new=True, kind="k") == "<div><i><b>new</b><br></i> </div>"
    for value in (False, None, 0, "", []):
        assert fill(template, is_new=value, kind="k") == '<div> <i class="k">old</i></div>'
    assert fill('<img data-if="url" src="{url}"><br data-unless="url">', url="/a") == '<img src="/a">'
    assert fill('<img data-if="url" src="{url}"><br data-unless="url">', url=None) == "<br>"


def test_elements_of_one_kind_nest() -> None:
    template = '<p><p data-if="a"><p><p data-if="b">{b}</p></p>{a}</p>!</p>'
    assert fill(template, a=1, b=2) == "<p><p><p><p>2</p></p>1</p>!</p>"
    assert fill(template, a=1, b=0) == "<p><p><p></p>1</p>!</p>"
    assert fill(template, a=0, b=2) == "<p>!</p>"


def test_an_element_for_each_item_sees_its_fields_and_the_outer_ones() -> None:
    template = '<ul>\n <li data-each="people" data-if="name" title="{title}">{name}</li></ul>{name}'
    people = [{"name": "ann"}, {"name": ""}, {"name": "bob", "title": False}]
    assert fill(template, people=people, title="t", name="out") == ('<ul>\n <li title="t">ann</li><li>bob</li></ul>out')
    assert fill(template, people=[], title="t", name="out") == "<ul>\n </ul>out"


def test_trusted_html_replaces_the_content() -> None:
    assert fill('<div class="prose" data-html="text">is <b>dropped</b></div>.', text="<p>{x}</p>") == (
        '<div class="prose"><p>{x}</p></div>.'
    )


def test_a_missing_field_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("<p>{nobody}</p>")


def test_a_text_without_a_value_is_empty() -> None:
    assert fill("<p>{name}{is_new}</p>", name=None, is_new=False) == "<p></p>"
