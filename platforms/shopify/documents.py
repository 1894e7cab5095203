"""Every GraphQL document the connector sends to Shopify, but those of goods (`goods_documents`).

All of them are validated against Shopify's own schema of `client.VERSION` (tests/platforms/shopify/test_contract.py).
A query may cost 1000 points at most, and a `first:` counts in full whether there are so many or not: so the first page
takes what an ordinary order needs, and the documents below it fetch the rest of a long one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """`text` is sent as it is; `field` is its root field, whose answer the caller wants."""

    field: str
    text: str
    write: bool = False


PAGE = "pageInfo { hasNextPage endCursor }"
_MONEY = "{ shopMoney { amount } }"
_BOTH = "{ shopMoney { amount } presentmentMoney { amount currencyCode } }"

_POSTAL_FIELDS = "name company address1 address2 city provinceCode zip countryCodeV2 phone"
_LINE_FIELDS = f"""id name sku quantity currentQuantity requiresShipping isGiftCard nonFulfillableQuantity
  variant {{ id barcode }}
  originalUnitPriceSet {_MONEY}
  discountedUnitPriceAfterAllDiscountsSet {_MONEY}"""
_PART_LINE_FIELDS = "id totalQuantity remainingQuantity lineItem { id }"
_PART_FIELDS = """id status
  assignedLocation { name location { id } }
  deliveryMethod { methodType presentedName }
  supportedActions { action }"""
_ORDER_FIELDS = f"""id name createdAt processedAt updatedAt cancelledAt test tags sourceName note email phone currencyCode
    displayFinancialStatus displayFulfillmentStatus fullyPaid paymentGatewayNames
    retailLocation {{ id }}
    customer {{ id displayName }}
    taxesIncluded
    currentTotalPriceSet {_BOTH}
    currentShippingPriceSet {_MONEY}
    currentTotalTaxSet {_MONEY}
    currentTotalDutiesSet {_MONEY}
    currentTotalAdditionalFeesSet {_MONEY}
    totalTipReceivedSet {_MONEY}
    totalOutstandingSet {_MONEY}
    shippingLine {{ title }}
    fulfillmentsCount {{ count }}"""

_POSTAL = f"""
fragment Postal on MailingAddress {{ {_POSTAL_FIELDS} }}"""

_LINE = f"""
fragment Line on LineItem {{
  {_LINE_FIELDS}
}}"""

_PART_LINE = f"""
fragment PartLine on FulfillmentOrderLineItem {{ {_PART_LINE_FIELDS} }}"""

_PART = f"""
fragment Part on FulfillmentOrder {{
  {_PART_FIELDS}
  lineItems(first: 20) {{ {PAGE} nodes {{ ...PartLine }} }}
}}{_PART_LINE}"""

ORDER = Document(
    "order",
    f"""
query OrderById($id: ID!) {{
  order(id: $id) {{
    {_ORDER_FIELDS}
    shippingAddress {{ ...Postal }}
    billingAddress {{ ...Postal }}
    lineItems(first: 25) {{ {PAGE} nodes {{ ...Line }} }}
    fulfillmentOrders(first: 5) {{ {PAGE} nodes {{ ...Part }} }}
  }}
}}{_POSTAL}{_LINE}{_PART}""",
)

ORDER_LINES = Document(
    "order",
    f"""
query OrderLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 50, after: $after) {{ {PAGE} nodes {{ ...Line }} }} }}
}}{_LINE}""",
)

ORDER_PARTS = Document(
    "order",
    f"""
query OrderParts($id: ID!, $after: String) {{
  order(id: $id) {{ fulfillmentOrders(first: 10, after: $after) {{ {PAGE} nodes {{ ...Part }} }} }}
}}{_PART}""",
)

PART_LINES = Document(
    "fulfillmentOrder",
    f"""
query PartLines($id: ID!, $after: String) {{
  fulfillmentOrder(id: $id) {{ lineItems(first: 100, after: $after) {{ {PAGE} nodes {{ ...PartLine }} }} }}
}}{_PART_LINE}""",
)

# `Order.fulfillments` is a plain list without pages; SHIPMENTS_AT_ONCE keeps the cost of this one under 1000 points.
SHIPMENTS_AT_ONCE = 40
SHIPMENTS = Document(
    "order",
    f"""
query Shipments($id: ID!, $first: Int!) {{
  order(id: $id) {{
    fulfillments(first: $first) {{
      id status trackingInfo(first: 1) {{ number }}
      fulfillmentLineItems(first: 10) {{ {PAGE} nodes {{ quantity lineItem {{ id }} }} }}
    }}
  }}
}}""",
)

SHIPMENT_IDS = Document(
    "order",
    """
query ShipmentIds($id: ID!) {
  order(id: $id) { fulfillments(first: 250) { id status trackingInfo(first: 1) { number } } }
}""",
)

SHIPMENT_LINES = Document(
    "fulfillment",
    f"""
query ShipmentLines($id: ID!, $after: String) {{
  fulfillment(id: $id) {{ fulfillmentLineItems(first: 100, after: $after) {{ {PAGE} nodes {{ quantity lineItem {{ id }} }} }} }}
}}""",
)

_REFUND_LINE = "quantity restockType location { id } lineItem { id }"

# `Order.refunds` is a plain list too. Asked only for orders of which something was taken off.
REFUNDS_AT_ONCE = 10
REFUNDS = Document(
    "order",
    f"""
query Refunds($id: ID!) {{
  order(id: $id) {{ refunds(first: 10) {{ id refundLineItems(first: 30) {{ {PAGE} nodes {{ {_REFUND_LINE} }} }} }} }}
}}""",
)

REFUND_IDS = Document(
    "order",
    "query RefundIds($id: ID!) { order(id: $id) { refunds(first: 250) { id } } }",
)

REFUND_LINES = Document(
    "refund",
    f"""
query RefundLines($id: ID!, $after: String) {{
  refund(id: $id) {{ refundLineItems(first: 100, after: $after) {{ {PAGE} nodes {{ {_REFUND_LINE} }} }} }}
}}""",
)

MOVABLE = Document(
    "fulfillmentOrder",
    """
query Movable($id: ID!, $to: [ID!]) {
  fulfillmentOrder(id: $id) { locationsForMove(first: 5, locationIds: $to) { nodes { movable message location { id } } } }
}""",
)

CHANGED = Document(
    "orders",
    f"""
query ChangedOrders($query: String!, $after: String) {{
  orders(first: 100, after: $after, query: $query, sortKey: UPDATED_AT) {{ {PAGE} nodes {{ id updatedAt }} }}
}}""",
)

ORDER_IDS = Document(
    "orders",
    f"""
query OrderIds($query: String!, $after: String) {{
  orders(first: 25, after: $after, query: $query, sortKey: CREATED_AT) {{ {PAGE} edges {{ cursor node {{ id }} }} }}
}}""",
)

# Without `limit: null` it stops counting at 10,000.
ORDER_COUNT = Document(
    "ordersCount",
    """
query OrderCount($query: String!) { ordersCount(query: $query, limit: null) { count } }""",
)

# groupObjects: each order's lines and fulfillment orders follow it in the file, so that it can be read piece by piece in
# bounded memory. Shopify warns that it is slower; a job that fails for that is made good by pages of `ORDER_IDS`.
BULK_RUN = Document(
    "bulkOperationRunQuery",
    """
mutation BulkRun($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id status }
    userErrors { code field message }
  }
}""",
    write=True,
)

BULK_STATE = Document(
    "bulkOperation",
    """
query BulkState($id: ID!) { bulkOperation(id: $id) { id status errorCode rootObjectCount url } }""",
)


def bulk_orders(search: str) -> str:
    """What a bulk operation runs: every order that fits, whole but for its fulfillments (a list, in which a bulk query may
    hold no connection). Four connections in two levels; five are allowed."""
    return f"""{{ orders(query: "{search}", sortKey: CREATED_AT) {{ edges {{ node {{
    {_ORDER_FIELDS}
    shippingAddress {{ {_POSTAL_FIELDS} }}
    billingAddress {{ {_POSTAL_FIELDS} }}
    lineItems {{ edges {{ node {{ {_LINE_FIELDS} }} }} }}
    fulfillmentOrders {{ edges {{ node {{
      {_PART_FIELDS}
      lineItems {{ edges {{ node {{ {_PART_LINE_FIELDS} }} }} }}
    }} }} }}
  }} }} }} }}"""


LOCATIONS = Document(
    "locations",
    f"""
query Locations($after: String) {{
  locations(first: 100, after: $after, includeInactive: true, includeLegacy: true) {{ {PAGE} nodes {{ id name isActive }} }}
}}""",
)

INSTALLATION = Document(
    "shop",
    """
query Installation {
  shop { myshopifyDomain name currencyCode }
  currentAppInstallation { accessScopes { handle } }
}""",
)

SUBSCRIPTIONS = Document(
    "webhookSubscriptions",
    f"""
query Subscriptions($after: String) {{
  webhookSubscriptions(first: 100, after: $after) {{ {PAGE} nodes {{ id topic uri name apiVersion {{ handle }} }} }}
}}""",
)

SUBSCRIBE = Document(
    "webhookSubscriptionCreate",
    """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) {
    webhookSubscription { id }
    userErrors { field message }
  }
}""",
    write=True,
)

UNSUBSCRIBE = Document(
    "webhookSubscriptionDelete",
    """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId userErrors { field message } }
}""",
    write=True,
)

FULFILL = Document(
    "fulfillmentCreate",
    """
mutation Fulfill($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id status totalQuantity order { displayFulfillmentStatus } }
    userErrors { field message }
  }
}""",
    write=True,
)

PREPARED = Document(
    "fulfillmentOrderLineItemsPreparedForPickup",
    """
mutation Prepared($input: FulfillmentOrderLineItemsPreparedForPickupInput!) {
  fulfillmentOrderLineItemsPreparedForPickup(input: $input) { userErrors { code field message } }
}""",
    write=True,
)

PROGRESS = Document(
    "fulfillmentOrderReportProgress",
    """
mutation Progress($id: ID!) {
  fulfillmentOrderReportProgress(id: $id) { fulfillmentOrder { id status } userErrors { code field message } }
}""",
    write=True,
)

MOVE = Document(
    "fulfillmentOrderMove",
    """
mutation Move($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    movedFulfillmentOrder { id status }
    userErrors { code field message }
  }
}""",
    write=True,
)

SPLIT = Document(
    "fulfillmentOrderSplit",
    """
mutation Split($splits: [FulfillmentOrderSplitInput!]!) {
  fulfillmentOrderSplit(fulfillmentOrderSplits: $splits) {
    fulfillmentOrderSplits {
      fulfillmentOrder { ...Half }
      remainingFulfillmentOrder { ...Half }
    }
    userErrors { code field message }
  }
}
fragment Half on FulfillmentOrder { id lineItems(first: 100) { nodes { remainingQuantity lineItem { id } } } }""",
    write=True,
)

REOPEN = Document(
    "fulfillmentOrderOpen",
    "mutation Reopen($id: ID!) { fulfillmentOrderOpen(id: $id) { fulfillmentOrder { id } userErrors { field message } } }",
    write=True,
)

CANCEL_SHIPMENT = Document(
    "fulfillmentCancel",
    "mutation CancelShipment($id: ID!) { fulfillmentCancel(id: $id) { fulfillment { id } userErrors { field message } } }",
    write=True,
)

# Never a refund: the connector moves nobody's money. A payment that is only authorized is released by Shopify all the same.
# restock: Shopify lowered its own count when the order was placed, and nobody else raises it again where our stock is not
# published. It counts nothing twice: our ledger gives back by the order being cancelled (a refund line of the kind CANCEL
# brings nothing back), and publishing sets a quantity, by compare-and-set, never a difference.
# The payload's own `userErrors` are deprecated.
CANCEL = Document(
    "orderCancel",
    """
mutation Cancel($id: ID!, $notify: Boolean!, $note: String!) {
  orderCancel(
    orderId: $id
    reason: OTHER
    restock: true
    refundMethod: { originalPaymentMethodsRefund: false }
    notifyCustomer: $notify
    staffNote: $note
  ) {
    job { id done }
    userErrors: orderCancelUserErrors { code field message }
  }
}""",
    write=True,
)

JOB = Document("job", "query Job($id: ID!) { job(id: $id) { id done } }")

ALL = (
    ORDER,
    ORDER_LINES,
    ORDER_PARTS,
    PART_LINES,
    SHIPMENTS,
    SHIPMENT_IDS,
    SHIPMENT_LINES,
    REFUNDS,
    REFUND_IDS,
    REFUND_LINES,
    MOVABLE,
    MOVE,
    SPLIT,
    REOPEN,
    CANCEL_SHIPMENT,
    CANCEL,
    JOB,
    CHANGED,
    ORDER_IDS,
    ORDER_COUNT,
    BULK_RUN,
    BULK_STATE,
    LOCATIONS,
    INSTALLATION,
    SUBSCRIPTIONS,
    SUBSCRIBE,
    UNSUBSCRIBE,
    FULFILL,
    PREPARED,
    PROGRESS,
)
