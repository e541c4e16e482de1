"""The checker finds what it should, in requests and in answers."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.openapi import Rest, shape, typed
from tests.fixtures.specs import official

BOARD = {"id": "1", "name": "Cats"}


@pytest.fixture(scope="module")
def spec() -> Rest:
    return Rest.read(official("pinterest/openapi.json.gz"))


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(200, {"items": [BOARD], "bookmark": None}, None, id="right"),
        pytest.param(200, {"items": [{"id": "1"}]}, "'name' is a required", id="a part missing"),
        pytest.param(200, {"items": [{**BOARD, "id": "one"}]}, "does not match", id="a wrong id"),
        pytest.param(200, {"items": [{**BOARD, "nam": "x"}]}, "nam: unknown key", id="unknown key"),
        pytest.param(
            401, {"code": 2, "message": "x", "more": 1}, None, id="a refusal may say more"
        ),
        pytest.param(401, {"message": "x"}, "'code' is a required", id="but not less"),
    ],
)
def test_answers(spec: Rest, status: int, body: Any, says: str | None) -> None:
    for _ in range(2):  # what was right once is known by its shape, what was wrong is not
        errors = spec.response("GET", "/boards", status, body)
        assert (errors == []) if says is None else any(says in error for error in errors), errors


def test_the_schema_a_discriminator_names_counts(spec: Rest) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    media_type = "application/x-www-form-urlencoded"
    assert spec.request("POST", "/oauth/token", {}, {}, media_type, form) == []
    del form["refresh_token"]
    (error,) = spec.request("POST", "/oauth/token", {}, {}, media_type, form)
    assert "'refresh_token' is a required property" in error


@pytest.mark.parametrize(
    ("schema", "given", "value"),
    [
        ({"type": "integer"}, ["25"], 25),
        ({"type": "integer"}, ["x"], "x"),
        ({"type": "boolean"}, ["true"], True),
        ({"type": "boolean"}, ["yes"], "yes"),
        ({"type": "string"}, ["1", "2"], "2"),
        ({"type": "array", "items": {"type": "integer"}}, ["1", "2"], [1, 2]),
    ],
)
def test_query_text_becomes_what_the_schema_wants(
    schema: dict[str, Any], given: list[str], value: Any
) -> None:
    assert typed(schema, given) == value


def test_a_shape_is_keys_and_types() -> None:
    assert shape({"a": [1, 2], "b": None}) == shape({"b": None, "a": [3]})
    assert shape({"a": 1}) != shape({"a": "1"})
    assert shape([{"a": 1}, {"b": 1}]) != shape([{"a": 1}])
