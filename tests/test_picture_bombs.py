"""A file that costs its reader more than a picture may is refused as one before a decoder sees it."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from people import PASSWORD, Person
from PIL import Image

from bench import picture_bombs as bombs
from lib import image_parts, images
from models import Chat
from models.base import media

MB = 2**20


@pytest.mark.parametrize("bomb", bombs.OF_PARTS, ids=lambda bomb: bomb.__name__)
def test_many_parts_are_counted_only_so_far_and_never_decoded(
    bomb: Callable[[int], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb(2 * MB))
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert images.read(path) is None
    out = tmp_path / "out"
    try:
        images.stripped(str(path), str(out))
    except images.Undecodable:
        assert not out.exists()


@pytest.mark.parametrize("bomb", [bombs.webp_of_pixels, lambda: bombs.png_of_pixels(7100), bombs.heic_of_tiles])
def test_too_many_pixels_are_seen_before_anything_is_opened(
    bomb: Callable[[], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb())
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert images.read(path) is None


def test_what_encoders_write_is_never_refused(tmp_path: Path) -> None:
    """The most parts that a picture of 25 MB has when it is written in the smallest pieces that are usual."""
    picture = bombs.drawn("PNG")
    pieces = bombs.filled(picture[:33], bombs.chunk(b"IDAT", b"x" * 8192), picture[33:], 25 * MB)
    blocks = b"\x2c" + b"\0" * 4 + b"\1\0\1\0" + b"\0\2" + (b"\xff" + b"x" * 255) * 100_000 + b"\0"
    moving = bombs.gif_of_frames(60_000)
    for content in (pieces, bombs.drawn("GIF")[:-1] + blocks + b"\x3b", moving):
        path = tmp_path / "picture"
        path.write_bytes(content)
        layout = image_parts.layout_of(path)
        assert layout is not None
        assert layout.is_bare


def test_no_process_but_the_one_for_pictures_loads_pillow(ann: Person, chat: Chat) -> None:
    root = str(Path(images.__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); import models, views, api; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "False\n"


def test_while_pictures_wait_others_are_asked_to_retry_and_logins_go_on(ann: Person, bob: Person, chat: Chat) -> None:
    picture = bombs.drawn("PNG")
    sent = {"chat_id": str(chat.id)}
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with media.pictures.place():
            inside.set()
            done.wait(60)

    media.pictures.set_places(1)
    other = threading.Thread(target=hold)
    other.start()
    assert inside.wait(60)
    answer = ann.api.post("/api/messages", data={**sent, "files": [(io.BytesIO(picture), "a.png")]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert ann.api.put("/api/users/me/avatar", data={"file": (io.BytesIO(picture), "a")}).status_code == 503
    plain = ann.api.post("/api/messages", data={**sent, "files": [(io.BytesIO(b"x"), "a.txt")]})
    assert plain.status_code == 201
    assert bob.user.verify(PASSWORD)
    done.set()
    other.join(60)
    assert not any(media.store.uploads_folder.iterdir())
    answer = ann.api.post("/api/messages", data={**sent, "files": [(io.BytesIO(picture), "a.png")]})
    assert answer.status_code == 201
