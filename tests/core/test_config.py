"""Configuration files are refused with the file, the key and the nearest right name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segmentation.core.config import Strict, fingerprint, load, parse_sql, read_yaml, sql_columns
from segmentation.core.errors import ConfigError


class Window(Strict):
    days: int
    label: str = "last days"


class Shop(Strict):
    currency: str
    windows: list[Window] = []
    by_name: dict[str, Window] = {}
    main: Window | None = None


def write(folder: Path, text: str) -> Path:
    path = folder / "shop.yml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load(path, Shop)
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_a_right_file_becomes_a_value_that_cannot_change(tmp_path: Path) -> None:
    shop = load(write(tmp_path, "{currency: USD, windows: [{days: 30}], main: {days: 7, label: week}}"), Shop)
    assert shop == Shop(currency="USD", windows=[Window(days=30)], main=Window(days=7, label="week"))
    with pytest.raises(ValueError, match="frozen"):
        shop.currency = "EUR"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "key", "known", "nearest"),
    [
        ("curency: USD\ncurrency: USD", "curency", "by_name, currency, main, windows", "currency"),
        ("currency: USD\nwindows: [{days: 1}, {days: 1, lable: x}]", "windows.1.lable", "days, label", "label"),
        ("currency: USD\nby_name: {week: {days: 7, dayz: 7}}", "by_name.week.dayz", "days, label", "days"),
        ("currency: USD\nmain: {days: 7, labels: x}", "main.labels", "days, label", "label"),
    ],
    ids=["at the top", "in a list", "in a mapping", "in an optional block"],
)
def test_an_unknown_key_is_refused_with_the_nearest_right_name(
    tmp_path: Path, text: str, key: str, known: str, nearest: str
) -> None:
    path = write(tmp_path, text)
    expected = f'{path}: key "{key}" is not known. It has: {known}. Did you mean "{nearest}"?'
    assert refusal(path) == expected


def test_every_mistake_of_a_file_is_said_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "windows: [{days: soon}]\ncolour: red")
    said = refusal(path)
    assert said.startswith(f"{path}: ")
    assert 'key "currency": Field required' in said
    assert 'key "windows.0.days": Input should be a valid integer' in said
    assert "(found 'soon')" in said
    assert 'key "colour" is not known. It has: by_name, currency, main, windows.' in said


@pytest.mark.parametrize("text", ["currency: USD\ncurrency: EUR", "by_name: {a: {days: 1}, a: {days: 2}}"])
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    key = "currency" if text.startswith("currency") else "a"
    assert re.search(rf'^{re.escape(str(path))}: .*key "{key}" stands twice.*line \d', refusal(path), re.DOTALL)


def test_numbers_stand_twice_as_well_as_words_and_are_not_words(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "{1: number, '1': word}")) == {1: "number", "1": "word"}
    with pytest.raises(ConfigError, match='key "1" stands twice'):
        read_yaml(write(tmp_path, "{1: first, 1: second}"))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.mkdir [{folder}/made]",
        "currency: !!python/object/apply:os.mkdir [{folder}/made]",
        "currency: !!python/name:os.system ''",
    ],
)
def test_a_python_tag_is_refused_and_not_run(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text.format(folder=tmp_path))
    assert re.search(rf"^{re.escape(str(path))}: not readable as plain YAML: .*python/", refusal(path), re.DOTALL)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"currency: [USD", b"currency: \xff\xfe", b"a: b: c", b"\x00"])
def test_a_file_that_is_not_yaml_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.yml"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: not readable as plain YAML: ")


def test_an_empty_file_is_refused_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert refusal(path).startswith(f"{path}: ")
    assert "(found None)" in refusal(path)


def test_a_missing_file_is_refused_with_the_nearest_that_is_there(tmp_path: Path) -> None:
    write(tmp_path, "currency: USD")
    path = tmp_path / "shops.yml"
    assert refusal(path) == f'{path}: there is no such file. It has: shop. Did you mean "shop"?'


def test_a_missing_folder_is_refused_without_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "cnof" / "shop.yml"
    assert refusal(path) == f"{path}: there is no such file. It has nothing."


@pytest.mark.parametrize(
    "text",
    [
        "", "net_amount +", "(net_amount", "CASE WHEN a THEN b", "net_amount qty", "net_amount, qty", "*",
        "SELECT 1", "(SELECT 1)", "a IN (SELECT b FROM secrets)", "net_amount; DROP TABLE runs", "DROP TABLE runs",
    ],
)  # fmt: skip
def test_what_is_not_one_expression_over_columns_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_sql(text, "conf/shop.yml: net")
    assert str(refused.value).startswith("conf/shop.yml: net: ")
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("CASE WHEN kind = 'GAS' THEN 'fuel' ELSE 'item' END", {"kind"}),
        ("dense_rank() OVER (PARTITION BY basket ORDER BY product)", {"basket", "product"}),
        ("coalesce(net_by_department['fresh'], 0) / net", {"net_by_department", "net"}),
        ("size(filter(parts, part -> part > smallest))", {"parts", "smallest"}),
        ("`unit price` * 2", {"unit price"}),
        ("customer.address.city", {"customer"}),  # a field of a struct is not a column
        ("DATE'2017-01-01'", set()),
    ],
)
def test_the_columns_of_an_expression_are(text: str, columns: set[str]) -> None:
    assert sql_columns(text, "here") == columns


def test_a_fingerprint_sees_every_change_and_no_order() -> None:
    base = {"k": 3, "names": ["a", "b"]}
    assert fingerprint(base) == fingerprint({"names": ["a", "b"], "k": 3})
    changed = [{"k": 4, "names": ["a", "b"]}, {"k": 3, "names": ["b", "a"]}, {"k": "3", "names": ["a", "b"]}]
    assert len({fingerprint(c) for c in [base, *changed]} | {fingerprint(base, base)}) == 5
