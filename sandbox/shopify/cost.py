"""What a query costs and the bucket it is taken from, as far as Shopify tells: an object 1, a mutation 10, a connection its
`first` times what one node costs. The real figures differ in detail; their order of magnitude and the limits are the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

MOST_FOR_ONE_QUERY = 1000
_MUTATION = 10
_FREE = frozenset({"pageInfo", "userErrors"})


def requested(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """requestedQueryCost of the document's operation."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    points = _Points(fragments, variables).of(operation.selection_set)
    return points + (_MUTATION if operation.operation is OperationType.MUTATION else 0)


def actual(value: object) -> int:
    """actualQueryCost: the objects that really came."""
    if isinstance(value, dict):
        return 1 + sum(actual(inner) for name, inner in value.items() if name not in _FREE)
    return sum(actual(inner) for inner in value) if isinstance(value, list) else 0


@dataclass(frozen=True)
class _Points:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def of(self, selection: SelectionSetNode | None) -> int:
        return sum(self._of_node(node) for node in selection.selections) if selection else 0

    def _of_node(self, node: object) -> int:
        if isinstance(node, FragmentSpreadNode):
            return self.of(self.fragments[node.name.value].selection_set)
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        if not isinstance(node, FieldNode) or node.selection_set is None or node.name.value in _FREE:
            return 0
        inner, times = self.of(node.selection_set), self._times(node)
        pages = any(isinstance(child, FieldNode) and child.name.value == "nodes" for child in node.selection_set.selections)
        return 1 + times * inner if pages else times * (1 + inner)

    def _times(self, node: FieldNode) -> int:
        first = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
        if isinstance(first, IntValueNode):
            return int(first.value)
        if isinstance(first, VariableNode):
            return int(self.variables.get(first.name.value) or 1)
        return 1


class Bucket:
    """Points that empty with queries and refill with time. Safe for threads. `scale` multiplies both figures."""

    def __init__(self, most: float = 2000.0, per_second: float = 100.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.per_second = per_second
        self.scale = 1.0
        self._clock = clock
        self._level = most
        self._at = clock()
        self._lock = threading.Lock()

    def take(self, points: float) -> bool:
        """Take the points where they are there; below zero gives points back."""
        with self._lock:
            now = self._clock()
            most = self.most * self.scale
            self._level = min(most, self._level + (now - self._at) * self.per_second * self.scale)
            self._at = now
            if points > self._level:
                return False
            self._level = min(most, self._level - points)
            return True

    def cost(self, asked: int, used: int | None) -> dict[str, Any]:
        """The `extensions.cost` of an answer."""
        self.take(0)
        return {
            "requestedQueryCost": asked,
            "actualQueryCost": used,
            "throttleStatus": {
                "maximumAvailable": self.most * self.scale,
                "currentlyAvailable": int(max(0, self._level)),
                "restoreRate": self.per_second * self.scale,
            },
        }
