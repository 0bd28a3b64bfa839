"""What people are called on pages: by their own name, with the username where two have the same one."""

from __future__ import annotations

from people import Person

from models import Chat


def test_the_name_that_one_gave_oneself_is_shown_on_top(ann: Person) -> None:
    assert '<span class="me-name">ann</span>' in ann.browser.get("/").text
    ann.api.patch("/api/users/me", json={"name": "Ann of the garden"})
    page = ann.browser.get("/").text
    assert '<span class="me-name">Ann of the garden</span>' in page
    assert ">AO</span>" in page, "initials come from the name shown"


def test_a_chat_lists_its_members_by_name(ann: Person, bob: Person, chat: Chat) -> None:
    bob.api.patch("/api/users/me", json={"name": "Bob Miller"})
    page = ann.browser.get(f"/chats/{chat.id}").text
    assert "ann, Bob Miller" in page
    assert "&#34;Bob Miller&#34;" in page, "the person who types is named"


def test_people_of_one_name_are_shown_with_usernames(ann: Person, bob: Person, chat: Chat) -> None:
    for person in (ann, bob):
        person.api.patch("/api/users/me", json={"name": "Kim"})
    assert "Kim (@ann), Kim (@bob)" in ann.browser.get(f"/chats/{chat.id}").text


def test_a_username_is_changed_in_the_settings(ann: Person, bob: Person) -> None:
    profile = {"name": "Ann", "about": "", "language": "", "theme": ""}
    assert ann.browser.submit("/settings", username="anna", **profile).status_code == 302
    assert bob.browser.get("/users/anna").status_code == 200
    assert bob.browser.get("/users/ann").status_code == 404
    refused = ann.browser.submit("/settings", username="bob", **profile)
    assert refused.status_code == 422
    assert "This username is taken. Choose another one." in refused.text
    assert ann.browser.submit("/settings", username="", **profile).status_code == 422
    # A form from before the field was there leaves the username as it is.
    assert ann.browser.submit("/settings", **profile).status_code == 302
    assert bob.browser.get("/users/anna").status_code == 200
