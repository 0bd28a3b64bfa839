"""The steps of the Dockerfile, taken one by one: the code that it copies, started as the image starts it.

No image is built here, since not every machine has a builder: the packages are those of the tests, the base is this
machine.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from dockerfile import ROOT, Stage, context, stages
from ports import free_port
from servers import is_gone, wait_for

NOBODY = 10001


class Container:
    """The image's folder and volume, and its command as process 1 of a namespace of its own."""

    def __init__(self, folder: Path, image: Stage) -> None:
        self.image, self.folder = image, folder / "app"
        self.data, self.temporary = folder / "data", folder / "tmp"
        for file in context():
            place = self.folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, place)
        assert compileall.compile_dir(self.folder, quiet=1)
        for place in (self.data, self.temporary):
            place.mkdir(mode=0o700)
        self.is_root = os.geteuid() == 0
        if self.is_root:
            for place in (self.data, self.temporary):
                os.chown(place, NOBODY, NOBODY)
        self.port = free_port()
        set_by_image = {name: value.replace("/data", str(self.data)) for name, value in image.environment.items()}
        python = Path(sys.executable).parent
        self.environment = {**set_by_image, "PATH": f"{python}:/usr/bin:/bin", "PORT": str(self.port)}
        self.environment |= {"TMPDIR": str(self.temporary), "WEB_CONCURRENCY": "1"}

    def start(self) -> None:
        """Start the image's command as process 1, and wait until its health check is content."""
        alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if self.is_root:
            # May read the Python and the packages of the tests, wherever they lie, and write to its own folders alone.
            may = "-all,+dac_read_search"
            caps = [f"--bounding-set={may}", f"--inh-caps={may}", f"--ambient-caps={may}"]
            drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *caps]
        else:
            alone[1:1], drop = ["--user", "--map-current-user"], []
        with (self.data.parent / "log").open("ab") as log:
            self.outer = subprocess.Popen(
                [*alone, *drop, *self.image.command], cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        wait_for(self.is_healthy, self.output, 120)
        self.process = children(self.outer.pid)[0]

    def is_healthy(self) -> bool:
        assert self.outer.poll() is None, self.output()
        return subprocess.run(self.image.health_check, env=self.environment, capture_output=True).returncode == 0

    def output(self) -> str:
        return (self.data.parent / "log").read_text()

    def stop(self) -> int:
        os.kill(self.process, signal.SIGTERM)
        return self.outer.wait(30)


def children(process: int) -> list[int]:
    """Those of all its threads."""
    lists = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    return [int(one) for one in " ".join(lists).split()]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    container = Container(tmp_path, stages()[-1])
    container.start()
    yield container
    if container.outer.poll() is None:
        container.outer.kill()
        container.outer.wait()


def test_the_image_serves_from_what_is_copied_and_writes_to_its_volume_alone(container: Container) -> None:
    files = {path: path.stat().st_mtime_ns for path in container.folder.rglob("*")}
    with urllib.request.urlopen(f"http://127.0.0.1:{container.port}/login", timeout=60) as page:
        assert page.status == 200
        address = re.search(rb'src="(/static/[^"]+)"', page.read())
    assert address
    elsewhere = {**container.environment, "PORT": str(free_port())}
    assert subprocess.run(container.image.health_check, env=elsewhere, capture_output=True).returncode != 0
    with urllib.request.urlopen(f"http://127.0.0.1:{container.port}{address[1].decode()}", timeout=60) as script:
        assert script.status == 200
    assert {path.name for path in container.data.iterdir()} >= {".env", "chat.db", "media"}
    owner = NOBODY if container.is_root else os.geteuid()
    assert {path.stat().st_uid for path in container.data.rglob("*")} == {owner}
    keys = (container.data / ".env").read_text()
    assert container.stop() == 0
    container.start()
    assert (container.data / ".env").read_text() == keys
    assert container.stop() == 0
    assert {path: path.stat().st_mtime_ns for path in container.folder.rglob("*")} == files
    assert list(container.temporary.iterdir()) == []


def test_as_process_1_it_replaces_a_worker_and_leaves_nobody_behind(container: Container) -> None:
    everyone = {container.process, *children(container.process)}
    (worker,) = (one for one in children(container.process) if b"stream.process" not in command(one))
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: is_gone(worker) and len(children(container.process)) == 2, container.output)
    wait_for(container.is_healthy, container.output)
    everyone |= set(children(container.process))
    # The dead worker was collected, not left as a zombie.
    assert not Path(f"/proc/{worker}").exists()
    assert container.stop() == 0
    assert [one for one in everyone if not is_gone(one)] == []


def command(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")
