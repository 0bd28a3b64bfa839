"""Errors of models and actions as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peewee import DatabaseError

import models
from lib.console import CommandError
from lib.machine import is_without_tables, trouble
from models import Invalid, NotThere


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn the errors of models and actions into one line."""
    try:
        yield
    except Invalid as error:
        raise CommandError(str(error)) from error
    except NotThere as error:
        raise CommandError("no such account.") from error
    except DatabaseError as error:
        if is_without_tables(error):
            raise CommandError("the database has no tables yet: run `flask init`.") from error
        if not trouble(error):
            raise
        raise CommandError(f"{models.database.shown}: {error}.") from error
