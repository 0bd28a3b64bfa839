"""All files are copied into a bucket and back under the same keys, whatever interrupts it."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from s3 import Gate, Trouble, environment_of, make_bucket
from servers import ROOT

from lib import moving
from lib.moving import CannotMove, Moved
from lib.s3 import Bucket
from lib.storage import BucketError, Folder, new_key


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "media")


@pytest.fixture
def target(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "back")


@pytest.fixture
def store(bucket: dict[str, Any]) -> Bucket:
    return Bucket(**{**bucket, "at_once": 64})


def fill(store: Folder | Bucket, number: int) -> dict[str, bytes]:
    """Keep files of different sizes, an empty one among them."""
    contents = {}
    for size in range(number):
        path = store.scratch()
        content = secrets.token_bytes(size * 100)
        path.write_bytes(content)
        contents[store.keep(path)] = content
    return contents


def in_folder(folder: Folder) -> dict[str, bytes]:
    return {key: folder.path(key).read_bytes() for key in set(folder.keys())}


def in_bucket(store: Bucket) -> dict[str, bytes]:
    contents = {}
    for key in set(store.keys()):
        with closing(store.open(key)) as content:
            contents[key] = b"".join(content)
    return contents


def quiet(moved: Moved) -> None:
    pass


def test_there_and_back_everything_is_the_same(folder: Folder, target: Folder, store: Bucket) -> None:
    contents = fill(folder, 20)
    progress: list[int] = []
    moved = moving.to_bucket(folder, store, lambda moved: progress.append(moved.files))
    assert moved == Moved(20, 20, sum(map(len, contents.values())), 0, 0)
    assert progress == [20]
    assert in_bucket(store) == contents == in_folder(folder)
    moved = moving.to_folder(store, target, quiet)
    assert moved == Moved(20, 20, sum(map(len, contents.values())), 0, 0)
    assert in_folder(target) == contents
    store.remove_all(list(contents))
    assert moving.to_bucket(target, store, quiet).copied == 20
    assert in_bucket(store) == contents


def test_present_files_are_not_copied_again(folder: Folder, target: Folder, store: Bucket, gate: Gate) -> None:
    contents = fill(folder, 10)
    moving.to_bucket(folder, store, quiet)
    moving.to_folder(store, target, quiet)
    more = fill(folder, 3)
    gate.requests.clear()
    assert moving.to_bucket(folder, store, quiet) == Moved(13, 3, sum(map(len, {**contents, **more}.values())))
    assert sum(method == "PUT" for method, _ in gate.requests) == 3 + 1, "and whose the bucket is"
    assert moving.to_folder(store, target, quiet).copied == 3
    assert in_folder(target) == {**contents, **more}


def test_a_file_of_the_same_size_with_other_bytes_is_copied_again(
    folder: Folder, target: Folder, store: Bucket
) -> None:
    contents = fill(folder, 5)
    moving.to_bucket(folder, store, quiet)
    key = max(contents, key=lambda key: len(contents[key]))
    damaged = store.scratch()
    damaged.write_bytes(b"x" * len(contents[key]))
    store.put(key, damaged)
    assert moving.to_bucket(folder, store, quiet).copied == 1
    moving.to_folder(store, target, quiet)
    target.path(key).write_bytes(b"x" * len(contents[key]))
    assert moving.to_folder(store, target, quiet).copied == 1
    assert in_bucket(store) == in_folder(target) == contents


def test_a_living_installation_goes_on_meanwhile(
    folder: Folder, target: Folder, store: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents, more = fill(folder, 4), {}

    def changes(source: Folder | Bucket) -> Callable[[Moved], None]:
        def change(moved: Moved) -> None:
            if not more:
                more.update(fill(source, 2))

        return change

    first, *rest = sorted(contents)
    put = store.put

    def deleted_first(key: str, path: Path) -> None:
        folder.remove(first)
        put(key, path)

    monkeypatch.setattr(store, "put", deleted_first)
    moved = moving.to_bucket(folder, store, changes(folder))
    monkeypatch.undo()
    assert (moved.files + moved.deleted, moved.left) == (4, 2)
    assert moving.to_bucket(folder, store, quiet).left == 0
    store.remove_all([first])
    more.clear()
    moved = moving.to_folder(store, target, changes(store))
    assert moved.left == 2
    store.remove(rest[0])
    # What was deleted in the bucket since does not stop it.
    assert moving.to_folder(store, target, quiet).left == 0
    assert in_bucket(store).items() <= in_folder(target).items()


def test_a_bucket_with_files_of_others_is_refused(folder: Folder, store: Bucket, bucket: dict[str, Any]) -> None:
    fill(folder, 2)
    contents = fill(store, 3)
    with pytest.raises(CannotMove, match="already has 3 files, and does not say whose"):
        moving.to_bucket(folder, store, quiet)
    Bucket(**{**bucket, "owner": "another"}).check()
    with pytest.raises(BucketError, match="another installation"):
        moving.to_bucket(folder, store, quiet)
    with pytest.raises(BucketError, match="another installation"):
        moving.to_folder(store, folder, quiet)
    assert in_bucket(store) == contents


def test_a_bucket_in_use_by_this_installation_is_not(folder: Folder, store: Bucket) -> None:
    contents = fill(folder, 2)
    store.check()
    new = fill(store, 3)
    assert moving.to_bucket(folder, store, quiet).left == 0
    assert in_bucket(store) == {**contents, **new}


def test_a_folder_with_other_files_is_refused(target: Folder, store: Bucket) -> None:
    fill(store, 2)
    others = fill(target, 3)
    with pytest.raises(CannotMove, match="has 3 files that the bucket"):
        moving.to_folder(store, target, quiet)
    assert in_folder(target) == others


def test_damage_on_the_way_is_found(folder: Folder, target: Folder, store: Bucket, gate: Gate) -> None:
    contents = fill(folder, 3)
    gate.always("PUT", Trouble(damage=True))
    with pytest.raises(BucketError):
        moving.to_bucket(folder, store, quiet)
    gate.trouble = lambda method, path: None
    assert set(in_bucket(store)) == set()
    moving.to_bucket(folder, store, quiet)
    key = max(contents, key=lambda key: len(contents[key]))
    path = store.scratch()
    path.write_bytes(b"noted")
    sha256 = moving.sha256(path)
    store.client.ask("put_object", Key=key, Body=b"other", Metadata={"sha256": sha256})
    with pytest.raises(CannotMove, match=f"{key} in the bucket .* is damaged"):
        moving.to_folder(store, target, quiet)
    assert not target.exists(key)


def test_what_another_program_has_copied_is_moved_without_a_noted_checksum(target: Folder, store: Bucket) -> None:
    key = new_key()
    store.client.ask("put_object", Key=key, Body=b"synced")
    assert moving.to_folder(store, target, quiet).copied == 1
    assert in_folder(target) == {key: b"synced"}


# The command, and what ends it


class Command:
    """`flask move-media` in a process of its own."""

    def __init__(self, tmp_path: Path, bucket: dict[str, Any]) -> None:
        self.environment = {
            **os.environ,
            "SECRET_KEY": secrets.token_hex(32),
            "JWT_SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'chat.db'}",
            "MEDIA_DIR": str(tmp_path / "media"),
            **environment_of(bucket),
        }

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.start(*arguments, **environment)
        output = process.communicate(timeout=180)[0]
        return process.returncode, output

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "flask", *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def command(tmp_path: Path, bucket: dict[str, Any]) -> Command:
    command = Command(tmp_path, bucket)
    assert command.run("init")[0] == 0
    return command


def test_the_command_prints_what_it_did_or_what_is_wrong(
    command: Command, folder: Folder, store: Bucket, gate: Gate
) -> None:
    fill(folder, 5)
    assert command.run("move-media")[0] == 2
    status, output = command.run("move-media", "--to-bucket", **dict.fromkeys(environment_of_names(), ""))
    assert (status, output) == (1, "Error: S3_BUCKET is missing: it names the bucket, in both directions.\n")
    status, output = command.run("move-media", "--to-bucket")
    assert (status, output.splitlines()[-1]) == (0, "5 files, 1000 B: 5 copied, the others were there.")
    status, output = command.run("move-media", "--to-folder", S3_BUCKET="no-such-bucket")
    assert status == 1
    assert output.startswith("Error: S3_BUCKET: there is no bucket no-such-bucket")
    assert output.count("\n") == 1
    gate.always("GET", Trouble(drop=True))
    status, output = command.run("move-media", "--to-folder")
    assert (status, "does not answer" in output, "run this again to go on" in output) == (1, True, True)


def environment_of_names() -> set[str]:
    return {"S3_BUCKET", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize(("direction", "method"), [("--to-bucket", "PUT"), ("--to-folder", "GET")])
def test_killed_at_any_point_it_goes_on_without_loss(
    command: Command, folder: Folder, target: Folder, store: Bucket, gate: Gate, direction: str, method: str
) -> None:
    contents = fill(folder, 100)
    where = {}
    if direction == "--to-folder":
        assert command.run("move-media", "--to-bucket")[0] == 0
        where = {"MEDIA_DIR": str(target.root)}
    chance = random.Random(direction)
    for _ in range(6):
        left = chance.randrange(1, 25)
        process = command.start("move-media", direction, **where)

        def kill(asked: str, path: str, process: subprocess.Popen[str] = process) -> None:
            nonlocal left
            left -= asked == method
            if left == 0:
                process.kill()

        gate.trouble = kill  # type: ignore[assignment]
        process.communicate(timeout=180)
        for key, content in in_folder(target).items():
            assert content == contents[key]
    gate.trouble = lambda method, path: None
    status, output = command.run("move-media", direction, **where)
    assert status == 0, output
    assert in_bucket(store) == contents
    assert in_folder(folder) == contents
    assert direction == "--to-bucket" or in_folder(target) == contents
    copied = int(output.splitlines()[-1].partition(": ")[2].split(" ")[0])
    assert 0 < copied < 100, "some were there"


def test_a_new_bucket_and_a_folder_are_chosen_by_the_settings(command: Command, folder: Folder, gate: Gate) -> None:
    contents = fill(folder, 3)
    make_bucket(gate, "another-bucket")
    assert command.run("move-media", "--to-bucket", S3_BUCKET="another-bucket")[0] == 0
    back = str(folder.root.parent / "elsewhere")
    assert command.run("move-media", "--to-folder", S3_BUCKET="another-bucket", MEDIA_DIR=back)[0] == 0
    assert in_folder(Folder(Path(back))) == contents
