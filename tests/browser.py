"""A page as headless Chromium shows it: its DOM, its errors, what it asked for.

Speaks the DevTools protocol over a pipe (`--remote-debugging-pipe`), so that a test can set a phone's width
and ask questions of the live page, with nothing but the standard library.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CHROMIUM = "chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe",
)  # fmt: skip
# Every figure of a report ends as drawn or failed; a page without figures is ready at once.
READY = "document.readyState === 'complete' && !document.querySelector('[data-spec]:not([data-state])')"
PATIENCE_SECONDS = 60
# The browser reads commands from file descriptor 3 and answers on 4; ours may lie there, so they move first.
LAUNCH = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@dataclass(frozen=True)
class Page:
    """What was found after the page had settled."""

    dom: str
    """The document after its scripts ran, as HTML."""
    text: str
    """What a reader sees, as plain text."""
    errors: list[str]
    """Console errors, uncaught exceptions, refusals by the content security policy."""
    requests: list[str]
    """Every address asked for, the page's own file and data: URLs apart."""
    scroll_width: int
    """Width of the content in pixels; wider than the window means sideways scrolling."""
    answers: Mapping[str, Any]
    """What the expressions in `ask` came to, by name."""


def open_page(path: Path, width: int = 1280, ask: Mapping[str, str] | None = None) -> Page:
    """Opens a local HTML file, `width` pixels wide (as a phone up to 480), and waits for its figures.

    `ask`: JavaScript expressions by name, evaluated in turn on the settled page; promises are awaited.
    One Chromium serves all pages of a process, each in a context of its own that shares nothing with another.
    Raises AssertionError where Chromium is missing or the page does not settle in a minute.
    """
    with tab(width) as browser:
        goto(browser, path.resolve().as_uri(), READY)
        answers = {name: browser.evaluate(expression) for name, expression in (ask or {}).items()}
        dom = browser.evaluate("document.documentElement.outerHTML")
        text = browser.evaluate("document.body.innerText")
        scroll_width = browser.evaluate("document.scrollingElement.scrollWidth")
        return Page(
            dom,
            text,
            _errors(browser.events),
            _requests(browser.events, path),
            scroll_width,
            answers,
        )


def goto(browser: Browser, address: str, ready: str, patience: float = PATIENCE_SECONDS) -> None:
    """Opens the address and waits until the JavaScript expression holds there."""
    browser.call("Page.navigate", url=address)
    wait_for(browser, f"location.href !== 'about:blank' && {ready}", patience)


def wait_for(browser: Browser, expression: str, patience: float = PATIENCE_SECONDS) -> None:
    """Returns as soon as the JavaScript expression holds."""
    deadline = time.monotonic() + patience
    while not browser.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} does not hold: {_errors(browser.events)}"
        time.sleep(0.05)


class Browser:
    """One Chromium and its pipe: calls go out, answers and events come in, each ended by a zero byte."""

    def __init__(self, writes: int, reads: int) -> None:
        self.writes, self.reads = writes, reads
        self.buffer = b""
        self.last = 0
        self.session: str | None = None
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        unsent = json.dumps(message).encode() + b"\0"
        while unsent:
            unsent = unsent[os.write(self.writes, unsent) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self.last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def evaluate(self, expression: str) -> Any:
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, f"{expression}: {found['exceptionDetails']}"
        return found["result"].get("value")

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reads], [], [], PATIENCE_SECONDS)
            chunk = os.read(self.reads, 1 << 20) if ready else b""
            assert chunk, "Chromium did not answer"
            self.buffer += chunk
        message, self.buffer = self.buffer.split(b"\0", 1)
        return dict(json.loads(message))


@cache
def _chromium() -> Browser:
    """Started at the first page, and ended with this process."""
    program = shutil.which(CHROMIUM)
    assert program, f"{CHROMIUM} is not on PATH, and the report is tested in a real browser: apt-get install chromium"
    to_read, writes = os.pipe()
    reads, to_write = os.pipe()
    profile = tempfile.mkdtemp(prefix="chromium-")
    launch = [sys.executable, "-c", LAUNCH, str(to_read), str(to_write), program, *FLAGS, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        launch, pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(to_read)
    os.close(to_write)
    atexit.register(_end, process, profile)
    return Browser(writes, reads)


def _end(process: subprocess.Popen[bytes], profile: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own process group, so that its helpers end with it
    process.wait()
    shutil.rmtree(profile, ignore_errors=True)


@contextlib.contextmanager
def tab(width: int, height: int = 900) -> Iterator[Browser]:
    """The browser, speaking to an empty page of a new context and hearing what that page says."""
    browser = _chromium()
    context = browser.call("Target.createBrowserContext")["browserContextId"]
    target = browser.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.session = session
    try:
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(f"{domain}.enable")
        browser.events = []
        _resize(browser, width, height)
        yield browser
    finally:
        browser.session = None
        browser.call("Target.disposeBrowserContext", browserContextId=context)


def _resize(browser: Browser, width: int, height: int) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width <= 480,
    )


def _errors(events: list[dict[str, Any]]) -> list[str]:
    found = []
    for event in events:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            found.append(str(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
        elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            found.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            found.append(params["entry"]["text"])
    return found


def _requests(events: list[dict[str, Any]], path: Path) -> list[str]:
    asked = [e["params"]["request"]["url"] for e in events if e.get("method") == "Network.requestWillBeSent"]
    return [url for url in asked if url != path.resolve().as_uri() and not url.startswith("data:")]
