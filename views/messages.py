"""Messages: write, edit, delete."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from actions import messages, reading
from auth import throttle
from models import Gone, Invalid, Membership, Message, NotThere, Revision, limits, message_page
from views.chats import render_chat
from views.forms import EditMessageForm, MessageForm, parse_id
from views.pages import login_required, me, page, query_id

bp = Blueprint("messages", __name__, url_prefix="/chats/<int:chat_id>")

REVISIONS = 20


@bp.post("")
@login_required
def create(chat_id: int) -> ResponseReturnValue:
    membership, form = Membership.of(me(), chat_id), MessageForm()
    if form.run_on_submit(lambda: post(membership, form)):
        return redirect(membership.chat.url)
    if form.uploads:
        form.notice = " ".join([form.notice, _("Attach the files again.")]).strip()
    return render_chat(membership, form, form.reply_id)


def post(membership: Membership, form: MessageForm) -> Message | None:
    """Post the message, once for each idempotency key."""
    content = (form.text.data or "", form.uploads, form.reply_id)
    try:
        return messages.post(membership, *content, key=form.idempotency_key, draft=form.known_draft)
    except Invalid as error:
        if "Idempotency-Key" not in error.errors:
            raise
        # Somebody went back to a page that was submitted already, and wrote another message there.
        return messages.post(membership, *content, draft=form.known_draft)
    except Gone:
        form.status = 422
        form.notice = _("This message was sent before and then deleted. Press Send to send it again.")
        return None


@bp.route("/messages/<int:message_id>/edit", methods=["GET", "POST"])
@login_required
def edit(chat_id: int, message_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    message = message_page.get(membership, message_id)
    if message.author_id != membership.user_id or message.is_forwarded:
        abort(403)
    form = EditMessageForm(text=message.text)
    if form.run_on_submit(lambda: save_edit(membership, message_id, form)):
        return redirect(message.url)
    return page("messages/edit.html", form, membership=membership, message=message)


def save_edit(membership: Membership, message_id: int, form: EditMessageForm) -> Message:
    throttle("edits", str(membership.user_id))
    return messages.edit(membership, message_id, form.text.data or "")


@bp.route("/messages/<int:message_id>/delete", methods=["GET", "POST"])
@login_required
def delete(chat_id: int, message_id: int) -> ResponseReturnValue:
    membership = Membership.of(me(), chat_id)
    message = message_page.get(membership, message_id)
    if request.method == "POST":
        messages.delete(membership, message_id)
        if limits.undo_seconds:
            # With its chat, since the next page may be another chat's.
            flash(f"{membership.chat.url}/messages/{message_id}", "undo")
        return redirect(message.url)
    if not membership.may_delete(message.author_id):
        abort(403)
    return page("messages/delete.html", membership=membership, message=message)


@bp.get("/messages/<int:message_id>/history")
@login_required
def history(chat_id: int, message_id: int) -> ResponseReturnValue:
    """Show the versions of an edited message, newest first."""
    membership = Membership.of(me(), chat_id)
    message = message_page.get(membership, message_id)
    revisions = Revision.of(message, REVISIONS + 1, query_id("before"))
    older = revisions[REVISIONS - 1].id if len(revisions) > REVISIONS else None
    return page(
        "messages/history.html", membership=membership, message=message, revisions=revisions[:REVISIONS], older=older
    )


@bp.post("/unread")
@login_required
def mark_unread(chat_id: int) -> ResponseReturnValue:
    """Mark as unread from a message on, and leave the chat, since showing it would mark it as read."""
    membership = Membership.of(me(), chat_id)
    try:
        reading.mark_unread(membership, parse_id(request.form.get("message_id")) or 0)
    except Invalid:
        abort(404)
    return redirect("/")


@bp.post("/messages/<int:message_id>/restore")
@login_required
def restore(chat_id: int, message_id: int) -> ResponseReturnValue:
    """Undo a deletion."""
    membership = Membership.of(me(), chat_id)
    try:
        return redirect(messages.restore(membership, message_id).url)
    except NotThere:
        flash(_("Too late: the message can’t be restored anymore."))
        return redirect(membership.chat.url)
