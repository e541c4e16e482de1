"""One REST service's OpenAPI document, and whether a request or an answer keeps it.

openapi-schema-validator does most of it; this adds what OpenAPI leaves open and a client gets
wrong: keys nobody knows, query parameters nobody knows, the kind that a discriminator names.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4, DRAFT202012

Json = Any
Schema = Mapping[str, Any]


class Rest:
    """One service's OpenAPI document. Every method answers with sentences; none means it is kept."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = absolute(document)
        new = str(document["openapi"]).startswith("3.1")
        dialect: Any = DRAFT202012 if new else DRAFT4
        resource: Any = dialect.create_resource(self.document)
        self._registry: Any = Registry().with_resource("urn:spec", resource)
        self._request: Any = OAS31Validator if new else OAS30WriteValidator
        self._response: Any = OAS31Validator if new else OAS30ReadValidator
        self._kept: set[tuple[Any, ...]] = set()

    @classmethod
    def read(cls, path: Path) -> Rest:
        with gzip.open(path) as file:
            return cls(json.load(file))

    def operation(self, method: str, template: str) -> Schema:
        """The operation's object; KeyError when the service has no such path."""
        found: Schema = self.document["paths"][template][method.lower()]
        return found

    def request(
        self,
        method: str,
        template: str,
        path: Mapping[str, str],
        query: Mapping[str, list[str]],
        media_type: str | None,
        body: Json,
    ) -> list[str]:
        operation = self.operation(method, template)
        errors = list(self._parameters(operation, path, query))
        wanted = operation.get("requestBody")
        if wanted is None:
            return errors + (["this operation takes no body"] if body is not None else [])
        wanted = self._resolve(wanted)
        if body is None:
            return errors + (["the body is missing"] if wanted.get("required") else [])
        if media_type not in wanted["content"]:
            return [*errors, f"content type {media_type}: must be {' or '.join(wanted['content'])}"]
        schema = wanted["content"][media_type]["schema"]
        return errors + self._body(self._request, schema, body)

    def response(self, method: str, template: str, status: int, body: Json) -> list[str]:
        """An answer of the same shape is read once: it is the sandbox's own code that made it."""
        key = (method, template, status, shape(body))
        if key in self._kept:
            return []
        responses = self.operation(method, template)["responses"]
        wanted = responses.get(str(status)) or responses.get("default")
        if wanted is None:
            return [] if status >= 400 else [f"status {status} is not among the answers"]
        content = self._resolve(wanted).get("content", {})
        if "application/json" not in content:
            return []
        schema = content["application/json"]["schema"]
        # Refusals say more than their schema does (Pinterest's message_detail).
        errors = self._body(self._response, schema, body, strict=status < 400)
        if not errors:
            self._kept.add(key)
        return errors

    def _body(self, validator: Any, schema: Schema, body: Json, strict: bool = True) -> list[str]:
        errors = [
            f"{error.json_path}: {error.message[:300]}"
            for error in validator(schema, registry=self._registry).iter_errors(body)
        ]
        if errors or not strict:
            return errors
        return list(self._strict(validator, schema, body, "$"))

    def _parameters(
        self, operation: Schema, path: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> Iterator[str]:
        known = {
            (p["in"], p["name"]): p for p in map(self._resolve, operation.get("parameters", []))
        }
        for name in query:
            if ("query", name) not in known:
                yield f"query parameter {name} is unknown"
        for (where, name), parameter in known.items():
            given = query.get(name, []) if where == "query" else [path[name]] * (name in path)
            if where not in ("query", "path"):
                continue
            if not given:
                if parameter.get("required"):
                    yield f"{where} parameter {name} is missing"
                continue
            schema = self._resolve(parameter["schema"])
            value = typed(schema, given)
            for error in self._request(schema, registry=self._registry).iter_errors(value):
                yield f"{where} parameter {name}: {error.message[:300]}"

    def _strict(self, validator: Any, schema: Schema, value: Json, at: str) -> Iterator[str]:
        """Unknown keys, and the schema that a discriminator names; both are silent in OpenAPI."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                for part in self._parts(validator, schema, value):
                    if "items" in part:
                        yield from self._strict(validator, part["items"], item, f"{at}[{index}]")
                        break
            return
        if not isinstance(value, dict):
            return
        parts = list(self._parts(validator, schema, value))
        for part in parts:
            named = self._named_by_discriminator(part, value)
            if named is not None:
                for error in validator(named, registry=self._registry).iter_errors(value):
                    yield f"{at}: {error.message[:300]}"
        properties: dict[str, list[Schema]] = {}
        for part in parts:
            for name, sub in part.get("properties", {}).items():
                properties.setdefault(name, []).append(sub)
        free = not properties or any(part.get("additionalProperties") for part in parts)
        for name, item in value.items():
            if name not in properties:
                if not free:
                    yield f"{at}.{name}: unknown key"
                continue
            for sub in properties[name][:1]:
                yield from self._strict(validator, sub, item, f"{at}.{name}")

    def _parts(self, validator: Any, schema: Schema, value: Json) -> Iterator[Schema]:
        """Every schema that describes this very value: through references, all of, and the
        alternatives that accept it."""
        schema = self._resolve(schema)
        yield schema
        for sub in schema.get("allOf", []):
            yield from self._parts(validator, sub, value)
        for word in ("oneOf", "anyOf"):
            for sub in schema.get(word, []):
                if validator(sub, registry=self._registry).is_valid(value):
                    yield from self._parts(validator, sub, value)
        named = self._named_by_discriminator(schema, value)
        if named is not None and "oneOf" not in schema and "anyOf" not in schema:
            yield from self._parts(validator, named, value)

    def _named_by_discriminator(self, schema: Schema, value: Json) -> Schema | None:
        how = schema.get("discriminator")
        if not how or "mapping" not in how or not isinstance(value, dict):
            return None
        target = how["mapping"].get(value.get(how["propertyName"]))
        return None if target is None else {"$ref": target}

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.document
            for step in schema["$ref"].removeprefix("urn:spec#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            schema = found
        return schema


def absolute(node: Json) -> Json:
    """The document with ``#/…`` references made absolute, so that any part of it stands alone."""
    if isinstance(node, dict):
        return {
            key: (
                f"urn:spec{item}"
                if isinstance(item, str) and item.startswith("#/")
                else absolute(item)
            )
            for key, item in node.items()
        }
    return [absolute(item) for item in node] if isinstance(node, list) else node


def typed(schema: Schema, given: list[str]) -> Json:
    """Query text as the schema's type; text that does not fit stays text, for the validator."""
    kind = schema.get("type")
    if kind == "array":
        return [typed(schema.get("items", {}), [text]) for text in given]
    text = given[-1]
    if kind == "integer" and text.lstrip("-").isdigit():
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def shape(value: Json) -> Any:
    """A value's keys and types, without its content."""
    if isinstance(value, dict):
        return tuple(sorted((key, shape(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", *sorted({repr(shape(item)) for item in value}))
    return type(value).__name__
