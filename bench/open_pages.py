"""Server time per message and open page: bin/bench open_pages [--pages 10] [--messages 60] [--rate 5]

Real Chromium pages show a chat and the list of chats while somebody posts by the API at a steady rate. The same is
posted without any page first; the difference is the pages'. What they ask the server for meanwhile is counted.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, Request

from bench import crowd
from bench.person import Scene, Slow, playing, shows_text
from bench.servers import processor_seconds

# Until pages have reported what was read.
REST = 3.0  # seconds
PATIENCE = 60_000  # ms


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pages", type=int, default=10)
    options.add_argument("--messages", type=int, default=60)
    options.add_argument("--rate", type=float, default=5, help="messages a second")
    args = options.parse_args()
    if not (0 < args.pages <= 50 and 0 < args.messages <= 1000 and 0.1 <= args.rate <= 50):
        options.error("up to 50 pages, 1000 messages and 50 a second")
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder), Slow(1, 0, 0), 1) as scene:
        poster = crowd.tokens(scene.port)[-1].decode()
        alone = post(scene, poster, [], "alone", args.messages, args.rate)
        pages = [scene.sits(f"person{number:02}", slow=False) for number in range(args.pages)]
        seen: Counter[str] = Counter()
        for page in pages:
            scene.opens(page, f"/chats/{scene.garden}?newest=1")
            # To the end, past what was unread.
            page.evaluate("document.querySelector('message-list').scrollToEnd()")
            page.wait_for_function(
                f"() => document.querySelector('[data-chat=\"{scene.garden}\"]').dataset.unread === '0'"
            )
        time.sleep(REST)
        for page in pages:
            page.on("request", lambda request: seen.update([kind_of(request)]))
        together = post(scene, poster, pages, "together", args.messages, args.rate)
    each = (together - alone) / args.messages / args.pages * 1000
    print(f"{args.messages} messages, {args.rate:g} a second; {args.pages} pages that show the chat and the list")
    print(f"processor time of the server: {alone:.2f} s without pages, {together:.2f} s with them")
    print(f"per message and page: {each:.3f} ms")
    for kind, count in seen.most_common():
        print(f"{count / args.messages / args.pages:8.3f} {kind}")


def post(scene: Scene, token: str, pages: list[Page], name: str, messages: int, rate: float) -> float:
    """Post, wait until every page shows it; the seconds of processor time that the server took."""
    before = processor_seconds(scene.master, with_stream=True)
    started = time.monotonic()
    with requests.Session() as session:
        for number in range(messages):
            body: Any = {"chat_id": scene.garden, "text": f"{name} {number}"}
            headers = {"Authorization": f"Bearer {token}"}
            session.post(f"{scene.url}/api/messages", json=body, headers=headers, timeout=30).raise_for_status()
            time.sleep(max(0.0, started + (number + 1) / rate - time.monotonic()))
    for page in pages:
        page.wait_for_function(f"() => {shows_text(f'{name} {messages - 1}')}", timeout=PATIENCE)
    time.sleep(REST)
    return processor_seconds(scene.master, with_stream=True) - before


def kind_of(request: Request) -> str:
    return (
        f"{request.method} {re.sub('[0-9]+', 'N', request.url.partition('?')[0].partition('//')[2].partition('/')[2])}"
    )


if __name__ == "__main__":
    main()
