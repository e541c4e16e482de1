"""The official specifications: OpenAPI documents (openapi.py) and Shopify's GraphQL schema.

They are read in the background; a request that comes before its specification waits for it.
"""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    build_client_schema,
    get_variable_values,
    parse,
    specified_rules,
    validate,
)

from sandbox import CHECKOUT

SHOPIFY_VERSIONS = ("2026-07", "2026-10")


class SpecsMissing(Exception):
    """AUTOM_REQUIRE_SPECS is set, and a specification is not there."""


class Graph:
    """Shopify's schema of one version; deprecated fields count as wrong."""

    def __init__(self, introspection: dict[str, Any], scopes: list[dict[str, Any]]) -> None:
        self.schema: GraphQLSchema = build_client_schema(introspection, assume_valid=True)  # type: ignore[arg-type]
        self.scopes = scopes
        self.document_errors = cache(self._document_errors)

    @classmethod
    def read(cls, path: Path) -> Graph:
        with gzip.open(path) as file:
            stored = json.load(file)
        return cls(stored["data"], stored["offline_scopes"]["items"])

    def _document_errors(self, text: str) -> tuple[str, ...]:
        try:
            document = parse(text)
        except GraphQLError as error:
            return (error.message,)
        rules = [*specified_rules, NoDeprecatedCustomRule]
        return tuple(error.message for error in validate(self.schema, document, rules))

    def variable_errors(
        self, operation: OperationDefinitionNode, variables: dict[str, Any]
    ) -> list[str]:
        declared = {node.variable.name.value for node in operation.variable_definitions}
        unknown = [f"${name} is not declared" for name in variables if name not in declared]
        values = get_variable_values(self.schema, operation.variable_definitions, variables)
        return unknown + ([error.message for error in values] if isinstance(values, list) else [])


def folder() -> Path:
    """Where the specifications are: AUTOM_SPECS, else beside the checkout."""
    return Path(os.environ.get("AUTOM_SPECS") or CHECKOUT.parent / "shared" / "specs")


def read_openapi(path: Path) -> Any:
    from sandbox.openapi import Rest  # here, for its libraries take half a second to import

    return Rest.read(path)


class Specs:
    """The specifications of the folder AUTOM_SPECS, of those services that have one there.

    Raises SpecsMissing when AUTOM_REQUIRE_SPECS is set and one is missing.
    """

    def __init__(self, place: Path | None = None, required: bool | None = None) -> None:
        place = place or folder()
        if required is None:
            required = os.environ.get("AUTOM_REQUIRE_SPECS", "") not in ("", "0")
        self._loading: dict[str, Future[Any]] = {}
        self._work: SimpleQueue[tuple[Future[Any], Callable[[Path], Any], Path]] = SimpleQueue()
        self._readers: dict[str, tuple[Callable[[Path], Any], Path]] = {}
        for version in SHOPIFY_VERSIONS:
            path = place / "shopify" / f"admin_{version}.json.gz"
            self._readers[f"shopify {version}"] = (Graph.read, path)
        for service in ("openai", "pinterest"):
            self._readers[service] = (read_openapi, place / service / "openapi.json.gz")
        missing = [path for _, path in self._readers.values() if not path.is_file()]
        if missing and required:
            raise SpecsMissing(f"AUTOM_REQUIRE_SPECS is set and {missing[0]} is not there")
        # A daemon, so that a sandbox which is stopped at once does not read to the end.
        threading.Thread(target=self._read, daemon=True).start()
        for name in (f"shopify {SHOPIFY_VERSIONS[-1]}", "openai", "pinterest"):
            self.loading(name)

    @property
    def names(self) -> list[str]:
        return sorted(name for name, (_, path) in self._readers.items() if path.is_file())

    def loading(self, name: str) -> Future[Any] | None:
        """The specification, being read from now on at the latest; None where there is none."""
        if name not in self._loading and name in self.names:
            self._loading[name] = Future()
            self._work.put((self._loading[name], *self._readers[name]))
        return self._loading.get(name)

    def _read(self) -> None:
        while True:
            future, read, path = self._work.get()
            try:
                future.set_result(read(path))
            except Exception as error:
                future.set_exception(error)
