"""What the command line says about published months, held against the tables; and what it says to wrong questions."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from segmentation import cli
from segmentation.cli import reading
from segmentation.core.errors import ConfigError
from segmentation.core.schemas import SEGMENT_MIGRATION
from segmentation.io.reader import Reader
from tests.jobs.homes import JUNE, MAY, Shop
from tests.published import published, row_hash, table


class Ask:
    """Calls the command line in this process."""

    def __init__(self, warehouse: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.warehouse, self.monkeypatch, self.capsys = warehouse, monkeypatch, capsys
        monkeypatch.setenv("COLUMNS", "100")

    def __call__(self, *words: str) -> str:
        options = ["--warehouse", str(self.warehouse)] if words[0] != "completion" else []
        self.monkeypatch.setattr(sys, "argv", ["segmentation", *words, *options])
        cli.main()
        return self.capsys.readouterr().out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))

    def json_whatever(self, *words: str) -> Any:
        """Also where it ends with an error."""
        with pytest.raises(SystemExit):
            self(*words, "--json")
        return json.loads(self.capsys.readouterr().out)

    def refused(self, *words: str) -> str:
        with pytest.raises(SystemExit) as end:
            self(*words)
        assert end.value.code == 2
        return self.capsys.readouterr().err


@pytest.fixture
def ask(two_months: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    return Ask(two_months.warehouse, monkeypatch, capsys)


def test_segments_are_the_profiles_of_the_newest_month_or_of_the_one_asked_for(ask: Ask, two_months: Shop) -> None:
    for words, as_of in (((), JUNE), (("--as-of", str(MAY)), MAY)):
        profiles = published(two_months.warehouse, "segment_profiles", as_of)
        unified = profiles[profiles["dimension"] == "unified"].set_index("segment_id")
        rows = ask.json("segments", *words)
        assert {r["segment_id"]: r["customers"] for r in rows} == unified["customers"].to_dict()
        assert {r["as_of"] for r in rows} == {str(as_of)}
        assert {r["segment_id"]: r["revenue_365d"] for r in rows} == unified["revenue_365d"].astype(float).to_dict()
    text = ask("segments")
    assert text.startswith(f"unified segments as of {JUNE}\n")
    assert all(name[:20] in text for name in unified["segment_name"])
    assert ask.json("segments", "--dimension", "demographics")[0]["segment_id"] == "no_data"


def test_why_says_what_places_a_customer_and_where_he_was_before(ask: Ask, two_months: Shop) -> None:
    rows = published(two_months.warehouse, "segments", JUNE)
    own = rows[(rows["customer_id"] == "c4") & (rows["dimension"] == "unified")].iloc[0]
    found = ask.json("why", "c4")
    unified = found["segments"][0]
    assert (unified["dimension"], unified["segment_name"]) == ("unified", own["segment_name"])
    assert unified["margin"] == pytest.approx(own["margin"])
    assert [f["feature"] for f in unified["top_features"]] == [f["feature"] for f in own["top_features"]]
    assert [r["as_of"] for r in found["history"]] == [str(MAY), str(JUNE)]
    text = ask("why", "c4")
    assert f"distance {own['distance']:.2f}; the next segment is {own['margin']:.2f} farther" in text
    assert own["top_features"][0]["feature"] in text
    assert "nothing is known of the customer here" in text
    assert [r["as_of"] for r in ask.json("why", "c4", "--as-of", str(MAY))["history"]] == [str(MAY)]


def test_compare_holds_two_months_against_each_other(ask: Ask, two_months: Shop) -> None:
    found = ask.json("compare", str(MAY), str(JUNE))
    for when, as_of in (("before", MAY), ("after", JUNE)):
        profiles = published(two_months.warehouse, "segment_profiles", as_of)
        customers = profiles[profiles["dimension"] == "unified"].set_index("segment_id")["customers"].to_dict()
        shown = {r["segment_id"]: r[f"customers_{when}"] for r in found["segments"]}
        assert {s: n for s, n in shown.items() if n is not None} == customers
    flows = published(two_months.warehouse, "segment_migration", JUNE)
    moved = flows[(flows["dimension"] == "unified") & (flows["from_segment_id"] != flows["to_segment_id"])]
    assert sum(m["customers"] for m in found["moved"]) == moved["customers"].sum()
    text = ask("compare", str(MAY), str(JUNE))
    assert ("Who moved" in text) == bool(len(moved))
    assert "is not before" in ask.refused("compare", str(JUNE), str(MAY))


def test_who_moved_is_told_by_identity_and_not_by_name(
    two_months: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A segment that was renamed has lost nobody; two of one name are two."""
    move = {"previous_as_of": MAY, "share": 1.0}
    moves = [
        move | {"from_segment_id": "u-1", "from_segment_name": "Old", "to_segment_id": "u-1", "to_segment_name": "New",
                "customers": 277},
        move | {"from_segment_id": "u-2", "from_segment_name": "Mixed", "to_segment_id": "u-3",
                "to_segment_name": "Mixed", "customers": 500},
    ]  # fmt: skip
    rows = reading.Reader.rows
    monkeypatch.setattr(
        reading.Reader, "rows", lambda self, t, *a, **k: moves if t is SEGMENT_MIGRATION else rows(self, t, *a, **k)
    )
    found = Ask(two_months.warehouse, monkeypatch, capsys).json("compare", str(MAY), str(JUNE))
    assert [m["customers"] for m in found["moved"]] == [500]


def test_tables_counts_the_rows_that_lie_there(ask: Ask, two_months: Shop) -> None:
    rows = {r["name"]: r for r in ask.json("tables")}
    for name in ("segments", "stg_transactions", "runs", "customer_features", "customer_day"):
        assert rows[name]["rows"] == len(table(two_months.warehouse, name))
    assert rows["segments"]["newest_as_of"] == str(JUNE)
    assert rows["segment_cube"]["rows"] == len(two_months.all_cubes())
    assert "customer and day with purchases or returns" in ask("tables")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("segments", "--dimension", "unifed"), 'Did you mean "unified"?'),
        (
            ("segments", "--as-of", "2024-05-02"),
            "nothing is published as of 2024-05-02. It has: 2024-05-01, 2024-06-01",
        ),
        (("segments", "--as-of", "May"), "May"),
        (("why", "C4"), "customer 'C4' is not known in any published month"),
        (("why", "'; DROP TABLE segments --"), "is not known"),
        (("why", "c4", "--as-of", "2023-01-01"), "nothing is published as of 2023-01-01"),
        (("compare", "May", "2024-06-01"), 'MONTH "May" is not a date. Expected one like 2024-06-01.'),
    ],
)
def test_a_wrong_question_is_answered_with_what_there_is(ask: Ask, words: tuple[str, ...], said: str) -> None:
    assert said in ask.refused(*words)


def test_a_warehouse_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask = Ask(tmp_path / "none", monkeypatch, capsys)
    assert "there are no published tables. Run make demo first" in ask.refused("segments")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("words", [("segments",), ("why", "c1")])
def test_a_warehouse_without_a_month_and_a_damaged_one_are_said(
    two_months: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    log, first = tmp_path / "segmentation" / "runs" / "_delta_log", f"{0:020}.json"
    log.mkdir(parents=True)
    shutil.copy(two_months.warehouse / "segmentation" / "runs" / "_delta_log" / first, log / first)
    ask = Ask(tmp_path, monkeypatch, capsys)
    assert "no month is published yet. Run jobs/monthly.py first." in ask.refused(*words)
    (log / first).write_text("{nonsense")
    assert "error: " in ask.refused(*words)
    with pytest.raises(SystemExit):
        ask("doctor")
    assert "Its log is damaged" in capsys.readouterr().out


def test_the_doctor_finds_what_is_wrong(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    found = {f["what"]: f for f in ask.json("doctor")}
    assert all(f["ok"] for f in found.values())
    assert found["warehouse"]["found"].startswith(f"2 months published, {JUNE} the last")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    registry = next(f for f in ask.json_whatever("doctor") if f["what"] == "model registry")
    assert (registry["ok"], registry["found"]) == (False, "127.0.0.1:9 does not answer")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # no JARs here
    with pytest.raises(SystemExit) as end:
        Ask(tmp_path / "none", monkeypatch, capsys)("doctor")
    said = capsys.readouterr()
    assert end.value.code == 2
    assert "3 of 6 are not as they should be: Java, Delta's JARs, warehouse." in said.err
    assert "Install a JDK 17 or 21" in said.out


def test_completion_knows_every_command(ask: Ask, tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(ask("completion", "bash"))
    asked = f"source {script}; COMP_WORDS=(segmentation co); COMP_CWORD=1; _shtab_segmentation; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["compare", "completion"]


def test_asking_needs_no_spark(two_months: Shop) -> None:
    """Nor a Java: the answer comes from another process that has none."""
    command = [sys.executable, "-m", "segmentation.cli", "why", "c4", "--warehouse", str(two_months.warehouse)]
    environment = {"PATH": "/nonexistent", "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Customer c4 as of" in done.stdout


def test_frames_are_what_the_views_show(two_months: Shop) -> None:
    """Published rows by date, state as the last ingest left it, and no table by a wrong name."""
    reader = Reader(str(two_months.warehouse))
    segments = reader.frame("segments")
    assert row_hash(segments) == row_hash(
        pd.concat([published(two_months.warehouse, "segments", d) for d in (MAY, JUNE)])
    )
    assert set(reader.frame("segments", as_of=MAY)["as_of"]) == {MAY}
    assert reader.frame("segments", as_of=dt.date(2023, 1, 1)).empty
    assert reader.frame("segments_challenger").empty
    profiles = reader.frame("segment_profiles", ["segment_id", "category_mix", "top_differentiators"], JUNE)
    assert all(isinstance(mix, dict) for mix in profiles["category_mix"])
    assert {"feature", "z"} <= {key for apart in profiles["top_differentiators"] for d in apart for key in d}
    assert len(reader.frame("stg_transactions")) == reader.arrow("stg_transactions").num_rows == len(two_months.lines)
    assert len(reader.frame("runs")) == len(reader.runs)
    assert len(reader.frame("segment_models")) == len(table(two_months.warehouse, "segment_models"))  # of all runs
    assert len(reader.frame("segment_cube")) == len(two_months.all_cubes())
    for wrong, said in (
        (("segmets",), r'table "segmets" is not there\. .*Did you mean "segments"'),
        (("../aggregates/segment_cube",), "is not there"),
        (("segments", ["custmer_id"]), r'column "custmer_id" is not there\. .*Did you mean "customer_id"'),
        (("segments", (), "2024-06-01"), "Expected a datetime.date"),
        (("stg_transactions", (), JUNE), "a table with one per run"),
    ):
        with pytest.raises(ConfigError, match=said):
            reader.frame(*wrong)  # type: ignore[arg-type]


def test_a_frame_of_a_table_that_changes_is_that_of_the_last_published_run(two_months: Shop, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(two_months.warehouse, tmp_path / "warehouse"))
    lines = DeltaTable(copy / "segmentation" / "stg_transactions")
    before = len(Reader(str(copy)).frame("stg_transactions"))
    lines.delete("customer_id = 'c1'")  # by whom nothing was published
    assert len(Reader(str(copy)).frame("stg_transactions")) == before > len(lines.to_pandas())
    DeltaTable(copy / "segmentation" / "runs").restore(0)  # as if an ingest had died before its first publication
    assert Reader(str(copy)).frame("stg_transactions").empty
    assert Reader(str(copy)).frame("segments").empty
