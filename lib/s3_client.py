"""Asking an S3-compatible store: within time limits, a few requests at once, and with errors in one line."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from lib.storage import BucketError

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 3, 10, 2
# After the store did not answer, nothing is asked of it for some seconds: else all threads would wait for it.
REST_SECONDS = 5.0
# How long a request waits for one of its places. An answer of the store takes a tenth of that.
PLACE_SECONDS = 0.5
PIECE = 2**18
# Bytes a second below which the store is too slow, after some seconds; the client's slowness does not count.
RATE, GRACE_SECONDS = 2**17, 15.0
# A larger transfer keeps its thread for long: only some of them at once.
LARGE = 2**25
CHECKSUM = "sha256"

MISSING = {"NoSuchKey", "404", "NotFound"}
REFUSED = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "AllAccessDisabled", "AccountProblem",
    "InvalidSecurity", "Forbidden", "403",
}  # fmt: skip


class Content:
    """The bytes of an object, or some of them, as they arrive. `size` is that of the whole object."""

    def __init__(self, answer: dict[str, Any], release: Callable[[], None]) -> None:
        self._release = release
        self._body = answer["Body"]
        whole = str(answer.get("ContentRange", "")).rpartition("/")[2]
        self.size = int(whole or answer["ContentLength"])
        self.modified: datetime = answer["LastModified"]
        self.checksum = answer.get("Metadata", {}).get(CHECKSUM)
        self._ahead = b""
        self._waited, self._arrived = 0.0, 0

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes in pieces. Raises BucketError when they end too early."""
        while piece := self._ahead or self._read(PIECE):
            self._ahead = b""
            yield piece

    def start(self, size: int) -> bytes:
        """The first bytes, which the iteration yields all the same."""
        while len(self._ahead) < size and (piece := self._read(size - len(self._ahead))):
            self._ahead += piece
        return self._ahead[:size]

    def _read(self, size: int) -> bytes:
        began = time.monotonic()
        try:
            # At the end it compares the length with what was announced.
            piece: bytes = self._body.read(size)
        except (BotoCoreError, urllib3.exceptions.HTTPError, OSError) as error:
            raise BucketError(f"the bucket broke off: {first_line(error)}") from error
        self._waited += time.monotonic() - began
        self._arrived += len(piece)
        if self._waited > GRACE_SECONDS + self._arrived / RATE:
            raise BucketError("the bucket is too slow")
        return piece

    def close(self) -> None:
        """End the transfer, also in the middle."""
        self._body.close()
        self._release()

    def __del__(self) -> None:
        # An answer that was not sent after all must not keep its place.
        self._release()


class EmptyObject(OSError):
    """A part of an empty object was asked for."""


class S3Client:
    """Requests about one bucket."""

    def __init__(
        self, bucket: str, key_id: str, secret: str, region: str, endpoint: str | None = None, at_once: int = 6
    ) -> None:
        self.bucket = bucket
        self._access = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "region_name": region}
        self._endpoint = endpoint
        self._places = threading.BoundedSemaphore(at_once)
        self._large = threading.BoundedSemaphore(max(1, at_once // 2))
        self._connecting = threading.Lock()
        self._client: Any = None
        self._silent_until = 0.0

    def __str__(self) -> str:
        return f"the bucket {self.bucket}"

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """Make a request. Raises FileNotFoundError, BucketError."""
        self._take_place()
        try:
            return self._request(operation, **request)
        finally:
            self._places.release()

    def fetch(self, **request: Any) -> Content:
        """Begin to fetch an object, or a part of it. Raises FileNotFoundError, EmptyObject, BucketError."""
        answer = self.ask("get_object", **request)
        if answer["ContentLength"] <= LARGE:
            return Content(answer, lambda: None)
        if not self._large.acquire(blocking=False):
            answer["Body"].close()
            raise BucketError(f"too many large files are fetched from {self} at once")
        return Content(answer, once(self._large.release))

    def signed_address(self, seconds: int, **request: Any) -> str:
        """An address that gives an object to anyone, for some seconds."""
        wanted = {"Bucket": self.bucket, **request}
        return str(self._connected().generate_presigned_url("get_object", wanted, seconds))

    def _take_place(self) -> None:
        if time.monotonic() < self._silent_until:
            raise BucketError(f"{self} did not answer a moment ago")
        if not self._places.acquire(timeout=PLACE_SECONDS):
            raise BucketError(f"too many requests to {self} at once")

    def _request(self, operation: str, **request: Any) -> dict[str, Any]:
        """Ask the bucket. Raises FileNotFoundError, EmptyObject, BucketError."""
        try:
            answer: dict[str, Any] = getattr(self._connected(), operation)(Bucket=self.bucket, **request)
        except ClientError as error:
            raise self._refusal(error) from error
        except HTTPClientError as error:
            self._silent_until = time.monotonic() + REST_SECONDS
            raise BucketError(f"{self} does not answer at {self._place_name()} ({type(error).__name__})") from error
        except (BotoCoreError, ValueError) as error:
            raise BucketError(f"{self} can't be asked: {first_line(error)}", is_final=True) from error
        return answer

    def _refusal(self, error: ClientError) -> OSError:
        """What an answer of the bucket means."""
        answer = error.response
        code = str(answer.get("Error", {}).get("Code", ""))
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in MISSING:
            return FileNotFoundError(errno.ENOENT, f"not in {self}")
        if code == "InvalidRange":
            return EmptyObject(errno.ENODATA, "no bytes")
        if code == "NoSuchBucket":
            return BucketError(f"S3_BUCKET: there is no bucket {self.bucket} at {self._place_name()}.", is_final=True)
        if code == "RequestTimeTooSkewed":
            return BucketError(f"{self} refuses requests since the clock of this machine is wrong{off_by(answer)}.")
        if code in REFUSED:
            reason = f"{self} refuses the keys S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY ({code})."
            return BucketError(reason, is_final=True)
        message = first_line(answer.get("Error", {}).get("Message") or "")
        is_final = 300 <= status < 500 and status != 429
        return BucketError(
            f"{self} answers {status} {code}{': ' if message else ''}{message}",
            is_final=is_final,
            can_split=is_final or status == 501,
        )

    def _place_name(self) -> str:
        return self._endpoint or f"Amazon S3, {self._access['region_name']}"

    def _connected(self) -> Any:
        """The client, which all threads share."""
        with self._connecting:
            if self._client is None:
                # Each process makes its own: a connection can't be shared by a fork.
                session = boto3.session.Session(**self._access)
                self._client = session.client("s3", endpoint_url=self._endpoint, config=client_config())
            return self._client


def client_config() -> Config:
    """How requests are made: signed by version 4, with short timeouts, and nothing that other stores do not know."""
    return Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=64,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # Settings come from our own names alone.
        ignore_configured_endpoint_urls=True,
    )


def once(act: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `act` the first time only."""
    left = [act]
    return lambda: left.pop()() if left else None


def off_by(answer: dict[str, Any]) -> str:
    """By how much the clock is wrong, if the store's answer shows it."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        difference = parsedate_to_datetime(headers["date"]) - datetime.now(UTC)
    except (KeyError, ValueError):
        return ""
    return f", by {abs(difference.total_seconds()) / 60:.0f} minutes"


def first_line(error: object) -> str:
    """The first line of a message, shortened."""
    return str(error).strip().partition("\n")[0][:200]
