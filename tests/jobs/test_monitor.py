"""The drift report inside the month: it holds, it stops before anything is published, it calls for new segments."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pyspark.sql import Row

from segmentation.core.errors import BadInputError, ConfigError, GuardError, StopError
from segmentation.pipeline import month, replay, run_ingest, run_monitor, run_month, run_replay
from segmentation.pipeline.season import NotKeptError
from segmentation.pipeline.tell import tell
from tests.conftest import CONF
from tests.jobs import kinds
from tests.jobs.kinds import AUGUST, CUSTOMERS, JULY, sales
from tests.published import published, table
from tests.receiver import receiver
from tests.shop import line, write_sales

SEPTEMBER, LATER, LAST = dt.date(2024, 9, 1), dt.date(2024, 9, 2), dt.date(2024, 9, 3)
CHECKS = {
    "feature_psi", "extreme_share", "missing_share", "segment_share", "members_shift", "centroid_shift",
    "outside_share", "silhouette_loss",
}  # fmt: skip


class Shop(kinds.Shop):
    def runs(self, job: str, as_of: dt.date) -> list[Row]:
        runs = table(self.warehouse, "runs").sort_values("publish_seq")
        found: list[Row] = list(runs[(runs["job"] == job) & (runs["as_of"] == as_of)].itertuples())
        return found

    def august(self, times: int = 1) -> list[dict[str, str]]:
        """Its lines, with so many times the amounts."""
        of_month = [r for r in sales() if r["sold_at"] >= "2024-08-01"]
        return [r | {"amount": f"{float(r['amount']) * times:.2f}"} for r in of_month]

    def ingest(self, name: str, lines: list[dict[str, str]]) -> None:
        run_ingest(self.context(), str(write_sales(self.folder / name, lines)))

    def shares(self, as_of: dt.date) -> pd.Series:
        """Of each unified segment, counted by another reader."""
        rows = published(self.warehouse, "segments", as_of)
        return rows[rows["dimension"] == "unified"].groupby("raw_segment_id").size() / CUSTOMERS


@pytest.fixture(scope="module")
def shop(three_kinds: kinds.Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A champion of July that has scored July; August goes on as before, and its last days came in cents."""
    found = Shop(three_kinds.spark, three_kinds.copy(tmp_path_factory.mktemp("monitor")).folder)
    found.set("sources/shop.yml", received_on=SEPTEMBER)
    found.ingest("after", found.august(100))
    return found


def test_against_itself_nothing_has_moved_and_it_is_published_once(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    [scored] = shop.runs("monthly", JULY)
    assert scored.verdict == "refit"
    assert shop.runs("monitor_drift", JULY) == []  # fitted on these very customers
    run = run_monitor(shop.context(), JULY)
    assert run["verdict"] == "stable"
    assert "figures has moved by more than chance" in run["reason"]
    assert "verdict                 stable: none of" in capsys.readouterr().out
    report = published(shop.warehouse, "drift_report", JULY)
    assert set(report["check"]) == CHECKS
    assert set(report["verdict"]) <= {"holds", "too few"}
    assert report["value"].max() < 0.02
    assert run_monitor(shop.context(), JULY)["run_id"] == run["run_id"]


def test_with_limits_set_back_the_report_is_again_the_one_that_they_give(shop: Shop) -> None:
    """The run of before is of the same key, and no longer shown: what it found is found anew."""
    first, file = run_monitor(shop.context(), JULY), shop.folder / "conf" / "monitoring.yml"
    limits, found = file.read_text(), sorted(published(shop.warehouse, "drift_report", JULY)["verdict"])
    shop.set("monitoring.yml", too_few=10**6)
    other = run_monitor(shop.context(), JULY)
    assert sorted(published(shop.warehouse, "drift_report", JULY)["verdict"]) != found
    file.write_text(limits)
    again = run_monitor(shop.context(), JULY)
    assert again["run_key"] == first["run_key"] != other["run_key"]
    assert len({first["run_id"], other["run_id"], again["run_id"]}) == 3
    assert sorted(published(shop.warehouse, "drift_report", JULY)["verdict"]) == found


def test_a_month_like_those_before_is_published_with_its_verdict(shop: Shop) -> None:
    run = run_month(shop.context(), AUGUST)
    [drift] = shop.runs("monitor_drift", AUGUST)
    assert (run["verdict"], run["reason"]) == (drift.verdict, drift.reason)
    assert run["verdict"] in ("stable", "rescored")
    assert dict(run["inputs"])["drift"] == drift.run_id
    report = published(shop.warehouse, "drift_report", AUGUST)
    of_segments = report[(report["check"] == "segment_share") & (report["dimension"] == "unified")].set_index("subject")
    then, now = shop.shares(JULY), shop.shares(AUGUST)
    assert set(of_segments.index) == set(then.index)
    for segment, value in of_segments["value"].items():
        assert value == pytest.approx(abs(now.get(segment, 0.0) - then[segment]))
    # A key figure is held against the month before, from the profiles of both.
    then, now = (of_unified(shop, day)["orders_per_customer_365d"] for day in (JULY, AUGUST))
    orders = report[report["check"] == "kpi_orders"].set_index("subject")
    assert set(orders.index) == set(then.index) & set(now.index)
    for segment, row in orders.iterrows():
        fallen = max(1 - now[segment] / then[segment], 0.0)
        assert row["value"] == pytest.approx(fallen)
        assert (row["verdict"], row["owner"]) == ("breach" if fallen > 0.001 else "holds", "CRM")
    # The job by itself finds what the month has published.
    assert run_monitor(shop.context(), AUGUST)["run_id"] == drift.run_id


def test_a_month_is_replayed_from_what_it_was_made_of(shop: Shop) -> None:
    """Every row again."""
    context = shop.context()
    wrote = ("segments", "customer_features", "drift_report")
    ids = {name: set(table(shop.warehouse, name)["run_id"]) for name in wrote}
    found = run_replay(context, AUGUST)
    expected = (
        "customer_features",
        "segments",
        "segment_profiles",
        "segment_migration",
        "segment_changes",
        "population",
        "drift_report",
    )
    assert {name: found[name] for name in expected} == {
        name: len(published(shop.warehouse, name, AUGUST)) for name in expected
    }
    assert {name: set(table(shop.warehouse, name)["run_id"]) for name in ids} == ids  # nothing of it is left
    with pytest.raises(BadInputError, match=r"2024-12-01 is not published: nothing to replay"):
        run_replay(shop.context(), dt.date(2024, 12, 1))


@pytest.mark.long
def test_a_month_is_replayed_though_the_one_before_it_was_restated_since(shop: Shop, tmp_path: Path) -> None:
    """What a customer was then, and how many changed segment, is what August has seen, not what July says today."""
    run_month(shop.context(), AUGUST)
    later = Shop(shop.spark, shop.copy(tmp_path).folder)
    [first] = later.runs("monthly", JULY)
    # A third of the customers turn out to have bought something dear in June.
    late = [line(f"late{c}", f"c{c}", "2024-06-20", "900.00") for c in range(0, CUSTOMERS, 3)]
    later.ingest("late", late)
    run_month(later.context(restate=True), JULY)
    segments = table(later.warehouse, "segments")
    of_july = segments[(segments["as_of"] == JULY) & (segments["dimension"] == "unified")]
    was, now = (of_july[of_july["run_id"] == r].set_index("customer_id")["raw_segment_id"]
                for r in (first.run_id, later.runs("monthly", JULY)[-1].run_id))  # fmt: skip
    assert (was != now.reindex(was.index)).mean() > 0.1
    found = run_replay(later.context(), AUGUST)
    for name in ("segments", "segment_migration", "segment_changes", "drift_report"):
        assert found[name] == len(published(later.warehouse, name, AUGUST)) > 0


@pytest.mark.long
def test_a_replay_finds_a_row_that_was_changed_and_says_what_is_not_kept_any_more(shop: Shop) -> None:
    context = shop.context()
    run_month(context, AUGUST)
    ids = {
        name: set(table(shop.warehouse, name)["run_id"]) for name in ("segments", "customer_features", "drift_report")
    }
    features = context.registry.table
    before = context.warehouse.version(features)
    of_one = f"as_of = DATE'{AUGUST}' AND customer_id = 'c1'"
    path = context.warehouse.path(features)
    shop.spark.sql(f"UPDATE delta.`{path}` SET net_revenue_90d = net_revenue_90d + 1 WHERE {of_one}")
    said = f"customer_features of {AUGUST} comes out otherwise: 90 rows were published, 90 are made now, and 1 of those"
    with pytest.raises(GuardError, match=said):
        run_replay(context, AUGUST)
    assert {name: set(table(shop.warehouse, name)["run_id"]) for name in ids} == ids  # nothing of it is left
    context.warehouse.restore(features, before)
    shop.set("stickiness.yml", min_score=7)
    with pytest.raises(BadInputError, match=r"monthly of 2024-08-01 was published by conf/ \w+, and this is \w+"):
        run_replay(shop.context(), AUGUST)
    shutil.copy(CONF / "stickiness.yml", shop.folder / "conf" / "stickiness.yml")
    days, away = shop.warehouse / "segmentation" / "customer_day", shop.folder / "away"
    days.rename(away)
    shutil.copytree(away, days, ignore=shutil.ignore_patterns("*.parquet"))
    with pytest.raises(GuardError, match="2024-08-01 cannot be replayed: what it was made of is not kept any more"):
        run_replay(shop.context(), AUGUST)
    shutil.rmtree(days)
    away.rename(days)


def test_a_hundredfold_error_stops_the_month_names_the_money_and_tells_people_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StopError) as stop:
        run_month(shop.context(), SEPTEMBER)
    assert stop.value.exit_code == 4
    why = str(stop.value)
    assert why.startswith(f"{SEPTEMBER} is not published: ")
    assert "_365d: feature_psi" in why
    assert "raise `stop` in conf/monitoring.yml" in why
    said = capsys.readouterr().out
    assert f"Segments as of {SEPTEMBER}: not published: something is wrong with the data" in said
    [drift] = shop.runs("monitor_drift", SEPTEMBER)
    assert drift.verdict == "stop"
    report = published(shop.warehouse, "drift_report", SEPTEMBER)
    # Whom to tell was not said before; now it is, and the first time nobody listens. It is not measured again.
    hook = {"url": "$HOOK", "secret": "$HOOK_SECRET", "attempts": 1}
    shop.set("alerts.yml", webhook=hook)
    with pytest.raises(ConfigError, match=r"`url` is \$HOOK, and that is not set"):
        run_month(shop.context(), SEPTEMBER)
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with receiver(500, 200) as (url, taken):
        monkeypatch.setenv("HOOK", url)
        with pytest.raises(StopError, match=f"{SEPTEMBER} is not published"):
            run_month(shop.context(), SEPTEMBER)
        assert len(taken) == 1
        for _ in range(2):  # each further start tells of the same run
            context = shop.context()
            tell(context, context.runs.get(drift.run_id))
            assert len(taken) == 2
    shop.set("alerts.yml", webhook=None)
    first, second = (json.loads(body) for _, body in taken)
    assert first == second
    assert (second["run_id"], second["verdict"]) == (drift.run_id, "stop")
    stopped = report[report["verdict"] == "stop"]
    told = [text.partition("; chance gives")[0] for text in stopped["explanation"]]
    assert second["title"].endswith("not published: something is wrong with the data")
    grave = second["lines"][: min(len(stopped), 6)]
    assert grave
    assert all(any(line.endswith(words) for words in told) for line in grave)
    assert table(shop.warehouse, "alerts")[["run_id", "channel"]].to_numpy().tolist() == [[drift.run_id, "webhook"]]
    assert "not told by webhook: answered with status 500; start the month again" in capsys.readouterr().out
    assert shop.runs("monthly", SEPTEMBER) == []
    [_] = shop.runs("monitor_drift", SEPTEMBER)
    stops = set(report.loc[report["verdict"] == "stop", "subject"])
    assert "average_order_value_365d" in stops
    assert not {s for s in stops if s.startswith("orders")}


@pytest.fixture(scope="module")
def mended(shop: Shop) -> Row:
    """September as it is published once it was stopped, and its lines have come in euros."""
    run_month(shop.context(), AUGUST)
    with pytest.raises(StopError):
        run_month(shop.context(), SEPTEMBER)
    shop.ingest("mended", shop.august())
    return run_month(shop.context(), SEPTEMBER)


@pytest.mark.long
def test_a_replay_says_of_a_drift_report_that_it_cannot_be_made_again(
    shop: Shop, mended: Row, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it was held against is not kept any more; the other tables are made and compared."""

    def gone(*_: object) -> None:
        raise NotKeptError("2023-08-01 was its second reference")

    monkeypatch.setattr(replay, "measure", gone)
    found = run_replay(shop.context(), AUGUST)
    assert "drift_report" not in found
    assert found["segments"] == len(published(shop.warehouse, "segments", AUGUST))
    assert "cannot be made again: 2023-08-01 was its second reference" in capsys.readouterr().out


@pytest.mark.long
def test_once_the_data_are_mended_the_same_month_is_published(shop: Shop, mended: Row) -> None:
    run = mended
    assert run["verdict"] in ("stable", "rescored")
    assert [r.verdict for r in shop.runs("monitor_drift", SEPTEMBER)] == ["stop", run["verdict"]]
    then, now = (published(shop.warehouse, "drift_report", day) for day in (AUGUST, SEPTEMBER))
    was = set(then.loc[then["verdict"] == "breach", "subject"])
    orders = now[now["check"] == "kpi_orders"].set_index("subject")
    for segment, row in orders[orders["threshold"].notna()].iterrows():
        again = "escalated" if segment in was else "breach"
        assert row["verdict"] == (again if row["value"] > row["threshold"] else "holds")
        assert row["owner"] == ("Head" if row["verdict"] == "escalated" else "CRM")
    assert len(shop.runs("monthly", SEPTEMBER)) == 1


@pytest.mark.long
def test_drift_that_is_accepted_calls_for_a_challenger_that_takes_over_from_the_next_date(
    shop: Shop, mended: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day later, in cents again and with nothing that may stop it: behind a gate that is closed, and an open one."""
    shop.ingest("again", shop.august(100))
    checks = yaml.safe_load((shop.folder / "conf" / "monitoring.yml").read_text())["checks"]
    shop.set("monitoring.yml", checks={c: {k: v for k, v in at.items() if k != "stop"} for c, at in checks.items()})
    shop.set("promotion.yml", min_share=0.4)
    [champion] = published(shop.warehouse, "segments", SEPTEMBER)["model_version"].dropna().unique()
    refused = run_month(shop.context(), LATER)
    assert refused["verdict"] == "rescored"
    assert "The gate refused" in refused["reason"]
    assert "smallest segment" in refused["reason"]
    scores = published(shop.warehouse, "segments", LATER)
    assert scores["model_version"].dropna().unique().tolist() == [champion]
    theirs = published(shop.warehouse, "segments_challenger", LATER)
    [challenger] = theirs["model_version"].dropna().unique()
    assert challenger != champion
    assert len(theirs) == len(scores)
    assert challenger in refused["reason"]
    assert challenger not in set(table(shop.warehouse, "promotions")["model_version"])

    shop.set("promotion.yml", max_silhouette_loss=2.0, min_stability=0.0, min_share=0.0)
    with monkeypatch.context() as m:
        m.setattr(month, "promote_fitted", killed)
        with pytest.raises(KeyboardInterrupt):
            run_month(shop.context(restate=True), LATER)
    passed = shop.runs("monthly", LATER)[-1]
    assert passed.verdict == "refit"
    assert "takes over" in passed.reason
    assert published(shop.warehouse, "segments", LATER)["model_version"].dropna().unique().tolist() == [champion]
    # Killed before the promotion: the next month makes up for it, and is scored by the new bundle.
    after = run_month(shop.context(), LAST)
    last = table(shop.warehouse, "promotions").sort_values("seq").iloc[-1]
    assert last["effective_from_as_of"] == LAST
    assert last["model_version"] in passed.reason
    assert set(published(shop.warehouse, "segments", LAST)["model_version"].dropna()) == {last["model_version"]}
    assert after["verdict"] in ("stable", "rescored")
    assert published(shop.warehouse, "segments_challenger", LAST).empty
    # What the refit did to segments is told apart from what customers did in a day: nothing.
    changes = published(shop.warehouse, "segment_changes", LAST)
    assert changes["by_model"].abs().sum() > 0
    assert changes["moved_in"].sum() <= 3
    parts = changes["customers_before"] + changes["by_model"] + changes["came"] - changes["gone"]
    assert (parts + changes["moved_in"] - changes["moved_out"] == changes["customers"]).all()
    # An older month that is done again changes no champion, and says so.
    drifted = {"verdict": "refit", "reason": "everything has moved", "run_id": "a drift run"}
    with monkeypatch.context() as m:
        m.setattr(month, "monitor", lambda *_: drifted)
        old = run_month(shop.context(restate=True), AUGUST)
    assert old["verdict"] == "rescored"
    assert old["reason"] == "everything has moved. Later months are scored already: no challenger was fitted"
    assert table(shop.warehouse, "promotions")["seq"].max() == last["seq"]


def of_unified(shop: Shop, as_of: dt.date) -> pd.DataFrame:
    """Profiles by segment."""
    rows = published(shop.warehouse, "segment_profiles", as_of)
    return rows[rows["dimension"] == "unified"].set_index("segment_id")


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_month_that_is_not_there_is_asked_for(shop: Shop) -> None:
    with pytest.raises(BadInputError, match=r"2024-10-01 is not scored\. Run jobs/monthly\.py --as-of 2024-10-01"):
        run_monitor(shop.context(), dt.date(2024, 10, 1))
