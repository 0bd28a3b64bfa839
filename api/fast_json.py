"""JSON answers by orjson, which encodes them ten times as fast as the standard library."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from flask.json.provider import DefaultJSONProvider

# The standard library's encoder knows what Flask makes of dates.
OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME


class FastJson(DefaultJSONProvider):
    """Flask's, but for answers: UTF-8 without escapes, with keys in the order in which they were given."""

    sort_keys = False

    def response(self, *args: Any, **kwargs: Any) -> Response:
        answer: Any = self._prepare_response_obj(args, kwargs)
        try:
            body = orjson.dumps(answer, option=OPTIONS)
        except TypeError:
            # It has something that only Flask can encode, such as a sentence to be translated or half a surrogate pair.
            body = self.dumps(answer).encode()
        return Response(body + b"\n", mimetype=self.mimetype)
