"""Chats: the list, a new one, the log of one, its title, its end."""

from __future__ import annotations

import logging
import secrets

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from peewee import OperationalError

from auth import current_user, throttle
from forms import ChatForm, LevelForm, MemberForm, PostForm, RoomForm, number
from models import Chat, Membership, Message, NotThere
from views.log import Stretch, company
from views.pages import asked, listed, me, page, signed_in

bp = Blueprint("chats", __name__)
log = logging.getLogger(__name__)


@bp.get("/")
def index() -> ResponseReturnValue:
    """One's chats; what this is, for who is not signed in."""
    if not current_user.is_authenticated:
        return page("landing.html")
    return page("chats/index.html", listing=listed(asked("before")))


@bp.route("/chats/new", methods=["GET", "POST"])
@signed_in
def new() -> ResponseReturnValue:
    form = ChatForm()
    if form.done(lambda: started(form)):
        return redirect(form.result.chat.url)
    if not form.is_submitted():
        form.usernames.data = request.args.get("with", "")
    return page("chats/new.html", form)


def started(form: ChatForm) -> Membership:
    throttle("chats", str(me().id))
    return Chat.start(me(), form.title.data, form.names)


@bp.get("/chats/<int:chat_id>")
@signed_in
def show(chat_id: int) -> ResponseReturnValue:
    return room(Membership.of(me(), chat_id), PostForm(), reply_to=asked("reply_to"))


@bp.get("/chats/<int:chat_id>/log")
@signed_in
def log_rows(chat_id: int) -> ResponseReturnValue:
    """For a live page: what came after `?since=`, a message `?beside=` its neighbours, or what a page would show.

    The unread line is drawn after `?line=`. Reading it moves no read position: the page tells what was on screen.
    """
    mine = Membership.of(me(), chat_id)
    since, beside = asked("since"), asked("beside")
    if beside is not None:
        stretch = Stretch.beside(mine, beside)
    else:
        stretch = Stretch.asked_for(mine) if since is None else Stretch.since(mine, since)
    stretch.arrange(mine, company(mine)[1], asked("line"))
    return page("chats/log.html", mine=mine, stretch=stretch)


@bp.get("/chats/<int:chat_id>/heading")
@signed_in
def heading(chat_id: int) -> ResponseReturnValue:
    """For a live page: the title and the names above the log."""
    mine = Membership.of(me(), chat_id)
    return page("chats/heading.html", mine=mine, people=company(mine)[0])


@bp.post("/chats/<int:chat_id>/read")
@signed_in
def read(chat_id: int) -> ResponseReturnValue:
    """From a live page: what was really on screen."""
    Membership.of(me(), chat_id).read(number(request.form.get("message_id")) or 0)
    return "", 204


@bp.get("/chats/rows")
@signed_in
def rows() -> ResponseReturnValue:
    """For a live page: the rows of the chats `?id=…&id=…` that are one's own, or of all; `?open=` is the one shown."""
    wanted = [found for found in map(number, request.args.getlist("id")) if found is not None]
    return page("chats/rows.html", listing=listed(only=wanted or None), open_id=asked("open"))


def room(mine: Membership, form: PostForm, reply_to: int | None) -> ResponseReturnValue:
    """A chat with its log and the form for the next message."""
    stretch = Stretch.asked_for(mine)
    people, may_delete = company(mine)
    # An address that leads to what was unread names where that began: by now it may be read.
    line = asked("line")
    if line is None and mine.unread:
        line = mine.last_read_id
    stretch.arrange(mine, may_delete, line)
    quoted = quotable(mine, stretch, reply_to)
    begun = mine.draft
    if begun and not form.is_submitted():
        form.text.data = begun.text
    read_id = mine.last_read_id
    if not stretch.newer and stretch.last_id > read_id and is_seen():
        mark_read(mine, stretch.last_id)
        read_id = stretch.last_id
    # Sent twice by an impatient finger, a form is one message still.
    form.key.data = secrets.token_urlsafe(16)
    shown = {"mine": mine, "stretch": stretch, "people": people, "quoted": quoted, "read_id": read_id, "line": line}
    shown["begun_to"] = quotable(mine, stretch, begun.reply_to_id) if begun and not quoted else None
    return page("chats/show.html", form, **shown)


def quotable(mine: Membership, stretch: Stretch, reply_to: int | None) -> Message | None:
    """The message to reply to; None when it is gone by now."""
    if reply_to is None:
        return None
    for message in stretch.messages:
        if message.id == reply_to and not message.is_deleted:
            return message
    try:
        return mine.message(reply_to)
    except NotThere:
        return None


def is_seen() -> bool:
    """Whether this answer is all that will be known of somebody looking at it (docs/decisions/0007).

    Where scripts run they tell what was on screen. Nobody has seen a page that the browser only fetches ahead, and
    an image or a script tag on another site must not move a read position.
    """
    if "scripts" in request.cookies or "X-Pane" in request.headers:
        return False
    headers = request.headers
    is_ahead = "prefetch" in headers.get("Sec-Purpose", "")
    is_document = headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method != "HEAD" and is_document and not is_ahead


def mark_read(mine: Membership, last_id: int) -> None:
    try:
        mine.read(last_id)
    except OperationalError as error:
        # Reading goes on while nothing can be written (rule 27); the next visit moves the position.
        log.warning("the read position could not be written: %s", error)


@bp.route("/chats/<int:chat_id>/edit", methods=["GET", "POST"])
@signed_in
def edit(chat_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    form = RoomForm(**said_of(mine))
    if form.done(lambda: mine.describe(form.title.data, form.description.data)) and pictured(mine, form):
        return redirect(mine.chat.url)
    return desk(mine, form)


def said_of(mine: Membership) -> dict[str, str]:
    """What the first form of that page holds before anybody types."""
    return {"title": mine.chat.title, "description": mine.chat.description}


def pictured(mine: Membership, form: RoomForm) -> bool:
    """Take the picture that came along, if one did. What else was changed stands by then, and the page says so."""
    if form.picture.data:
        taken = form.done(lambda: mine.set_picture(form.picture.data.stream))
    else:
        taken = not form.no_picture.data or form.done(mine.drop_picture)
    if not taken:
        form.notice = form.notice or _("Everything but the picture was saved.")
    return taken


def desk(mine: Membership, form: RoomForm | MemberForm | LevelForm) -> ResponseReturnValue:
    """The page on which a chat is changed; `form` is the one of its forms that was sent, or none yet."""
    forms = {
        "room": form if isinstance(form, RoomForm) else RoomForm(None, data=said_of(mine)),
        "member": form if isinstance(form, MemberForm) else MemberForm(None),
        "level": form if isinstance(form, LevelForm) else LevelForm(None, level=mine.level),
    }
    heir = mine.heir() if mine.is_owner else None
    return page("chats/edit.html", form, mine=mine, members=mine.members(), heir=heir, **forms)


@bp.route("/chats/<int:chat_id>/leave", methods=["GET", "POST"])
@signed_in
def leave(chat_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    if mine.chat.is_direct:
        abort(403)
    if request.method == "POST":
        mine.leave()
        return redirect("/")
    return page("chats/leave.html", mine=mine, heir=mine.heir() if mine.is_owner else None)


@bp.route("/chats/<int:chat_id>/delete", methods=["GET", "POST"])
@signed_in
def delete(chat_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
    if request.method == "POST":
        mine.delete_chat()
        return redirect("/")
    if not mine.is_owner:
        abort(403)
    return page("chats/delete.html", mine=mine)
