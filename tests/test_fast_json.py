"""JSON answers: encoded by orjson where it can, by Flask where it can't."""

from __future__ import annotations

from datetime import date

from flask import Flask
from flask_babel import lazy_gettext


def test_answers_are_utf_8_in_the_order_in_which_they_were_given(app: Flask) -> None:
    answer = app.json.response({"b": "привет 👍 <&>", "a": [1, None, True, 1.5]})
    assert answer.get_data() == '{"b":"привет 👍 <&>","a":[1,null,true,1.5]}\n'.encode()
    assert answer.content_type == "application/json"


def test_what_only_flask_can_encode_is_encoded_by_flask(app: Flask) -> None:
    with app.test_request_context():
        answer = app.json.response({"b": lazy_gettext("Today"), "half": "\ud800", "day": date(2026, 1, 31)})
    assert answer.get_json() == {"b": "Today", "half": "\ud800", "day": "Sat, 31 Jan 2026 00:00:00 GMT"}
