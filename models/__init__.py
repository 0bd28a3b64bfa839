"""The tables and their verbs."""

from models import direct
from models.attempt import Attempt
from models.base import database, human_size, iso, limits, moment, now, open_database, use, write
from models.chat import Chat
from models.draft import Draft
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
from models.link import Link
from models.login import Login
from models.membership import Membership, chat_dicts
from models.mention import Mention
from models.message import GONE, NOBODY, Message, SentKey
from models.migration import applied, migrate, pending
from models.reaction import Reaction
from models.revision import Revision
from models.tidying import sweep_files
from models.user import User
from models.withdrawn import Withdrawn

__all__ = [
    "GONE",
    "NOBODY",
    "Attempt",
    "Busy",
    "Chat",
    "Draft",
    "Errors",
    "Event",
    "File",
    "Forbidden",
    "Found",
    "Glance",
    "Gone",
    "Invalid",
    "Link",
    "Login",
    "Membership",
    "Mention",
    "Message",
    "Narrowing",
    "NotThere",
    "Reaction",
    "Refused",
    "Revision",
    "SentKey",
    "Taken",
    "TooLarge",
    "TooMany",
    "User",
    "Withdrawn",
    "Words",
    "applied",
    "chat_dicts",
    "database",
    "direct",
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
