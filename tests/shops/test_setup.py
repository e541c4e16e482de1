"""Adding a shop and saying what it may do."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from db.call import value
from db.errors import (
    BadPrompt,
    BadSetting,
    NoSuchSetting,
    NoSuchShop,
    NoSuchUser,
    NotAShop,
    NotTheOwnersConnection,
    TooManyNiches,
)
from tests.fixtures.accounts import connection, user
from tests.fixtures.shops import shop


def settings(db, one) -> dict:
    query = "select to_jsonb(t) from shops.settings as t where t.shop_id = %s"
    (row,) = db.execute(query, [one.shop_id]).fetchone()
    return row


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("cats.example.com", "cats.example.com", id="a host name stays"),
        pytest.param("https://Cats.Example.com/", "cats.example.com", id="an address is cut"),
        pytest.param(" cats.myshopify.com ", "cats.myshopify.com", id="blanks go"),
    ],
)
def test_a_shop_has_a_domain(db, given, kept):
    shop_id = value(db, "shops.create_shop", user_id=user(db), name="Cats", domain=given)
    query = "select domain from shops.overview where shop_id = %s"
    assert db.execute(query, [shop_id]).fetchone() == (kept,)


def test_the_same_domain_is_the_same_shop(db):
    owner = user(db)
    first, second = (
        value(db, "shops.create_shop", user_id=owner, name=name, domain="cats.example.com")
        for name in ("Cats", "More cats")
    )
    assert first == second
    query = "select shop, niches from shops.overview where shop_id = %s"
    assert db.execute(query, [first]).fetchone() == ("More cats", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"domain": "cats and dogs"}, id="no host name"),
        pytest.param({"name": "  "}, id="no name"),
        pytest.param({"name": None}, id="a name that is missing"),
        pytest.param({"program": "nonsense"}, id="no such program"),
    ],
)
def test_a_shop_that_cannot_be_is_refused(db, wrong):
    given = {"name": "Cats", "domain": "cats.example.com"} | wrong
    with pytest.raises(NotAShop):
        value(db, "shops.create_shop", user_id=user(db), **given)


def test_nobodys_shop_is_refused(db):
    with pytest.raises(NoSuchUser):
        value(db, "shops.create_shop", user_id=uuid4(), name="Cats", domain="cats.example.com")


def test_settings_that_are_not_named_stay(db):
    one = shop(db, creation_limit=7)
    value(db, "shops.configure", shop_id=one.shop_id, settings={"auto_publish": False})
    kept = settings(db, one)
    assert (kept["creation_limit"], kept["auto_publish"]) == (7, False)


def test_a_shop_is_switched_off_and_moved_by_its_settings(db):
    one = shop(db)
    given = {"enabled": False, "time_zone": "Asia/Bangkok"}
    value(db, "shops.configure", shop_id=one.shop_id, settings=given)
    query = "select enabled, time_zone from shops.shops where shop_id = %s"
    assert db.execute(query, [one.shop_id]).fetchone() == (False, "Asia/Bangkok")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        pytest.param({"creation_limit": 101}, "from 0 to 100", id="more than a hundred a day"),
        pytest.param({"creation_limit": -1}, "from 0 to 100", id="less than none"),
        pytest.param({"creation_limit": "many"}, "shops.settings", id="no number"),
        pytest.param({"creation_limit": 2.5}, "shops.settings", id="no whole number"),
        pytest.param({"creation_limit": None}, "shops.settings", id="nothing"),
        pytest.param({"default_price_minor": 0}, "2999 is 29.99", id="for free"),
        pytest.param({"currency": "eur"}, "EUR", id="a currency in small letters"),
        pytest.param({"image_quality": "best"}, "low, medium or high", id="no such quality"),
        pytest.param({"text_model": "gpt-1"}, "shops.models", id="no such model"),
        pytest.param({"text_model": "gpt-image-2"}, "shops.models", id="a model of another task"),
        pytest.param({"pinterest_board_id": "cats"}, "shops.boards", id="no board's id"),
        pytest.param({"time_zone": "Mars/Olympus"}, "shops.settings", id="no such time zone"),
        pytest.param({"enabled": None}, "shops.settings", id="neither on nor off"),
    ],
)
def test_a_bad_value_is_refused_and_says_what_is_good(db, wrong, hint):
    one = shop(db)
    before = settings(db, one)
    with pytest.raises(BadSetting) as refused, db.transaction():
        value(db, "shops.configure", shop_id=one.shop_id, settings=wrong)
    assert hint in refused.value.hint
    assert settings(db, one) == before


@pytest.mark.parametrize("name", ["colour", "shop_id", "configured_at"])
def test_an_unknown_setting_is_refused_and_the_known_are_named(db, name):
    one = shop(db)
    with pytest.raises(NoSuchSetting) as refused:
        value(db, "shops.configure", shop_id=one.shop_id, settings={name: "x"})
    assert refused.value.detail == name
    assert "creation_limit" in refused.value.hint and "enabled" in refused.value.hint


def test_a_shop_that_is_not_there_has_no_settings(db):
    with pytest.raises(NoSuchShop):
        value(db, "shops.configure", shop_id=uuid4(), settings={})


def test_only_the_owners_connections_can_be_attached(db):
    one = shop(db)
    foreign = connection(db, user(db), "openai", "default")
    with pytest.raises(NotTheOwnersConnection):
        value(db, "shops.attach", shop_id=one.shop_id, connection_id=foreign)


def test_another_connection_takes_the_place_of_the_first(db):
    one = shop(db)
    other = connection(db, one.user_id, "openai", "another")
    value(db, "shops.attach", shop_id=one.shop_id, connection_id=other)
    query = (
        "select connection_id from shops.shop_connections where shop_id = %s and service = 'openai'"
    )
    assert db.execute(query, [one.shop_id]).fetchall() == [(other,)]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        pytest.param("Cats", "cats", id="small letters"),
        pytest.param("Käse & Brot", "kaese-brot", id="German letters and signs"),
        pytest.param("  Crème brûlée! ", "creme-brulee", id="accents"),
        pytest.param("แมว", "n[0-9a-f]{8}", id="no Latin letter"),
    ],
)
def test_a_niche_has_a_name_for_links(db, name, pattern):
    (slug,) = db.execute("select shops._slug(%s)", [name]).fetchone()
    assert re.fullmatch(pattern, slug)


def test_a_niche_is_added_once_and_changed_by_its_name(db):
    one = shop(db, niches=[])
    first = value(db, "shops.add_niche", shop_id=one.shop_id, name="Cats")
    again = value(
        db, "shops.add_niche", shop_id=one.shop_id, name="cats", priority=5, daily_limit=2
    )
    assert first == again
    query = "select name, priority, daily_limit from shops.niches where niche_id = %s"
    assert db.execute(query, [first]).fetchone() == ("cats", 5, 2)


def test_the_plan_limits_the_niches_of_all_shops_together(db):
    one = shop(db, plan="basis", niches=["a", "b", "c"])
    two = shop(db, one.user_id, niches=["d", "e"])
    with pytest.raises(TooManyNiches), db.transaction():
        value(db, "shops.add_niche", shop_id=two.shop_id, name="f")
    query = "select niche_id from shops.niches where shop_id = %s and slug = 'a'"
    (niche_id,) = db.execute(query, [one.shop_id]).fetchone()
    assert value(db, "shops.remove_niche", niche_id=niche_id)
    assert value(db, "shops.add_niche", shop_id=two.shop_id, name="f")


def test_a_prompt_gets_a_new_version_when_it_changes(db):
    one = shop(db)
    given = ["A drawing of {niche}", "A drawing of {niche}", "A photo of {niche}"]
    versions = [
        value(db, "shops.set_prompt", shop_id=one.shop_id, type="image", body=body)
        for body in given
    ]
    assert versions == [2, 2, 3]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("image", "A drawing of a cat", id="without a place for the niche"),
        pytest.param("sound", "A song of {niche}", id="of an unknown type"),
        pytest.param("image", "{niche}" + "x" * 4000, id="too long"),
        pytest.param("image", None, id="missing"),
    ],
)
def test_a_prompt_that_cannot_be_is_refused(db, kind, body):
    with pytest.raises(BadPrompt):
        value(db, "shops.set_prompt", shop_id=shop(db).shop_id, type=kind, body=body)
