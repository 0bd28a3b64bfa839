"""The page says when it listens; no test acts before that (conftest.patient)."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from .conftest import READY, Visit
from .test_live import name, row

IS_READY = "'ready' in document.documentElement.dataset"


def test_a_page_is_ready_once_its_scripts_have_run_and_keys_wait_for_it(visit: Visit) -> None:
    ann = visit().signs_up(name())
    path = ann.starts("Garden")
    before: list[bool] = []

    def ask_then_let_through(route: Route) -> None:
        before.append(ann.page.evaluate(IS_READY))
        route.continue_()

    ann.page.route("**/scripts/*.js", ask_then_let_through)
    ann.page.goto(ann.server.url + path, wait_until="commit")
    ann.page.keyboard.press("Control+k")
    expect(ann.page.get_by_role("dialog", name="Quick find")).to_be_visible()
    assert before == [False]
    assert ann.page.evaluate(IS_READY)


def test_a_page_that_is_there_in_part_is_not_ready(visit: Visit) -> None:
    page = visit().page
    begins = """() => { document.open(); document.write("<html><head><title>Half</title>"); }"""
    page.evaluate(begins)
    assert page.evaluate(READY) is False
    page.evaluate("""() => { document.write("<body>No scripts"); document.close(); }""")
    assert page.evaluate(READY) is True
    page.evaluate(begins)
    page.evaluate("""() => { document.write("<script type=importmap>{}</script><body>Live"); document.close(); }""")
    assert page.evaluate(READY) is False
    page.evaluate("document.documentElement.dataset.ready = ''")
    assert page.evaluate(READY) is True


# The history takes its time, and says when it is where it belongs.
SLOWLY = """() => {
  const go = history.go.bind(history);
  history.go = (entries) => {
    let frames = 20;
    const wait = () => (frames-- ? requestAnimationFrame(wait) : go(entries));
    wait();
  };
  addEventListener("popstate", () => fetch("/healthz?aligned"));
}"""


def test_a_reload_waits_until_the_history_matches_closed_overlays(visit: Visit) -> None:
    ann = visit().signs_up(name())
    path = ann.starts("Garden")
    ann.presses("Emoji")
    expect(ann.page.locator("emoji-picker:popover-open")).to_have_count(1)
    asked: list[str] = []
    held: list[Route] = []

    def document(route: Route) -> None:
        asked.append("page")
        if "aligned" in asked:
            route.continue_()
        else:
            held.append(route)

    def aligned(route: Route) -> None:
        asked.append("aligned")
        route.continue_()
        for one in held:
            one.continue_()

    ann.page.evaluate(SLOWLY)
    ann.page.route("**/healthz?aligned", aligned)
    ann.page.route(ann.server.url + path, document)
    ann.page.keyboard.press("Escape")
    expect(ann.page.locator("emoji-picker:popover-open")).to_have_count(0)
    ann.page.reload()
    assert asked == ["aligned", "page"]


def test_another_chat_is_ready_when_its_draft_is_there(visit: Visit) -> None:
    ann = visit().signs_up(name())
    ann.starts("Garden")
    ann.opens("/")
    row(ann, "Garden").click()
    ann.page.keyboard.type("At once")
    expect(ann.page.get_by_label("Message", exact=True)).to_have_value("At once")
    assert defined(ann.page, "chat-draft")


def test_without_scripts_nobody_waits(visit: Visit) -> None:
    ann = visit(javascript=False).signs_up(name())
    ann.starts("Garden")
    ann.writes("Hello")


def defined(page: Page, tag: str) -> bool:
    return bool(page.evaluate(f"customElements.get('{tag}') !== undefined"))
