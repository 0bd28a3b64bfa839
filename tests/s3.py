"""A real S3 server, started by the tests, and a gate before it that checks signatures and makes trouble."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from people import settings_in

from config import Settings
from lib.s3 import Bucket

KEY_ID, SECRET, REGION = "key-of-the-tests", secrets.token_hex(20), "us-east-1"
# It ends with the tests, however these end: its standard input is theirs.
SERVE = """
import os, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
SKEW_MAX = 15 * 60


@dataclass
class Trouble:
    """What happens to a request instead of what should."""

    # An answer that refuses; with 200 its body comes after the headers of success.
    status: int = 0
    code: str = ""
    # Seconds before the request is passed on.
    delay: float = 0.0
    # The connection ends: before the server has the request, after it has it, or after so many bytes of the answer.
    drop: bool = False
    lose_answer: bool = False
    cut: int | None = None
    # The last byte of what is stored changes on its way.
    damage: bool = False

    def __str__(self) -> str:
        parts = [f"{name}={value}" for name, value in vars(self).items() if value not in ("", 0, None)]
        return ",".join(parts) or "none"


class Gate:
    """Stands before the S3 server: refuses wrong signatures and old requests, as S3 does, and makes trouble."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.clock = timedelta()
        self.trouble: Callable[[str, str], Trouble | None] = lambda method, path: None
        self.requests: list[tuple[str, str]] = []
        self.in_progress = 0
        self.released = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *values: Any) -> None:
                pass

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: gate.pass_on(self)
                raise AttributeError(name)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    def once(self, method: str, trouble: Trouble, times: int = 1) -> None:
        """Make trouble for the next requests with this method."""
        left = [trouble] * times

        def make(asked: str, path: str) -> Trouble | None:
            return left.pop() if left and asked == method else None

        self.trouble = make

    def always(self, method: str, trouble: Trouble) -> None:
        """Make trouble for all requests with this method."""
        self.trouble = lambda asked, path: trouble if asked == method else None

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock

    def pass_on(self, client: BaseHTTPRequestHandler) -> None:
        body = client.rfile.read(int(client.headers.get("Content-Length") or 0))
        self.requests.append((client.command, client.path))
        trouble = self.trouble(client.command, client.path) or Trouble()
        if trouble.delay:
            self.released.wait(trouble.delay)
        if trouble.damage and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        code = trouble.code or self.refusal(client, body)
        if trouble.drop:
            client.close_connection = True
        elif trouble.status or code:
            self.refuse(client, trouble.status or (400 if code == "BadDigest" else 403), code or "InternalError")
        else:
            self.answer(client, body, trouble)

    def answer(self, client: BaseHTTPRequestHandler, body: bytes, trouble: Trouble) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server, timeout=60)
        address = urlsplit(client.path)
        query = [(n, v) for n, v in parse_qsl(address.query, keep_blank_values=True) if not n.startswith("X-Amz-")]
        headers = {
            name: value
            for name, value in client.headers.items()
            if name.lower() not in HOP_BY_HOP | {"host", "authorization"}
        }
        # It looks whether there is a signature, and the gate has checked it.
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/{REGION}/s3/aws4_request"
        connection.request(client.command, f"{address.path}?{urlencode(query)}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if trouble.lose_answer:
            client.close_connection = True
            return
        client.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                client.send_header(name, value)
        length = answer.getheader("Content-Length") if client.command == "HEAD" else str(len(content))
        client.send_header("Content-Length", length or "0")
        client.end_headers()
        if client.command != "HEAD":
            client.wfile.write(content if trouble.cut is None else content[: trouble.cut])
        client.close_connection = client.close_connection or trouble.cut is not None

    def refuse(self, client: BaseHTTPRequestHandler, status: int, code: str) -> None:
        content = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        client.send_response_only(status)
        client.send_header("Content-Type", "application/xml")
        client.send_header("Date", format_datetime(self.now(), usegmt=True))
        client.send_header("Content-Length", str(len(content)))
        client.end_headers()
        if client.command != "HEAD":
            client.wfile.write(content)

    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html

    def refusal(self, client: BaseHTTPRequestHandler, body: bytes) -> str:
        """S3's code for what is wrong with a request; empty when nothing is."""
        md5 = client.headers.get("Content-MD5")
        if md5 and base64.b64encode(hashlib.md5(body).digest()).decode() != md5:
            return "BadDigest"
        address = urlsplit(client.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        if "X-Amz-Signature" in query:
            return self.refusal_of_address(client, query)
        authorization = client.headers.get("Authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            return "AccessDenied"
        given = dict(part.split("=", 1) for part in authorization.partition(" ")[2].split(", "))
        stamp = client.headers["X-Amz-Date"]
        if wrong := self.wrong_stamp(given["Credential"], stamp):
            return wrong
        claimed = client.headers["X-Amz-Content-SHA256"]
        if claimed != "UNSIGNED-PAYLOAD" and claimed != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        headers = {name: client.headers[name] for name in given["SignedHeaders"].split(";")}
        request = AWSRequest(client.command, self.url + client.path, headers=headers)
        # As it was signed: the canonical form sorts what the address has.
        signed = self.signature(S3SigV4Auth(Credentials(KEY_ID, SECRET), "s3", REGION), request, stamp)
        return "" if signed == given["Signature"] else "SignatureDoesNotMatch"

    def refusal_of_address(self, client: BaseHTTPRequestHandler, query: dict[str, str]) -> str:
        stamp = query["X-Amz-Date"]
        if wrong := self.wrong_stamp(query["X-Amz-Credential"], stamp):
            return wrong
        ends = timestamp(stamp) + timedelta(seconds=int(query["X-Amz-Expires"]))
        if self.now() > ends:
            return "AccessDenied"
        given = query.pop("X-Amz-Signature")
        path = f"{urlsplit(client.path).path}?{urlencode(query)}"
        headers = {"host": client.headers["Host"]}
        request = AWSRequest(client.command, self.url + path, headers=headers, params=query)
        request.url = self.url + urlsplit(client.path).path
        signed = self.signature(S3SigV4QueryAuth(Credentials(KEY_ID, SECRET), "s3", REGION), request, stamp)
        return "" if signed == given else "SignatureDoesNotMatch"

    def wrong_stamp(self, credential: str, stamp: str) -> str:
        key_id, day, region, service, _ = credential.split("/")
        if key_id != KEY_ID:
            return "InvalidAccessKeyId"
        if (region, service) != (REGION, "s3") or not stamp.startswith(day):
            return "AuthorizationHeaderMalformed"
        return "RequestTimeTooSkewed" if abs((self.now() - timestamp(stamp)).total_seconds()) > SKEW_MAX else ""

    def signature(self, auth: Any, request: AWSRequest, stamp: str) -> str:
        request.context["timestamp"] = stamp
        text = auth.string_to_sign(request, auth.canonical_request(request))
        return str(auth.signature(text, request))


def timestamp(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[int]:
    """The port of an S3 server of its own process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin and server.stdout
    with server.stdin, server.stdout:
        yield int(server.stdout.readline())
    server.wait(30)


@pytest.fixture
def gate(s3_server: int) -> Iterator[Gate]:
    gate = Gate(s3_server)
    yield gate
    gate.close()


@pytest.fixture
def bucket(gate: Gate, tmp_path: Path) -> dict[str, Any]:
    """The settings of a new bucket behind the gate: keyword arguments of `lib.s3.Bucket`."""
    name = f"chat-{secrets.token_hex(6)}"
    make_bucket(gate, name)
    return {
        "name": name,
        "endpoint": gate.url,
        "region": REGION,
        "key_id": KEY_ID,
        "secret": SECRET,
        "owner": "0123456789abcdef",
        "uploads_folder": tmp_path / "incoming",
    }


@pytest.fixture
def store(bucket: dict[str, Any]) -> Bucket:
    return Bucket(**bucket)


@pytest.fixture
def settings_with_bucket(tmp_path: Path, bucket: dict[str, Any]) -> Settings:
    return replace(settings_in(tmp_path), bucket=bucket)


def make_bucket(gate: Gate, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gate.server, timeout=60)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()


def environment_of(bucket: dict[str, Any]) -> dict[str, str]:
    """The settings as a server reads them."""
    return {
        "S3_BUCKET": bucket["name"],
        "S3_ENDPOINT_URL": bucket["endpoint"],
        "S3_REGION": bucket["region"],
        "S3_ACCESS_KEY_ID": bucket["key_id"],
        "S3_SECRET_ACCESS_KEY": bucket["secret"],
    }
