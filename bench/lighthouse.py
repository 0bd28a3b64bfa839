"""What Lighthouse says of the pages on a phone: performance, accessibility, best practices, of 100 each.

bin/bench lighthouse

Lighthouse comes from npm (its version 12 runs on Node 18 and newer) and uses the browser in which somebody is logged
in. It slows processor and network down by its own reckoning (Lantern).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.person import QUIET, Scene, Slow, playing
from bench.servers import free_port

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices")
GOALS = {"performance": 95, "accessibility": 100, "best-practices": 100}


def main() -> int:
    if not shutil.which("npx"):
        print("Lighthouse needs npm: apt-get install npm", file=sys.stderr)
        return 1
    port = free_port()
    arguments = [*QUIET, f"--remote-debugging-port={port}"]
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder), Slow(1, 0, 0), 1) as scene:
        # Lighthouse looks at a tab of the browser's own profile, where somebody has to be logged in.
        profile = scene.chromium.browser_type.launch_persistent_context(
            Path(folder) / "profile", executable_path=shutil.which("chromium"), args=arguments, locale="en-GB"
        )
        print(f"{'page':24}" + "".join(f"{name} ({GOALS[name]})".rjust(22) for name in CATEGORIES))
        for path in ("/login", "/", f"/chats/{scene.garden}"):
            if path == "/":
                scene.sits("person00", slow=False, context=profile).close()
            scores = audited(scene, path, port, Path(folder) / "report.json")
            print(f"{path:24}" + "".join(f"{scores[name]:22.0f}" for name in CATEGORIES), flush=True)
        profile.close()
    return 0


def audited(scene: Scene, path: str, port: int, report: Path) -> dict[str, float]:
    """The scores of a page, of 100; what falls short of 90 is named."""
    command = ["npx", "--yes", LIGHTHOUSE, scene.url + path, "--quiet", "--output=json", f"--output-path={report}"]
    command += [f"--port={port}", "--disable-storage-reset", f"--only-categories={','.join(CATEGORIES)}"]
    subprocess.run(command, check=True, timeout=300)
    report_data = json.loads(report.read_text())
    if not report_data["finalDisplayedUrl"].startswith(scene.url + path):
        raise RuntimeError(f"{path} led to {report_data['finalDisplayedUrl']}")
    weighed = {
        ref["id"] for name in CATEGORIES for ref in report_data["categories"][name]["auditRefs"] if ref["weight"]
    }
    for name in weighed:
        audit = report_data["audits"][name]
        if audit["score"] is not None and audit["score"] < 0.9:
            print(f"    {name}: {audit['title']} {audit.get('displayValue', '')}")
    return {name: report_data["categories"][name]["score"] * 100 for name in CATEGORIES}


if __name__ == "__main__":
    sys.exit(main())
