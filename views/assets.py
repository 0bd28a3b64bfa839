"""Stylesheet and scripts as one answer each, and addresses of static files that change with their content."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from flask import Blueprint, Response, current_app, g, request, url_for
from markupsafe import Markup

bp = Blueprint("assets", __name__)

STATIC = Path(__file__).resolve().parent.parent / "static"
CSS, JS = STATIC / "css", STATIC / "js"
# What is the same for everybody, whoever asks.
ENDPOINTS = {"static", "assets.stylesheet", "assets.script"}
# Modules that the elements below import, each after what it imports itself.
SHARED = (
    *("text", "keys", "server", "navigation", "outbox", "days", "retrying-task", "slots", "update-in-place"),
    *("chat-fields", "message-fields", "message-rows", "pending-messages", "read-position", "page-edges", "chat-pane"),
)
# The elements of a live page. They start in this order: the stream last, when everybody listens.
LIVE = (
    *("message-list", "message-actions", "message-editor", "jump-links", "code-copy"),
    *("chat-list", "chat-composer", "chat-people", "chat-pages", "live-stream"),
)
IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "([\w-]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
FOREVER = "public, max-age=31536000, immutable"


@cache
def bundle_css(changed: int) -> tuple[bytes, str]:
    """All layers in the order of index.css, and a hash of them; `changed` is when the newest file was written."""
    index = (CSS / "index.css").read_text()
    order = re.findall(r'@import url\("([^"]+)"\);', index)
    layers = re.findall(r"^@layer .*;$", index, re.MULTILINE)
    text = "\n".join([*layers, *((CSS / name).read_text() for name in order)])
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    whole = re.sub(r"\s*\n\s*", "\n", text).strip().encode()
    return whole, hashlib.sha256(whole).hexdigest()[:16]


def current() -> tuple[bytes, str]:
    return bundle_css(max(path.stat().st_mtime_ns for path in CSS.iterdir()))


@cache
def bundle_js(changed: int) -> tuple[bytes, str]:
    """Join the elements of a live page, and the modules that they import, into one module; return its hash too.

    Each stands in a block of its own. What the shared modules export, the whole exports, for modules loaded later.
    """
    texts = {name: (JS / f"{name}.js").read_text() for name in (*SHARED, *LIVE)}
    exported = ", ".join(word for name in SHARED for word in EXPORT.findall(texts[name]))
    blocks = [*map(block, texts.values()), f"export {{ {exported} }};"]
    whole = re.sub(r"^ +", "", "\n".join(blocks), flags=re.MULTILINE).encode()
    return whole, hashlib.sha256(whole).hexdigest()[:16]


def block(text: str) -> str:
    """Wrap a module without its imports and comments; what it exports becomes a constant outside."""
    exported = ", ".join(EXPORT.findall(text))
    code = re.sub(r"^ *//.*\n|(?<=[;,{}]) // .*$", "", EXPORT.sub("", IMPORT.sub("", text)), flags=re.MULTILINE)
    return (
        f"const {{ {exported} }} = (() => {{\n{code}return {{ {exported} }};\n}})();" if exported else f"{{\n{code}}}"
    )


def live() -> tuple[bytes, str]:
    return bundle_js(max((JS / f"{name}.js").stat().st_mtime_ns for name in (*SHARED, *LIVE)))


@bp.get("/styles/<version>.css")
def stylesheet(version: str) -> Response:
    return cached_response(*current(), version, "text/css")


@bp.get("/scripts/<version>.js")
def script(version: str) -> Response:
    return cached_response(*live(), version, "text/javascript")


def cached_response(whole: bytes, known: str, version: str, kind: str) -> Response:
    response = Response(whole, mimetype=kind)
    # A page from before a change asks for what is no more: it gets the new one, but must not keep it under this name.
    response.headers["Cache-Control"] = FOREVER if version == known else "no-cache"
    return response


def stylesheet_address() -> str:
    return url_for("assets.stylesheet", version=current()[1])


def script_address() -> str:
    return url_for("assets.script", version=live()[1])


def modules() -> dict[str, str]:
    """The address of each script by its name, as one imports it."""
    apart = {path.stem: address(f"js/{path.name}") for path in sorted(JS.glob("*.js"))}
    return {**apart, **dict.fromkeys(SHARED, script_address())}


@dataclass(frozen=True)
class ImportMap:
    """The addresses of the modules, as a page contains them, and what lets them stand there (CSP 3, 2.3.1)."""

    addresses: dict[str, str]

    @cached_property
    def text(self) -> Markup:
        return Markup(json.dumps({"imports": self.addresses}, separators=(",", ":")))

    @cached_property
    def source(self) -> str:
        digest = hashlib.sha256(self.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def import_map_of(changed: int, root: str) -> ImportMap:
    return ImportMap(modules())


def import_map() -> ImportMap:
    """The import map of all modules; looked up once a request."""
    if "import_map" not in g:
        g.import_map = import_map_of(max(entry.stat().st_mtime_ns for entry in os.scandir(JS)), request.script_root)
    current: ImportMap = g.import_map
    return current


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
