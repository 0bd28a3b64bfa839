"""The files for hosts: what they name exists, and what several of them say is the same."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile import context, stages
from flask import Flask
from setting_names import setting_names

from chat import AROUND_FILES, HEALTH
from config import ROOT, Settings
from lib.limits import Limits

NAMES = setting_names()
# What Python and the shell read.
NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPYCACHEPREFIX"}
KEYS = {"SECRET_KEY", "JWT_SECRET_KEY"}
SECRETS = re.compile(r"[0-9a-f]{32}|[A-Za-z0-9+/_-]{40}")
TOOLS = Path(sys.executable).parent


def loaded(name: str) -> Any:
    text = (ROOT / name).read_text()
    if name.endswith(".yaml") or name.endswith(".yml"):
        return yaml.safe_load(text)
    return tomllib.loads(text) if name.endswith(".toml") else json.loads(text)


def processes() -> dict[str, str]:
    """The commands of the Procfile."""
    return dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


def is_command(app: Flask, command: str) -> bool:
    """Whether it is `flask --app chat` with a command that there is."""
    return command.startswith("flask --app chat ") and command.split()[3] in app.cli.commands


# Heroku


def test_heroku_is_asked_for_a_database_keys_and_a_bucket() -> None:
    manifest = loaded("app.json")
    assert [one["plan"].partition(":")[0] for one in manifest["addons"]] == ["heroku-postgresql"]
    env = manifest["env"]
    assert set(env) - NAMES == set()
    assert {name for name, about in env.items() if about.get("generator") == "secret"} == KEYS
    asked = {name for name, about in env.items() if about.get("required", True)} - KEYS
    assert asked == {"S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}


def test_herokus_processes_are_commands_that_there_are(app: Flask) -> None:
    assert processes()["web"] == "gunicorn chat:app"
    assert is_command(app, processes()["release"])


def test_every_host_gets_the_same_python() -> None:
    version = (ROOT / ".python-version").read_text().strip()
    assert {stage.base for stage in stages()} == {f"python:{version}-slim-bookworm"}
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == f">={version}"


# Containers


def test_the_image_starts_as_nobody_in_particular_with_settings_that_there_are() -> None:
    image = stages()[-1]
    assert set(image.environment) - NAMES == NOT_OURS - {"PYTHONPYCACHEPREFIX"}
    assert image.one("EXPOSE") == image.environment["PORT"]
    assert re.fullmatch(r"[1-9][0-9]+:[1-9][0-9]+", image.one("USER"))
    # Railway refuses an image with one.
    assert image.all("VOLUME") == []
    assert HEALTH in image.health_check[-1]
    assert not SECRETS.search((ROOT / "Dockerfile").read_text())


def test_the_image_has_all_that_runs_and_nothing_else() -> None:
    files = set(context())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    code = {file for file in tracked if file.endswith(".py") and file.partition("/")[0] not in ("tests", "bench")}
    assert code - files == set()
    pages = {file for file in tracked if file.startswith(("static/", "templates/", "translations/"))}
    assert pages - files == set()
    assert {file for file in files - code - pages if not file.endswith(".py")} == {
        *(".flaskenv", "requirements.txt"),
        *(file for file in tracked if file.partition("/")[0] in ("lib", "search", "seed", "api") and file not in code),
    }


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([TOOLS / "hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_is_valid_and_its_parts_fit(tmp_path: Path) -> None:
    subprocess.run(
        [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"],
        check=True, capture_output=True,
    )  # fmt: skip
    services = loaded("compose.yaml")["services"]
    env = services["chat"]["environment"]
    assert set(env) - NAMES == set()
    assert services["chat"]["ports"][0].endswith(f":{stages()[-1].environment['PORT']}")
    database, files = services["database"]["environment"], services["files"]["environment"]
    assert env["DATABASE_URL"].startswith(f"postgres://{database['POSTGRES_USER']}:{database['POSTGRES_PASSWORD']}@")
    assert env["DATABASE_URL"].endswith(f"@database:5432/{database['POSTGRES_DB']}")
    assert (env["S3_BUCKET"], env["S3_ACCESS_KEY_ID"]) == (files["S3_BUCKET"], files["AWS_ACCESS_KEY_ID"])
    assert env["S3_SECRET_ACCESS_KEY"] == files["AWS_SECRET_ACCESS_KEY"]
    assert env["S3_ENDPOINT_URL"].replace("files", "127.0.0.1") in services["files"]["healthcheck"]["test"][-1]
    for service in services.values():
        name, _, version = service["image"].partition(":")
        assert name == "flask-chat" or re.match(r"[0-9]", version)


def test_the_comment_in_compose_makes_every_secret_that_it_needs() -> None:
    text = (ROOT / "compose.yaml").read_text()
    made = re.search(r"for name in ([A-Z0-9_ ]+);", text)
    assert made and set(made[1].split()) == set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))


# Render and Fly.io


def test_render_gets_settings_and_commands_that_there_are(app: Flask) -> None:
    blueprint = loaded("render.yaml")
    (service,) = blueprint["services"]
    env = {one["key"]: one for one in service["envVars"]}
    assert set(env) - NAMES == set()
    assert all(env[name].get("generateValue") for name in KEYS)
    assert env["DATABASE_URL"]["fromDatabase"]["name"] in {one["name"] for one in blueprint["databases"]}
    assert is_command(app, service["preDeployCommand"])
    assert service["preDeployCommand"] == processes()["release"]
    assert service["healthCheckPath"] == HEALTH


def test_fly_gets_a_port_and_commands_that_there_are(app: Flask) -> None:
    config = loaded("fly.toml")
    assert str(config["http_service"]["internal_port"]) == stages()[-1].environment["PORT"]
    assert [check["path"] for check in config["http_service"]["checks"]] == [HEALTH]
    assert config["deploy"]["release_command"] == processes()["release"]
    assert (ROOT / config["build"]["dockerfile"]).is_file()
    # gunicorn takes any other signal for an order to stop at once.
    assert config["kill_signal"] == "SIGTERM"
    assert int(config["kill_timeout"].rstrip("s")) > 10


# One's own machine


def test_the_unit_has_settings_that_there_are_and_little_else() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    text = (ROOT / "deploy/flask-chat.service").read_text()
    unit.read_string(text)
    service = unit["Service"]
    set_in_it = set(re.findall(r"^Environment=([A-Z_]+)=", text, re.M))
    assert set_in_it - NOT_OURS - NAMES == set()
    folder = service["WorkingDirectory"]
    assert service["ExecStart"] == f"{folder}/.venv/bin/python chat.py"
    state = f"/var/lib/{service['StateDirectory']}/"
    assert all(state in line for line in re.findall(r"^Environment=(?!PYTHON).*", text, re.M))
    hardened = ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices", "MemoryDenyWriteExecute")
    assert {service[name] for name in hardened} == {"true"}
    assert (service["ProtectSystem"], service["UMask"], service["CapabilityBoundingSet"]) == ("strict", "0077", "")
    assert int(service["TimeoutStopSec"]) > 10


@pytest.mark.parametrize(
    ("file", "pattern"), [("Caddyfile", r"max_size (\d+)MiB"), ("nginx.conf", r"body_size (\d+)m")]
)
def test_a_proxy_takes_the_largest_form_that_the_messenger_takes(file: str, pattern: str) -> None:
    text = (ROOT / "deploy" / file).read_text()
    taken = re.search(pattern, text)
    assert taken
    limits = Limits()
    assert int(taken[1]) * 2**20 >= limits.file_max * limits.files_max + AROUND_FILES
    port = next(one.metadata["usual"] for one in Settings.__dataclass_fields__.values() if one.name == "port")
    assert f"127.0.0.1:{port}" in text
    assert "PROXY_COUNT=1" in text


def test_litestream_reads_its_example() -> None:
    path = ROOT / "deploy/litestream.yml"
    settings = dict.fromkeys(re.findall(r"\$\{([A-Z0-9_]+)\}", path.read_text()), "x")
    assert set(settings) - NAMES == set()
    done = subprocess.run(
        [TOOLS / "litestream", "databases", "-config", path],
        env={**os.environ, **settings}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert shlex.split(done.stdout.splitlines()[-1]) == ["/var/lib/flask-chat/chat.db", "s3"]
