"""A refit beside a champion: what is the same keeps its id and name, and the gate says who serves."""

from __future__ import annotations

import datetime as dt

import pytest

from segmentation.core.errors import BadInputError
from segmentation.pipeline import run_approve, run_fit, run_month, run_promote
from segmentation.pipeline.features import run_features
from tests.jobs import kinds
from tests.jobs.kinds import AUGUST, JULY, PINNED
from tests.published import published, table


class Shop(kinds.Shop):
    def models(self) -> dict[tuple[str, str], dict[str, str]]:
        """(dimension, version) → id → name."""
        rows = table(self.warehouse, "segment_models").itertuples()
        return {(r.dimension, r.model_version): dict(zip(r.segment_ids, r.segment_names, strict=True)) for r in rows}

    def version(self, run_id: str) -> str:
        models = table(self.warehouse, "segment_models")
        [version] = set(models[models["run_id"] == run_id]["model_version"])
        return version

    def promotions(self) -> list[tuple[str, dt.date, str]]:
        rows = table(self.warehouse, "promotions").sort_values("seq")
        return list(zip(rows["model_version"], rows["effective_from_as_of"], rows["by"], strict=True))


@pytest.fixture(scope="module")
def shop(three_kinds: kinds.Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A champion of July that has scored July; in July everybody went on as before."""
    found = Shop(three_kinds.spark, three_kinds.copy(tmp_path_factory.mktemp("refit")).folder)
    run_features(found.context(), [AUGUST])
    return found


def test_a_refit_of_the_same_customers_keeps_ids_and_names_and_takes_over(shop: Shop) -> None:
    before = shop.models()
    run = run_fit(shop.context(), AUGUST)
    version = shop.version(run["run_id"])
    assert run["verdict"] == "passed"
    assert run["reason"].startswith(f"bundle {version}: stability ")
    after = shop.models()
    [(champion, start, _), (promoted, effective, by)] = shop.promotions()
    assert (start, promoted, effective, by) == (JULY, version, AUGUST, "gate")
    for dimension in PINNED:
        assert after[dimension, version] == before[dimension, champion]
    kin = published(shop.warehouse, "segment_lineage", AUGUST)
    assert set(kin["relation"]) == {"same"}
    assert set(kin["from_version"]) == {champion}
    assert set(kin["to_version"]) == {version}
    assert len(kin) == 9
    assert (kin["from_segment_id"] == kin["to_segment_id"]).all()
    assert kin["overlap"].min() > 0.5
    assert kin.loc[kin["dimension"] == "unified", "overlap"].min() > 0.9
    assert run_fit(shop.context(), AUGUST)["run_id"] == run["run_id"]
    assert len(shop.promotions()) == 2
    # The gate's promotion labels August, and July stays as it was published.
    run_month(shop.context(), AUGUST)
    scored = published(shop.warehouse, "segments", AUGUST)
    assert set(scored["model_version"].dropna()) == {version}
    assert set(scored[scored["dimension"] == "unified"]["raw_segment_id"]) == set(after["unified", version])
    # What those of July did since is told of July's segments, and who moved adds up to both months.
    differences = published(shop.warehouse, "segment_differences", AUGUST)
    since = differences[differences["role"] == "next_period"]
    assert set(since["segments_as_of"]) == {JULY}
    assert set(since["dimension"]) >= {"transactional", "unified"}
    assert since.loc[since["dimension"] == "transactional", "differs"].all()  # each kind spent what one costs
    flows = published(shop.warehouse, "segment_migration", AUGUST)
    assert set(flows["previous_as_of"]) == {JULY}
    then = published(shop.warehouse, "segments", JULY)
    for side, rows in (("from", then), ("to", scored)):
        summed = flows.groupby(["dimension", f"{side}_segment_id"])["customers"].sum().to_dict()
        assert summed == rows.groupby(["dimension", "segment_id"]).size().to_dict()
    assert published(shop.warehouse, "segment_migration", JULY).empty
    # What the refit did to a segment is told apart from what its customers did, and all of it adds up.
    changes = published(shop.warehouse, "segment_changes", AUGUST)
    parts = changes["customers_before"] + changes["by_model"] + changes["came"] - changes["gone"]
    assert (parts + changes["moved_in"] - changes["moved_out"] == changes["customers"]).all()
    assert (changes.groupby("dimension")["by_model"].sum() == 0).all()
    sizes = changes[changes["customers"] > 0].set_index(["dimension", "segment_id"])["customers"]
    assert sizes.to_dict() == scored.groupby(["dimension", "segment_id"]).size().to_dict()


def test_a_person_goes_back_to_the_champion_before_and_forth_again(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """July was scored by the first bundle, August by the second; from 2 August on the first, and then the second."""
    context, next_day = shop.context(), AUGUST + dt.timedelta(days=1)
    (first, *_), (second, *_) = before = shop.promotions()
    assert run_promote(context, "an analyst", None, dry_run=True) == first
    assert f"would make champion {first} in place of {second} from {next_day} on" in capsys.readouterr().out
    assert shop.promotions() == before
    assert run_promote(context, "an analyst", None, reason="names confuse the stores") == first
    assert shop.promotions() == [*before, (first, next_day, "an analyst")]
    assert context.runs.champion(AUGUST) == second  # what is published stays
    assert context.runs.champion(next_day) == first
    run_promote(context, "an analyst", first)
    assert "is champion from 2024-08-02 on already" in capsys.readouterr().out
    run_promote(context, "another", second)
    assert context.runs.champion(next_day) == second
    assert shop.promotions()[3:] == [(second, next_day, "another")]
    with pytest.raises(BadInputError, match=r"--as-of 2024-08-01: dates up to 2024-08-01 are scored, and keep"):
        run_promote(context, "an analyst", first, AUGUST)
    with pytest.raises(BadInputError, match=rf'--bundle "{first}x" is not among .* Did you mean "{first}"'):
        run_promote(context, "an analyst", first + "x")
    assert len(shop.promotions()) == 4


@pytest.mark.long
def test_changed_segments_wait_for_a_person_where_that_is_asked_for(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    run_month(shop.context(), AUGUST)
    shop.set("sweep.yml", pinned_k={**PINNED, "unified": 6})
    shop.set(
        "promotion.yml", approval=True, max_moved_share=1.0, max_silhouette_loss=2.0, min_stability=0.0, min_share=0.0
    )
    before, next_day = shop.promotions(), AUGUST + dt.timedelta(days=1)
    run = run_fit(shop.context(), AUGUST)
    version = shop.version(run["run_id"])
    assert run["verdict"] == "waits"
    assert "waits for approval of what became of segments: " in run["reason"]
    assert shop.promotions() == before
    capsys.readouterr()
    assert run_approve(shop.context(), "a marketer", dry_run=True) == version
    said = capsys.readouterr().out
    kin = published(shop.warehouse, "segment_lineage", AUGUST)
    for k in kin[(kin["dimension"] == "unified") & (kin["relation"] != "same")].itertuples():
        [line] = [s for s in said.splitlines() if s.strip().startswith(k.relation) and f"({k.to_segment_id})" in s]
        assert f"({k.from_segment_id})" in line or k.relation == "new"
    assert f"would make champion {version} in place of {before[-1][0]} from {next_day} on, by a marketer" in said
    assert shop.promotions() == before
    run_approve(shop.context(), "a marketer", dt.date(2024, 9, 1))
    assert shop.promotions() == [*before, (version, dt.date(2024, 9, 1), "a marketer")]
    assert shop.context().runs.champion(next_day) == before[-1][0]
    with pytest.raises(BadInputError, match="--approve: no bundle waits for approval"):
        run_approve(shop.context(), "a marketer")
    shop.set("promotion.yml", approval=False)
    run_promote(shop.context(), "an analyst", None)


@pytest.mark.long
def test_a_finer_refit_splits_and_is_refused_where_too_many_move(shop: Shop) -> None:
    shop.set("sweep.yml", pinned_k={**PINNED, "unified": 6})
    shop.set("promotion.yml", max_moved_share=0.0, max_silhouette_loss=0.0)
    run = run_fit(shop.context(), AUGUST)
    version = shop.version(run["run_id"])
    assert run["verdict"] == "refused"
    assert "in another segment (at most 0 %)" in run["reason"]
    assert version not in {v for v, _, _ in shop.promotions()}
    kin = published(shop.warehouse, "segment_lineage", AUGUST)
    unified = kin[kin["dimension"] == "unified"]
    assert set(unified["relation"]) <= {"same", "split"}
    assert "split" in set(unified["relation"])
    ids = shop.models()["unified", version]
    assert len(ids) == 6
    old = {i for (d, v), found in shop.models().items() if d == "unified" and v != version for i in found}
    same = set(unified[unified["relation"] == "same"]["to_segment_id"])
    assert same <= old
    assert not (set(ids) - same) & old
    kept_names = {ids[i] for i in same}
    assert not {name for i, name in ids.items() if i not in same} & kept_names


@pytest.mark.long
def test_a_promotion_after_scoring_begins_the_next_day(shop: Shop) -> None:
    run_month(shop.context(), AUGUST)
    shop.set("sweep.yml", pinned_k=PINNED, seeds=[23])
    shop.set("promotion.yml", max_moved_share=1.0, max_silhouette_loss=1.0, min_stability=0.0)
    run = run_fit(shop.context(), AUGUST)
    assert shop.promotions()[-1][:2] == (shop.version(run["run_id"]), AUGUST + dt.timedelta(days=1))
