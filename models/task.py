"""Background tasks: work that an action leaves behind, done in short transactions."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Callable

from peewee import AutoField, BigIntegerField, IntegerField, TextField

from lib import jobs
from models.base import SECOND_MICROSECONDS, Model, after_commit, database, now, write
from models.timing import BUSY_SECONDS

logger = logging.getLogger(__name__)

# The write lock is free for this many seconds between two transactions.
PAUSE = 0.03
# A worker that did nothing on a task for this long has ended; another process takes over.
LEASE_SECONDS = 2 * BUSY_SECONDS
# Stands for the worker of a task that failed: any worker may take it after the lease.
NO_WORKER = "nobody"


class Task(Model):
    """Unfinished work: the action's transaction does as much as has_room() allows, later ones do the rest.

    A batch and how far the task is done (`place`, `within`: the last that was handled) are committed together, so
    nothing is done twice or left out wherever a process ends. While the row exists, the event log up to the event
    `until` may still hold deleted content (stream/process/log.py).
    """

    id = AutoField()
    kind = TextField()
    subject = IntegerField()
    # What the task needs to know and the tables no longer contain.
    note = TextField(default="")
    place = IntegerField(default=0)
    within = IntegerField(default=0)
    until = IntegerField(default=0)
    worker = TextField(default="")
    worked_at = BigIntegerField(default=0)

    @classmethod
    def begin(cls, kind: str, subject: int, until: int = 0, note: str = "") -> bool:
        """Do as much as this transaction has room for, and leave the rest as a task. Inside a write() only.

        An unfinished task of the same kind and subject restarts. Returns whether anything is left.
        """
        task = cls._restarted(kind, subject, until, note)
        if STEPS[kind](task):
            return False
        task._save_and_schedule()
        return True

    @classmethod
    def enqueue(cls, kind: str, subject: int) -> None:
        """Leave all of the work as a task; an unfinished one restarts. Inside a write() only."""
        cls._restarted(kind, subject)._save_and_schedule()

    @classmethod
    def _restarted(cls, kind: str, subject: int, until: int = 0, note: str = "") -> Task:
        former = cls.get_or_none(cls.kind == kind, cls.subject == subject)
        if former is not None:
            until = max(until, former.until)
            cls.delete().where(cls.id == former.id).execute()
        return cls(kind=kind, subject=subject, until=until, note=note)

    def _save_and_schedule(self) -> None:
        self.save(force_insert=True)
        after_commit(schedule)

    @classmethod
    def work(cls, worker: str = "") -> bool:
        """Do one batch of a task. Returns whether there was one that this worker may do.

        Tasks that hide a part of the event log come first, then merging the search index, since that makes removing
        from it cheaper.
        """
        free = (cls.worker == worker) | ~cls.worked_at.between(now() - LEASE_SECONDS * SECOND_MICROSECONDS, now())
        todo = cls.select().where(free).order_by(cls.until == 0, cls.kind != "merged", cls.id)
        if not todo.exists():
            return False
        task = None
        try:
            with write():
                task = todo.first()
                if task is not None:
                    task.run_step(worker)
        except Exception:
            if task is None:
                raise
            logger.exception("task %d (%s of %d) failed; it will be retried", task.id, task.kind, task.subject)
            task.postpone()
        return True

    def postpone(self) -> None:
        """Postpone the task, so that it does not block the others; then any worker tries it again."""
        with write():
            Task.update(worker=NO_WORKER, worked_at=now()).where(Task.id == self.id).execute()

    def run_step(self, worker: str) -> None:
        """Do one batch. Inside a write() only."""
        if STEPS[self.kind](self):
            Task.delete().where(Task.id == self.id).execute()
            return
        self.worker, self.worked_at = worker, now()
        self.save(only=[Task.place, Task.within, Task.worker, Task.worked_at])


# A step does one batch of a task, as much as has_room() allows, sets `place` and `within` to the last that it handled,
# and returns whether the task is done. It runs inside a write(), and continues after that one after a restart.
Step = Callable[[Task], bool]
STEPS: dict[str, Step] = {}


def step(kind: str) -> Callable[[Step], Step]:
    """Register a function as the step of a kind of task."""

    def register(function: Step) -> Step:
        STEPS[kind] = function
        return function

    return register


def schedule() -> None:
    """Start a thread that works on unfinished tasks, unless this process already has one for this database."""
    path = str(database.database)
    if path not in at_work:
        at_work.add(path)
        jobs.run_after(0, run, path)


# The databases on whose tasks a thread of this process works.
at_work: set[str] = set()


def run(path: str) -> None:
    """Work on unfinished tasks, while this database is still open. Retries after an error, and at the next start."""
    worker = f"{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with database.connection_context():
            while database.database == path and Task.work(worker):
                time.sleep(PAUSE)
            is_left = database.database == path and Task.select().exists()
    except Exception:
        logger.exception("background tasks failed; they will be retried")
        is_left = True
    at_work.discard(path)
    if is_left and database.database == path:
        at_work.add(path)
        jobs.run_after(LEASE_SECONDS + 1, run, path)
