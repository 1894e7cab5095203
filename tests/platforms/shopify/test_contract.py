"""Our documents fit Shopify's own schema and the sandbox's; the sandbox's is a true part of Shopify's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    NoDeprecatedCustomRule,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    parse,
    validate,
)

from platforms.shopify import documents, goods_documents
from platforms.shopify.client import VERSION
from platforms.shopify.documents import Document
from platforms.shopify.reading import SCOPES
from platforms.shopify.subscriptions import TOPICS
from tests.platforms.shopify import schemas

ALL = (*documents.ALL, *goods_documents.ALL)
DOCUMENTS = pytest.mark.parametrize("document", ALL, ids=lambda document: document.text.split()[1].split("(")[0])


def _faults(schema: object, document: Document, *rules: object) -> list[str]:
    return [error.message for error in validate(schema, parse(document.text), *rules)]  # type: ignore[arg-type]


@DOCUMENTS
def test_document_is_valid_in_the_official_schema(document: Document) -> None:
    assert _faults(schemas.official(), document) == []


@DOCUMENTS
def test_document_uses_nothing_deprecated(document: Document) -> None:
    assert _faults(schemas.official(), document, [NoDeprecatedCustomRule]) == []


@DOCUMENTS
def test_document_is_valid_in_the_sandbox_schema(document: Document) -> None:
    assert _faults(schemas.sandbox(), document) == []


def test_all_documents_are_listed() -> None:
    defined = [value for room in (documents, goods_documents) for value in vars(room).values() if isinstance(value, Document)]
    assert len(ALL) == len(defined)
    assert VERSION == "2026-10"
    assert len(SCOPES) == len(set(SCOPES))


def test_subscribed_topics_exist() -> None:
    topics = schemas.official().get_type("WebhookSubscriptionTopic")
    assert isinstance(topics, GraphQLEnumType)
    assert set(TOPICS) <= set(topics.values)


def test_a_wrong_document_would_be_found() -> None:
    wrong = Document("order", 'query { order(id: "1") { nonsense } }')
    assert _faults(schemas.sandbox(), wrong)
    assert _faults(schemas.official(), wrong)


def _own_types() -> list[GraphQLNamedType]:
    own = schemas.sandbox().type_map.values()
    return [kind for kind in own if not kind.name.startswith("__") and not is_specified_scalar_type(kind)]


@pytest.mark.parametrize("kind", _own_types(), ids=lambda kind: kind.name)
def test_sandbox_type_is_part_of_the_official_one(kind: GraphQLNamedType) -> None:
    real = schemas.official().get_type(kind.name)
    assert type(real) is type(kind), f"{kind.name} is {type(real).__name__} at Shopify"
    assert list(_differences(kind, real)) == []


def test_sandbox_directive_is_the_official_one() -> None:
    own, real = (schema.get_directive("idempotent") for schema in (schemas.sandbox(), schemas.official()))
    assert own is not None
    assert real is not None
    assert {name: str(arg.type) for name, arg in own.args.items()} == {name: str(arg.type) for name, arg in real.args.items()}
    assert own.locations == real.locations


def _differences(own: GraphQLNamedType, real: object) -> Iterator[str]:
    if isinstance(own, GraphQLEnumType) and isinstance(real, GraphQLEnumType):
        yield from (f"no value {name}" for name in own.values if name not in real.values)
    if isinstance(own, GraphQLInputObjectType) and isinstance(real, GraphQLInputObjectType):
        yield from _unequal(own.fields, real.fields)
        yield from (
            f"{name} must be given" for name, f in real.fields.items() if is_required_input_field(f) and name not in own.fields
        )
    if isinstance(own, GraphQLObjectType) and isinstance(real, GraphQLObjectType):
        yield from _unequal(own.fields, real.fields)
        for name, field in own.fields.items():
            if name in real.fields:
                yield from _argument_differences(name, field.args, real.fields[name].args)


def _argument_differences(field: str, own: dict[str, GraphQLArgument], real: dict[str, GraphQLArgument]) -> Iterator[str]:
    yield from (f"{field}: {text}" for text in _unequal(own, real))
    yield from (f"{field}: {name} must be given" for name, arg in real.items() if is_required_argument(arg) and name not in own)


def _unequal(own: dict, real: dict) -> Iterator[str]:  # type: ignore[type-arg]
    for name, part in own.items():
        if name not in real:
            yield f"no {name}"
        elif str(part.type) != str(real[name].type):
            yield f"{name} is {real[name].type}, not {part.type}"
        elif getattr(real[name], "deprecation_reason", None):
            yield f"{name} is deprecated"
