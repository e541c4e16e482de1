"""What a GraphQL operation costs, and the leaky bucket it is paid from."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)
from graphql.execution.values import get_variable_values

MUTATION_COST = 10
FILE_COST = 1.9
VARIANT_COST = 0.2
MOST_PER_QUERY = 1000


@dataclass
class Bucket:
    """Points of one app in one shop; the Standard plan's size and rate.

    Source: https://shopify.dev/docs/api/usage/limits
    """

    maximum: float = 2000
    restore_rate: float = 100
    level: float = 2000
    at: float = field(default_factory=time.monotonic)

    def refill(self) -> None:
        moment = time.monotonic()
        self.level = min(self.maximum, self.level + (moment - self.at) * self.restore_rate)
        self.at = moment

    def status(self) -> dict[str, Any]:
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": int(self.level),
            "restoreRate": self.restore_rate,
        }


def requested_cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
) -> int:
    """What a query may cost at most: an object 1, a connection 2 and its nodes ``first`` times, a
    mutation 10 (productSet 1.9 more a file, 0.2 a variant); scalars nothing.

    Shopify publishes the first and the last; how it sizes connections today it does not say, so
    this is its older and stricter rule. Source: https://shopify.dev/docs/api/usage/limits
    """
    coerced = get_variable_values(schema, operation.variable_definitions, variables)
    values = coerced if isinstance(coerced, dict) else {}
    if operation.operation is OperationType.MUTATION:
        given = values.get("input", {})
        given = given if isinstance(given, dict) else {}
        files, variants = given.get("files") or [], given.get("variants") or []
        extra = FILE_COST * len(files) + VARIANT_COST * len(variants)
        return math.ceil(MUTATION_COST * len(operation.selection_set.selections) + extra)
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return Costs(schema, fragments, values).of_selection(schema.query_type, operation.selection_set)


@dataclass(frozen=True)
class Costs:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    values: Mapping[str, Any]

    def of_selection(self, parent: Any, selection: SelectionSetNode) -> int:
        cost = 0
        for found in selection.selections:
            node = (
                self.fragments[found.name.value] if isinstance(found, FragmentSpreadNode) else found
            )
            if isinstance(node, FieldNode):
                cost += self.of_field(parent, node)
            elif isinstance(node, InlineFragmentNode | FragmentDefinitionNode):
                named = node.type_condition
                inner = self.schema.type_map[named.name.value] if named else parent
                cost += self.of_selection(inner, node.selection_set)
        return cost

    def of_field(self, parent: Any, node: FieldNode) -> int:
        name = node.name.value
        if name.startswith("__") or name == "pageInfo" or node.selection_set is None:
            return 0
        kind: Any = get_named_type(parent.fields[name].type)
        if not is_composite_type(kind):
            return 0
        inner = self.of_selection(kind, node.selection_set)
        if kind.name.endswith("Connection"):
            return 2 + self.first_of(node) * inner
        return 1 + inner

    def first_of(self, node: FieldNode) -> int:
        for argument in node.arguments:
            if argument.name.value == "first":
                if isinstance(argument.value, IntValueNode):
                    return int(argument.value.value)
                if isinstance(argument.value, VariableNode):
                    return int(self.values.get(argument.value.name.value) or 0)
        return 0


def actual_cost(data: Any) -> int:
    """The same rule over what was found."""
    if isinstance(data, list):
        return sum(actual_cost(item) for item in data)
    if not isinstance(data, dict):
        return 0
    cost = 0
    for key, value in data.items():
        if key == "pageInfo":
            continue
        if isinstance(value, dict) and "nodes" in value:
            cost += 2 + sum(1 + actual_cost(node) for node in value["nodes"])
        elif isinstance(value, dict):
            cost += 1 + actual_cost(value)
        elif isinstance(value, list):
            cost += actual_cost(value)
    return cost
