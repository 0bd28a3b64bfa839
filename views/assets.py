"""Stylesheet and scripts as one answer each, and addresses of static files that change with their content."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, current_app, g, request, url_for

bp = Blueprint("assets", __name__)

STATIC = Path(__file__).resolve().parent.parent / "static"
CSS, JS = STATIC / "css", STATIC / "js"
# What is the same for everybody, whoever asks.
ENDPOINTS = {"static", "assets.stylesheet", "assets.script"}
# The elements of a live page. They start in this order: the stream last, when everybody listens.
LIVE = (
    *("chat-log", "log-acts", "message-editor", "log-jumps", "code-copy"),
    *("chat-list", "chat-composer", "chat-people", "chat-pages", "live-stream"),
)
IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "([\w-]+)";\n', re.MULTILINE)
SQUEEZED = {"text/javascript", "application/javascript", "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@cache
def joined(changed: int) -> tuple[bytes, str]:
    """All layers in the order of index.css, and a hash of them; `changed` is when the newest file was written."""
    index = (CSS / "index.css").read_text()
    order = re.findall(r'@import url\("([^"]+)"\);', index)
    layers = re.findall(r"^@layer .*;$", index, re.MULTILINE)
    text = "\n".join([*layers, *((CSS / name).read_text() for name in order)])
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    whole = re.sub(r"\s*\n\s*", "\n", text).strip().encode()
    return whole, hashlib.sha256(whole).hexdigest()[:16]


def current() -> tuple[bytes, str]:
    return joined(max(path.stat().st_mtime_ns for path in CSS.iterdir()))


@cache
def woven(changed: int) -> tuple[bytes, str]:
    """The elements of a live page as one module, each in a block of its own; and a hash of it.

    None of them exports anything. What they import is gathered at the top.
    """
    texts = [(JS / f"{name}.js").read_text() for name in LIVE]
    wanted: dict[str, set[str]] = {}
    for words, module in IMPORT.findall("".join(texts)):
        wanted.setdefault(module, set()).update(words.split(", "))
    imports = [f'import {{ {", ".join(sorted(words))} }} from "{module}";' for module, words in wanted.items()]
    blocks = [re.sub(r"^ *//.*\n", "", IMPORT.sub("", text), flags=re.MULTILINE) for text in texts]
    whole = "\n".join([*imports, *(f"{{\n{block}}}" for block in blocks)]).encode()
    return whole, hashlib.sha256(whole).hexdigest()[:16]


def live() -> tuple[bytes, str]:
    return woven(max((JS / f"{name}.js").stat().st_mtime_ns for name in LIVE))


@cache
def squeezed(whole: bytes) -> bytes:
    return gzip.compress(whole, 9, mtime=0)


@bp.get("/styles/<version>.css")
def stylesheet(version: str) -> Response:
    return lasting(*current(), version, "text/css")


@bp.get("/scripts/<version>.js")
def script(version: str) -> Response:
    return lasting(*live(), version, "text/javascript")


def lasting(whole: bytes, known: str, version: str, kind: str) -> Response:
    squeeze = request.accept_encodings["gzip"] > 0
    response = Response(squeezed(whole) if squeeze else whole, mimetype=kind)
    # A page from before a change asks for what is no more: it gets the new one, but must not keep it under this name.
    response.headers["Cache-Control"] = FOREVER if version == known else "no-cache"
    response.headers["Vary"] = "Accept-Encoding"
    if squeeze:
        response.headers["Content-Encoding"] = "gzip"
    return response


def stylesheet_address() -> str:
    return url_for("assets.stylesheet", version=current()[1])


def script_address() -> str:
    return url_for("assets.script", version=live()[1])


def modules() -> dict[str, str]:
    """The address of each script by its name, as one imports it."""
    return {path.stem: address(f"js/{path.name}") for path in sorted(JS.glob("*.js"))}


@bp.after_app_request
def squeeze(response: Response) -> Response:
    """Scripts and drawings travel squeezed, too; each content is squeezed once."""
    if request.endpoint != "static" or response.mimetype not in SQUEEZED:
        return response
    response.vary.add("Accept-Encoding")
    # A part of a file, or the word that it has not changed, has nothing to squeeze.
    if request.method == "GET" and response.status_code == 200 and request.accept_encodings["gzip"] > 0:
        response.direct_passthrough = False
        response.set_data(squeezed(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        # The bytes are others than the file's: its name holds for the content alone (RFC 9110, 8.8.3.3).
        response.set_etag(response.get_etag()[0] or "", weak=True)
    return response


@cache
def digest(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def address(name: str) -> str:
    """The address of a static file, which a browser may keep for ever: other content has another one."""
    # A page names the icons some hundred times.
    known: dict[str, str] = g.setdefault("assets", {})
    if name not in known:
        path = Path(current_app.static_folder or "") / name
        known[name] = url_for("static", filename=name, v=digest(path, path.stat().st_mtime_ns))
    return known[name]
