"""How gunicorn serves the messenger: `gunicorn chat:app`, without options.

gunicorn reads every name here as a setting, so `config` must not become one: it is a setting of its own.
"""

import os as _os
import subprocess as _subprocess
import sys as _sys
from typing import Any as _Any

from config import ROOT as _ROOT
from config import ConfigError as _ConfigError
from config import Settings as _Settings
from lib.drivers import hide_unused as _hide_unused_drivers
from lib.logs import set_up as _set_up_logs
from lib.private import restrict_umask as _keep_private
from lib.worker.worker import Worker as _Worker
from stream.supervisor import VARIABLE as _VARIABLE
from stream.supervisor import Supervisor as _Supervisor
from stream.supervisor import can_serve as _can_serve

# Workers are forked from here: left loaded, the old modules would outlive a reload by HUP.
for _name in [name for name in _sys.modules if name.partition(".")[0] in ("config", "stream", "lib")]:
    del _sys.modules[_name]

# Here in the master: all others come from it.
_keep_private()

try:
    _settings = _Settings.read()
except _ConfigError as _error:
    # Here in the master: a worker that refused would be started again for ever.
    _sys.exit(f"Flask Chat can't start: {_error}")

_set_up_logs()
_hide_unused_drivers(_settings.database_url)

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = [f"{_host}:{_settings.port}"]
chdir = str(_ROOT)

worker_class = _Worker
_Worker.proxies = _settings.proxies
_Worker.connections_per_address = _settings.connections_per_address if _settings.rate_limits else 0
# Open connections cost little while they wait: of all clients, in each worker.
worker_connections = 4096
workers = _settings.workers
threads = _settings.threads
preload_app = False

timeout = 60
# A stop takes less than the 10 seconds that hosts grant, whatever still runs.
graceful_timeout = 8
keepalive = 15

# The app logs one line a request itself, without queries, cookies and tokens.
accesslog = None
# Only the app's ProxyFix trusts proxies' headers, as many as PROXY_COUNT.
forwarded_allow_ips = ""
# A long search in Cyrillic has six characters for each of its own.
limit_request_line = 8190

# Without it gunicorn writes to the home folder.
control_socket_disable = True
# The workers' heartbeat touches a file; on a disk that could make a worker wait.
worker_tmp_dir = "/dev/shm" if _os.access("/dev/shm", _os.W_OK) else None


def on_starting(server: _Any) -> None:
    """Bring the database up to this version, once, before there are workers.

    In a process of its own: no open database and no loaded code may pass from here into the workers.
    """
    if not _settings.rate_limits:
        server.log.warning("RATE_LIMITS=off: nothing is throttled.")
    done = _subprocess.run([_sys.executable, "-m", "commands"], cwd=_ROOT, check=False)
    if done.returncode:
        _sys.exit(done.returncode)


def when_ready(server: _Any) -> None:
    """Start the stream process, once for each master: a reload by HUP keeps it and all of its streams."""
    if server.cfg.is_ssl or not _can_serve():
        # The keys of a TLS connection are the worker's: its threads serve streams themselves, a few at once.
        _os.environ.pop(_VARIABLE, None)
        return
    stream_settings = {
        "database": _settings.database,
        "cursor_key": _settings.cursor_key.hex(),
        "streams": _settings.streams_max,
        "streams_per_person": _settings.streams_per_person,
        "heartbeat": _settings.heartbeat,
        "grace": _settings.presence_grace,
    }
    # Kept on the server, for a reload reads this file anew.
    server.stream = _Supervisor(stream_settings, server.log, server.cfg.uid, server.cfg.gid)
    _os.environ[_VARIABLE] = server.stream.name_of_inbox
    server.stream.start()


def post_fork(server: _Any, worker: _Any) -> None:
    """A worker sends to the stream process; it has no part in keeping it."""
    if hasattr(server, "stream"):
        server.stream.inbox.close()


def post_worker_init(worker: _Any) -> None:
    """Let streams that a worker serves itself know when it is to stop; go on with what a stop cut off."""
    from cache.on_loop import OnLoop
    from models import database, task
    from stream import endpoint as stream_endpoint

    stream_endpoint.setup.is_serving = lambda: bool(worker.alive)
    if _settings.response_cache and _settings.cache_on_loop and database.answers_at_once:
        worker.on_loop = OnLoop(worker.wsgi, worker.cfg)
    # Finish what was started before a stop.
    task.schedule()


def on_exit(server: _Any) -> None:
    """End the stream process, after the workers."""
    if hasattr(server, "stream"):
        server.stream.stop()
