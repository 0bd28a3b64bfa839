"""Chats: the list, a new one, the log of one, its title, its end."""

from __future__ import annotations

import logging
import secrets

from flask import Blueprint, abort, redirect, request
from flask.typing import ResponseReturnValue
from peewee import OperationalError

from auth import current_user, throttle
from forms import ChatForm, MemberForm, PostForm, TitleForm, number
from models import Chat, Membership, Message, NotThere
from views.log import NAMED, Stretch, company
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
    """For a live page: what came after `?since=`, a message `?beside=` its neighbours, or else the newest.

    Reading it moves no read position: the page tells what was really on screen.
    """
    mine = Membership.of(me(), chat_id)
    since, beside = asked("since"), asked("beside")
    if beside is not None:
        stretch = Stretch.beside(mine, beside)
    else:
        stretch = Stretch.asked_for(mine) if since is None else Stretch.since(mine, since)
    stretch.arrange(mine, company(mine)[1], has_line="line" in request.args)
    return page("chats/log.html", mine=mine, stretch=stretch)


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
    stretch.arrange(mine, may_delete)
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
    names = list(people.values())[:NAMED]
    shown = {"mine": mine, "stretch": stretch, "people": people, "names": names, "quoted": quoted, "read_id": read_id}
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
    """Whether somebody is looking at this answer.

    Opening a chat moves the read position (docs/decisions/0007): nobody has seen a page that the browser only
    fetches ahead, and an image or a script tag on another site must not move it.
    """
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
    form = TitleForm(title=mine.chat.title)
    if form.done(lambda: mine.rename(form.title.data)):
        return redirect(mine.chat.url)
    return desk(mine, form)


def desk(mine: Membership, form: TitleForm | MemberForm) -> ResponseReturnValue:
    """The page on which a chat is changed; `form` is the one of its forms that was sent, or none yet."""
    title = form if isinstance(form, TitleForm) else TitleForm(None, title=mine.chat.title)
    member = form if isinstance(form, MemberForm) else MemberForm(None)
    heir = mine.heir() if mine.is_owner else None
    return page("chats/edit.html", form, mine=mine, members=mine.members(), heir=heir, title=title, member=member)


@bp.route("/chats/<int:chat_id>/leave", methods=["GET", "POST"])
@signed_in
def leave(chat_id: int) -> ResponseReturnValue:
    mine = Membership.of(me(), chat_id)
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
