"""Sealed text opens for its own row and field, with any of the keys, and for nothing else."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.errors import Refused
from workers.seal import (
    NoKeys,
    NotSealed,
    Sealer,
    SealError,
    Tampered,
    UnknownKey,
    WeakKey,
    ensure_key_file,
)

OLD, NEW = "o" * 32, "n" * 32
ONE, OTHER = UUID(int=1), UUID(int=2)
TOKEN = "shpat_0123456789"


@given(st.text(), st.sampled_from(["access", "refresh", "client_secret"]))
def test_what_is_sealed_opens(text, field):
    sealer = Sealer([NEW])
    sealed = sealer.seal(ONE, field, text)
    assert sealer.unseal(ONE, field, sealed) == text
    assert text not in sealed or len(text) < 8


def test_the_same_text_is_never_sealed_alike_twice():
    sealer = Sealer([NEW])
    assert sealer.seal(ONE, "access", TOKEN) != sealer.seal(ONE, "access", TOKEN)


@pytest.mark.parametrize(
    ("connection_id", "field"),
    [
        pytest.param(OTHER, "access", id="moved to another connection"),
        pytest.param(ONE, "refresh", id="moved to another field"),
    ],
)
def test_a_sealed_text_that_was_moved_does_not_open(connection_id, field):
    sealer = Sealer([NEW])
    with pytest.raises(Tampered):
        sealer.unseal(connection_id, field, sealer.seal(ONE, "access", TOKEN))


@pytest.mark.parametrize("more", ["", "4", "45"], ids=["no padding", "one", "two"])
def test_a_sealed_text_with_any_byte_changed_does_not_open(more):
    """Nor with bits changed that stand for nothing where base64 is padded."""
    sealer = Sealer([NEW])
    sealed = sealer.seal(ONE, "access", TOKEN + more)
    for place in range(len(sealed)):
        changed = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        with pytest.raises(SealError):
            sealer.unseal(ONE, "access", changed)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(TOKEN, id="a plain token"),
        pytest.param("", id="nothing"),
        pytest.param("v1..AAAA", id="no key id"),
        pytest.param("v2.abcd.AAAA", id="another version"),
        pytest.param("v1.abcd.AAAA\n", id="a line end"),
    ],
)
def test_what_is_not_sealed_is_named_so(text):
    with pytest.raises(NotSealed):
        Sealer([NEW]).unseal(ONE, "access", text)


def test_too_short_a_body_does_not_open():
    sealer = Sealer([NEW])
    with pytest.raises(Tampered):
        sealer.unseal(ONE, "access", f"v1.{sealer.key_id}.AAAA")


def test_the_first_key_seals_and_every_key_opens():
    sealed_before = Sealer([OLD]).seal(ONE, "access", TOKEN)
    both = Sealer([NEW, OLD])
    assert both.unseal(ONE, "access", sealed_before) == TOKEN
    sealed_after = both.seal(ONE, "access", TOKEN)
    assert Sealer([NEW]).unseal(ONE, "access", sealed_after) == TOKEN
    with pytest.raises(UnknownKey):
        Sealer([OLD]).unseal(ONE, "access", sealed_after)
    with pytest.raises(UnknownKey):
        Sealer([NEW]).unseal(ONE, "access", sealed_before)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        pytest.param(None, NoKeys, id="no setting"),
        pytest.param("  ,", NoKeys, id="a setting without a key"),
        pytest.param("short", WeakKey, id="a short key"),
        pytest.param(f"{NEW},short", WeakKey, id="a short second key"),
    ],
)
def test_a_setting_without_good_keys_is_refused(setting, error):
    with pytest.raises(error):
        Sealer.from_environment({} if setting is None else {"AUTOM_SECRET_KEYS": setting})


def test_the_setting_lists_keys_with_commas():
    sealer = Sealer.from_environment({"AUTOM_SECRET_KEYS": f" {NEW} , {OLD} "})
    assert sealer.key_id == Sealer([NEW]).key_id
    assert sealer.unseal(ONE, "access", Sealer([OLD]).seal(ONE, "access", TOKEN)) == TOKEN


def test_no_error_tells_a_key_or_a_token():
    sealer = Sealer([NEW])
    sealed = sealer.seal(ONE, "access", TOKEN)
    for failing in (
        lambda: sealer.unseal(OTHER, "access", sealed),
        lambda: Sealer([OLD]).unseal(ONE, "access", sealed),
        lambda: sealer.unseal(ONE, "access", TOKEN),
        lambda: Sealer(["tooshortsecret"]),
    ):
        with pytest.raises(SealError) as caught:
            failing()
        said = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__}"
        assert not any(secret in said for secret in (TOKEN, sealed, NEW, OLD, "tooshortsecret"))
        assert not isinstance(caught.value, Refused)


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "a folder" / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: ensure_key_file(path), range(32)))
    assert len(keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["secret.key"]
    Sealer.from_environment({}, key_file=path)


def test_the_setting_goes_before_the_key_file(tmp_path):
    path = tmp_path / "secret.key"
    sealer = Sealer.from_environment({"AUTOM_SECRET_KEYS": NEW}, key_file=path)
    assert sealer.key_id == Sealer([NEW]).key_id
    assert not path.exists()


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "secret.key"
    ensure_key_file(path)
    path.chmod(0o640)
    with pytest.raises(WeakKey):
        ensure_key_file(path)
