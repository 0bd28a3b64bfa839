"""What somebody else does between a check and the write that rests on it, always at the same point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from databases import rows_of

import models


class Meanwhile:
    """One act of another, done once and to its end at the point that is named."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.act: Callable[[], Any] | None = None
        self.result: Any = None

    @property
    def happened(self) -> bool:
        return self.act is None

    def before_a_write(self, *statements: str) -> None:
        """Commit these over a connection of their own, when the next transaction is about to begin."""
        kind: Any = type(models.database.obj)  # type: ignore[attr-defined]
        begin = kind.begin

        def act() -> None:
            with rows_of(models.database.database) as run:
                for statement in statements:
                    run(statement)

        def begins(database: Any, *how: Any) -> Any:
            self.now()
            return begin(database, *how)

        self.act = act
        self.monkeypatch.setattr(kind, "begin", begins)

    def after_a_password(self, act: Callable[[], Any]) -> None:
        """Do it in a thread of its own, when the next password has been compared."""
        compare = bcrypt.checkpw

        def compared(password: bytes, kept: bytes) -> bool:
            is_right = compare(password, kept)
            if not self.happened:
                other = threading.Thread(target=self.now)
                other.start()
                other.join(60)
            return is_right

        self.act = act
        self.monkeypatch.setattr(bcrypt, "checkpw", compared)

    def now(self) -> None:
        act, self.act = self.act, None
        if act is not None:
            self.result = act()
