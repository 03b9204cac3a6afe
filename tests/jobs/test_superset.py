"""The dashboards in a real Superset: every chart is drawn. Without data they say so: tests/marts/test_bi.py."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, goto, tab, wait_for
from tests.conftest import CONF, ROOT, free_port
from tests.jobs.retailer import AS_OF
from tests.jobs.test_sql_server import PATIENCE_SECONDS, start
from tests.published import published

pytestmark = [pytest.mark.bi, pytest.mark.timeout(1800)]

SUPERSET = ROOT / "build" / "superset"
CHARTS = """[...document.querySelectorAll('.dashboard-component-chart-holder')].map(c => ({
    title: c.innerText.split('\\n')[0], text: c.innerText, busy: !!c.querySelector('.loading'),
    drawn: c.querySelectorAll('canvas, table').length > 0}))"""
CONFIG = "JSON.parse(document.querySelector('#app').dataset.bootstrap).common.conf"
HIGH = 4200
"""Superset draws what is on the screen alone."""


@contextmanager
def superset(home: Path, sql_port: int) -> Iterator[tuple[str, str]]:
    """The address of a Superset over the SQL server at that port, and the password of `admin`."""
    port = free_port()
    command = [str(CONF / "bi" / "superset" / "serve"), str(SUPERSET), str(home), str(port), str(sql_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("Dashboards: "):
                    break
            else:
                raise AssertionError((home / "log").read_text()[-3000:])
            yield f"http://127.0.0.1:{port}", (home / "password").read_text().strip()
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def log_in(browser: Browser, address: str, password: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            goto(browser, f"{address}/login/", "!!document.querySelector('#username')", patience=10)
            break
        except AssertionError:  # it does not listen yet
            assert time.monotonic() < deadline
    for name, text in (("username", "admin"), ("password", password)):
        browser.evaluate(f"document.querySelector('#{name}').focus()")
        browser.call("Input.insertText", text=text)
    browser.evaluate("document.querySelector('form button[type=submit]').click()")
    wait_for(browser, "!location.pathname.startsWith('/login')")


def charts(home: Path, sql_port: int) -> dict[str, Any]:
    """By title what each chart shows, once none is loading; a picture of all is left in `home`."""
    with superset(home, sql_port) as (address, password), tab(1400, HIGH) as browser:
        log_in(browser, address, password)
        there = "document.querySelectorAll('.dashboard-component-chart-holder').length === 10"
        goto(browser, f"{address}/superset/dashboard/segments/", there, PATIENCE_SECONDS)
        wait_for(browser, f"{CHARTS}.every(c => !c.busy && (c.drawn || /error/i.test(c.text)))", PATIENCE_SECONDS)
        assert browser.evaluate(f"{CONFIG}.SUPERSET_WEBSERVER_TIMEOUT") == 600  # serve hands it superset_config.py
        taken = browser.call("Page.captureScreenshot", format="png")  # beyond the window would draw all of it anew
        (home / "dashboard.png").write_bytes(base64.b64decode(taken["data"]))
        return {c["title"]: c for c in browser.evaluate(CHARTS)}


def test_every_chart_is_drawn_of_a_retailer_that_has_everything(retailer_of_two_months: Path, tmp_path: Path) -> None:
    warehouse = retailer_of_two_months / "warehouse"
    [found] = [
        charts(tmp_path / "home", port)
        for port in start(warehouse, "everyone", tmp_path / "log", retailer_of_two_months / "conf")
    ]
    assert len(found) == 10
    for title, chart in found.items():
        assert chart["drawn"], (title, chart["text"])
        assert "rror" not in chart["text"], (title, chart["text"])
    profiles = published(warehouse, "segment_profiles", AS_OF)
    largest = profiles[profiles["dimension"] == "unified"].sort_values("customers").iloc[-1]
    assert largest["segment_name"] in found["What segments are like"]["text"]


def started_again(home: Path, sql_port: int) -> None:
    """What was changed by hand in the charts of the bundle is as the bundle says after the next start."""
    with closing(sqlite3.connect(home / "superset.db")) as database:
        query = "SELECT slice_name, params FROM slices ORDER BY slice_name"
        before = database.execute(query).fetchall()
        with database:
            database.execute("UPDATE slices SET params = '{}'")
        with superset(home, sql_port):
            assert database.execute(query).fetchall() == before


def test_every_chart_is_drawn_of_the_demos_data_too_and_a_later_start_follows_the_bundle(
    demo_warehouse: Path, tmp_path: Path
) -> None:
    [(found, _)] = [
        (charts(tmp_path / "home", port), started_again(tmp_path / "home", port))
        for port in start(demo_warehouse, "everyone", tmp_path / "log", CONF, "complete_journey")
    ]
    for title, chart in found.items():
        assert chart["drawn"], (title, chart["text"])
    assert (
        "None of what everyone may see has moved, or nothing was measured"
        in found["What has moved by more than chance"]["text"]
    )
