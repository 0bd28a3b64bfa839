"""The tables and their verbs."""

from models.attempt import Attempt
from models.base import database, human_size, iso, limits, moment, now, open_database, use, write
from models.chat import Chat
from models.errors import (
    Busy,
    Errors,
    Forbidden,
    Gone,
    Invalid,
    NotThere,
    Refused,
    Taken,
    TooLarge,
    TooMany,
    Words,
    words,
)
from models.event import Event
from models.file import File
from models.finding import Found, Glance, Narrowing, find, glance, zone_named
from models.login import Login
from models.membership import Membership, chat_dicts
from models.message import Message, SentKey
from models.migration import applied, migrate, pending
from models.tidying import sweep_files
from models.user import User

__all__ = [
    "Attempt",
    "Busy",
    "Chat",
    "Errors",
    "Event",
    "File",
    "Forbidden",
    "Found",
    "Glance",
    "Gone",
    "Invalid",
    "Login",
    "Membership",
    "Message",
    "Narrowing",
    "NotThere",
    "Refused",
    "SentKey",
    "Taken",
    "TooLarge",
    "TooMany",
    "User",
    "Words",
    "applied",
    "chat_dicts",
    "database",
    "find",
    "glance",
    "human_size",
    "iso",
    "limits",
    "migrate",
    "moment",
    "now",
    "open_database",
    "pending",
    "sweep_files",
    "use",
    "words",
    "write",
    "zone_named",
]
