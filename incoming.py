"""What comes in: files straight to the disk, under the names that people gave them, and what nobody reads."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace
from typing import IO, Any, cast

import flask
from flask import g, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import File

import models
from models.base import Media

# What is read off after an answer, at most, and for how long.
LEFT_MAX = 32 * 2**20
LEFT_SECONDS = 5
QUOTED_NAME = re.compile(r'\bfilename="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
# Before anything else a backslash in quotes is no escape, but a part of a path of Windows.
PATH_MARK = re.compile(r'\\[^"\\]')


class Multipart(MultiPartParser):
    """Werkzeug's, but for names with a path of Windows: it takes each backslash for an escape and glues the parts."""

    def start_file_streaming(self, event: File, total_content_length: int | None) -> IO[bytes]:
        said = QUOTED_NAME.search(event.headers.get("content-disposition", ""))
        if said and PATH_MARK.search(said[1]):
            event = replace(event, filename=said[1].rpartition("\\")[2])
        return super().start_file_streaming(event, total_content_length)


class Parser(FormDataParser):
    """Werkzeug's, with the parser above."""

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("Missing boundary")
        parser = Multipart(
            stream_factory=self.stream_factory,
            max_form_memory_size=self.max_form_memory_size,
            max_form_parts=self.max_form_parts,
            cls=self.cls,
        )
        return stream, *parser.parse(stream, boundary, content_length)


class Request(flask.Request):
    """Uploaded files go straight to the media folder's side room, hashed and bounded on their way."""

    form_data_parser_class = Parser

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        upload = Media.store.receive(filename or "", content_type or "", models.limits.file_max)
        g.setdefault("uploads", []).append(upload)
        return cast("IO[bytes]", upload)


def read_off(response: flask.Response) -> flask.Response:
    """After an error, read what is left of the request: else the connection could serve no other one, and would break.

    gunicorn reads off 64 KiB itself, and says keep-alive before it knows.
    """
    if response.status_code >= 400 and (request.content_length or "Transfer-Encoding" in request.headers):
        body, connection = request.environ["wsgi.input"], request.environ.get("gunicorn.socket")
        if connection is not None:
            response.call_on_close(lambda: discard(body, connection))
    return response


def discard(body: IO[bytes], connection: Any) -> None:
    """Read a body to its end. Who sends too much, or pauses too long, is left to the server, which hangs up."""
    patience, left, end = connection.gettimeout(), LEFT_MAX, time.monotonic() + LEFT_SECONDS
    connection.settimeout(LEFT_SECONDS)
    with contextlib.suppress(OSError):
        while left > 0 and time.monotonic() < end and (piece := body.read(min(left, 2**16))):
            left -= len(piece)
    connection.settimeout(patience)
