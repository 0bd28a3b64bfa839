"""What comes in: files straight to the disk, under the names that people gave them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, cast

import flask
from flask import current_app, g
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData, State

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

QUOTED_NAME = re.compile(r'\bfilename="((?:[^"\\]|\\.)*+)"', re.IGNORECASE)
# Before anything else a backslash in quotes is no escape, but a part of a path of Windows.
PATH_MARK = re.compile(r'\\[^"\\]')
# Of one part: a name of 255 letters that a browser wrote as escapes, and as much again.
HEADERS_MAX = 8192
FIELDS_MAX = 1000
# urllib takes some 185 bytes of memory for each; 10,000 emoji have 40,000.
ESCAPES_MAX = 200_000
# RFC 2046, 5.1.1, allows 70.
BOUNDARY_MAX = 200
PIECE = 2**16
# What a browser can take has 200 letters; thousands of items would cost more than any page.
LISTS = ("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_ENCODING", "HTTP_ACCEPT_CHARSET")
LIST_MAX = 1000


class Decoder(MultipartDecoder):
    """Werkzeug's, which takes a part's headers of any length: a body of nothing else took ten seconds."""

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, NeedData) and self.state is State.PART and len(self.buffer) > HEADERS_MAX:
            raise RequestEntityTooLarge
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        if len(data) > HEADERS_MAX:
            raise RequestEntityTooLarge
        return super()._parse_headers(data)


class Parser(FormDataParser):
    """Reads forms within bounds: parts, their headers, and all that is no file are few and small, whatever arrives.

    Raises BadRequest for a malformed body, RequestEntityTooLarge.
    """

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        fields: list[tuple[str, BytesIO]] = []
        files: list[tuple[str, FileStorage]] = []
        part: IO[bytes] = BytesIO()
        left = self.max_form_memory_size or 0
        try:
            for event in self._events(options.get("boundary", "").encode("ascii"), stream):
                if isinstance(event, File):
                    part = self.stream_factory(None, event.headers.get("content-type"), file_name(event), None)
                    files.append(
                        (event.name or "", FileStorage(part, file_name(event), event.name, headers=event.headers))
                    )
                elif isinstance(event, Field):
                    fields.append((event.name or "", part := BytesIO()))
                elif isinstance(event, Data):
                    # Fields lie in memory, all of them together.
                    left -= len(event.data) if isinstance(part, BytesIO) else 0
                    if left < 0:
                        raise RequestEntityTooLarge
                    part.write(event.data)
        except ValueError as error:
            raise BadRequest("The body is malformed or cut short.") from error
        for _, file in files:
            file.seek(0)
        return (
            stream,
            self.cls((name, text.getvalue().decode("utf-8", "replace")) for name, text in fields),
            self.cls(files),
        )

    def _events(self, boundary: bytes, stream: IO[bytes]) -> Iterator[Event]:
        # Werkzeug's MultiPartParser can't be given a decoder.
        if not 0 < len(boundary) <= BOUNDARY_MAX:
            raise ValueError("no boundary that could be one")
        decoder = Decoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts)
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, NeedData):
                decoder.receive_data(stream.read(PIECE) or None)
            else:
                yield event

    def _parse_urlencoded(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        body = stream.read()
        if body.count(b"&") >= FIELDS_MAX or body.count(b"%") > ESCAPES_MAX:
            raise RequestEntityTooLarge
        return super()._parse_urlencoded(BytesIO(body), mimetype, len(body), options)


def file_name(part: File) -> str:
    """What a file is called; of a path of Windows the last part, of which Werkzeug glues the parts together."""
    quoted = QUOTED_NAME.search(part.headers.get("content-disposition", ""))
    return quoted[1].rpartition("\\")[2] if quoted and PATH_MARK.search(quoted[1]) else part.filename


class Request(flask.Request):
    """Uploaded files go straight to the folder for uploads, hashed and bounded on their way.

    Lists of what a client accepts are read as far as browsers write them.
    """

    form_data_parser_class = Parser

    def __init__(self, environ: WSGIEnvironment, *args: Any, **named: Any) -> None:
        for name in LISTS:
            if len(environ.get(name, "")) > LIST_MAX:
                # As if the header was missing.
                del environ[name]
        super().__init__(environ, *args, **named)

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        upload = current_app.config["RECEIVE_UPLOAD"](filename or "", content_type or "")
        g.setdefault("uploads", []).append(upload)
        return cast("IO[bytes]", upload)
