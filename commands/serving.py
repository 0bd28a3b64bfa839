"""`python chat.py`: serve with what there is, gunicorn or Werkzeug."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import sys
from pathlib import Path

from werkzeug.serving import run_simple
from werkzeug.utils import import_string

import models
from commands.start import CannotStart, make_keys, prepare
from config import ROOT, ConfigError, Settings
from lib import logs, private
from lib.logs import escape
from models import User, task


def serve() -> int:
    """Run `python chat.py`: create what is missing, print the address, serve. Returns only with an exit status."""
    private.restrict_umask()
    os.chdir(ROOT)
    try:
        created_keys = make_keys()
        settings = Settings.read(local=True)
        check_port(settings)
        for step in prepare(settings):
            print(f"Applied migration {step}.")
        if "SECRET_KEY" in created_keys and User.select().exists():
            print("Existing passwords need the former SECRET_KEY: restore it, or run `flask reset-password`.")
    except (ConfigError, CannotStart) as error:
        print(escape(f"Flask Chat can't start: {error}"), file=sys.stderr)
        return 1
    print(f"Flask Chat runs at {address(settings)}", flush=True)
    models.database.close()
    if importlib.util.find_spec("fcntl") is None:
        return serve_threaded(settings)
    return serve_gunicorn(settings)


def serve_gunicorn(settings: Settings) -> int:
    """Replace this process by gunicorn, which reads its settings from gunicorn.conf.py."""
    script = Path(sys.executable).with_name("gunicorn")
    # By its script: `python -m gunicorn` can't re-execute itself on a USR2 signal.
    how = [str(script)] if script.exists() else ["-m", "gunicorn"]
    environment = {**os.environ, "HOST": settings.host}
    os.execve(sys.executable, [sys.executable, *how, "chat:app"], environment)


def serve_threaded(settings: Settings) -> int:
    """Serve where gunicorn can't run: in this process, with a thread per request."""
    print("gunicorn does not run on this system: serving with Werkzeug instead.", flush=True)
    if not settings.rate_limits:
        print("RATE_LIMITS=off: nothing is throttled.", flush=True)
    logs.set_up()
    # The app logs each request itself. Werkzeug's lines would contain query strings and secrets.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    task.schedule()
    # By name, as gunicorn does it: this module may not import the app.
    run_simple(settings.host, settings.port, import_string("chat:app"), threaded=True)
    return 0


def check_port(settings: Settings) -> None:
    """Raise CannotStart when the address can't be listened on."""
    kind = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        # As gunicorn binds: ignore connections of a server that has just ended.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotStart(
                f"port {settings.port} on {settings.host} is not available ({reason}); PORT=8081 chooses another."
            ) from error


def address(settings: Settings) -> str:
    """The URL for a browser on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"
