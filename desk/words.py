"""Every code a page can meet, as words. English here; the catalogues hold the other languages.

A code that is not in a table is still shown, as itself: a new kind of fact must never break a page.
"""

from __future__ import annotations

from connector.domain import explanation
from connector.domain.explanation import SENTENCES
from connector.domain.fulfillment import Step
from desk.language import N_

# word, tone of its chip
STATES: dict[str, tuple[str, str]] = {
    "new": (N_("New"), "new"),
    "in_progress": (N_("In progress"), "doing"),
    "packed": (N_("Packed"), "packed"),
    "ready": (N_("Ready for pickup"), "ready"),
    "shipped": (N_("Shipped"), "done"),
    "picked_up": (N_("Picked up"), "done"),
    "completed": (N_("Completed"), "done"),
    "cancelled": (N_("Cancelled"), "stopped"),
}
PAYMENTS: dict[str, tuple[str, str]] = {
    "unpaid": (N_("Unpaid"), "owed"),
    "authorized": (N_("Authorized"), "owed"),
    "partly_paid": (N_("Partly paid"), "owed"),
    "paid": (N_("Paid"), "plain"),
    "partly_refunded": (N_("Partly refunded"), "plain"),
    "refunded": (N_("Refunded"), "stopped"),
    "settled": (N_("Nothing owed"), "plain"),
}
HANDOVERS: dict[str, str] = {
    "delivery": N_("Delivery"),
    "pickup": N_("Pickup"),
    "none": N_("Nothing to hand over"),
}
OPEN_STATES = ("new", "in_progress", "packed", "ready")
CLOSED_STATES = ("completed", "cancelled")

STEPS: dict[Step, str] = {
    Step.START: N_("Start packing"),
    Step.PACK: N_("Mark packed"),
    Step.READY: N_("Tell the customer it is ready"),
    Step.SHIP: N_("Mark shipped"),
    Step.PICK_UP: N_("Mark picked up"),
    Step.UNPACK: N_("Un-pack"),
}
# What to do in a state, by (state, handover); "" is any handover.
NEXT: dict[tuple[str, str], str] = {
    ("new", ""): N_("Take these articles, pack them, then mark the part packed."),
    ("in_progress", ""): N_("Take these articles, pack them, then mark the part packed."),
    ("packed", "delivery"): N_("Packed. Next: give the parcel to the carrier, then mark it shipped."),
    ("packed", "pickup"): N_("Packed. Next: tell the customer that it is ready, or hand it over."),
    ("packed", "none"): N_("Packed. There is nothing to hand over."),
    ("ready", ""): N_("The customer was told. Next: hand it over when they come, then mark it picked up."),
    ("shipped", ""): N_("It has left. Nothing more to do for this part."),
    ("picked_up", ""): N_("The customer has it. Nothing more to do for this part."),
    ("cancelled", ""): N_("Cancelled. If it was packed already, put the articles back on the shelf."),
}
DONE: dict[Step, str] = {
    Step.START: N_("Order {number}, {location}: packing has started."),
    Step.PACK: N_("Order {number}, {location}: packed."),
    Step.READY: N_("Order {number}, {location}: ready for pickup."),
    Step.SHIP: N_("Order {number}, {location}: shipped."),
    Step.PICK_UP: N_("Order {number}, {location}: picked up."),
    Step.UNPACK: N_("Order {number}, {location}: un-packed."),
}
DONE_ALREADY = N_("Order {number}, {location}: that was done already.")
RECORDED = N_("{amount} recorded. Nobody was charged.")
REFUSALS: dict[str, str] = {
    "wrong_handover": N_("This part is handed over in another way: {handover}."),
    "wrong_state": N_("This part is “{state}” now, so “{step}” is not possible."),
    "on_hold": N_("{platform} holds this order. Release the hold in the shop's own admin."),
    "unpaid": N_("{owed} is still owed. Take the payment, then record it here."),
}
ATTENTION: dict[str, str] = {
    "held_by_tag": N_("A tag holds this order: it is not packed until the tag is removed in the online shop."),
    "no_lines": N_("The order has no lines, or nothing is wanted of any."),
    "no_customer": N_("The order names no customer."),
    "no_address": N_("There is no address to send it to."),
    "several_addresses": N_("The order goes to several addresses; only the first is shown."),
    "odd_characters": N_("The order held characters that cannot be stored; they were left out."),
    "unmapped": N_("An article is not known here yet. Add its SKU and it is allocated."),
    "product_deleted": N_("An article no longer exists in the online shop."),
    "custom_line": N_("A line was typed in by hand; check what it means."),
    "bundle": N_("An article is a bundle; check what belongs to it."),
    "unknown_line_kind": N_("A line is of a kind that is not known here; check what it means."),
    "fractional_quantity": N_("A quantity is not a whole number; it was rounded."),
    "negative_quantity": N_("A quantity is below zero; nothing is packed for it."),
    "impossible_quantity": N_("A quantity is too large to be true; nothing is packed for it."),
    "pickup_unknown": N_("The place the customer wants to collect at is linked to none of our locations."),
    "mixed_handover": N_("The customer wants one part delivered and another collected; check before packing."),
    "not_routed": N_("The platform has not decided yet where the order is served from."),
    "unknown_payment": N_("The platform's word for the payment is not known here; check it in the shop's own admin."),
    "unknown_status": N_("The platform's status is not known here; check it in the shop's own admin."),
    "point_of_sale": N_("The order was made at a till of the platform."),
    "test_order": N_("This is a test order: nobody waits for it."),
    "cancelled_after_handover": N_("The order was cancelled after goods had left. Take care of their return."),
    "changed_after_handover": N_("The order was changed after goods had left. Compare what was sent with what is wanted."),
}
ATTENTION |= {
    "moved_on_platform": N_("The platform moved goods to another location after packing had started."),
    "handover_withdrawn": N_("The platform took back a handover of goods that have left."),
    "correction_replaced": N_(
        "The online shop changed what had been corrected here; its word counts now. Compare before it is sent."
    ),
    "total_differs": N_("The platform's total is not what its lines make."),
}
ATTENTION_OTHER = N_("Someone should look at this order: {code}.")
LINE_KINDS: dict[str, str] = {
    "digital": N_("digital"),
    "gift_card": N_("gift card"),
    "custom": N_("typed in by hand"),
    "service": N_("service"),
    "tip": N_("tip"),
    "bundle": N_("bundle"),
}

ACTS: dict[str, str] = {
    "packed": N_("Packed"),
    "ready": N_("Ready for pickup"),
    "shipped": N_("Shipped"),
    "picked_up": N_("Picked up"),
    "cancelled": N_("Cancelled"),
    "taken_back": N_("Taken back"),
}
# The fields of a customer or an address, and the sections they stand in.
FIELDS: dict[str, str] = {
    "name": N_("Name"),
    "company": N_("Company"),
    "street": N_("Street"),
    "street2": N_("Street, second line"),
    "postcode": N_("Postcode"),
    "city": N_("City"),
    "region": N_("Region"),
    "country": N_("Country"),
    "phone": N_("Telephone"),
    "email": N_("E-mail"),
}
SECTIONS: dict[str, str] = {
    "customer": N_("Customer"),
    "shipping": N_("Delivery address"),
    "billing": N_("Billing address"),
}
ADDRESS_FAULTS: dict[str, str] = {
    "missing": N_("This is missing."),
    "postcode": N_("This is no postcode of the country. It looks like {example}."),
    "unknown": N_("Give the country's two letters, like {example}."),
}
CORRECT_REFUSALS = (N_("The order has ended."), N_("What has left cannot be sent elsewhere."), N_("Correct these fields."))
# What `connector.flow.cancel` refuses.
CANCEL_REFUSALS = (
    N_("The order is cancelled already."),
    N_("Nothing needs to be done."),
    N_("The order is completed."),
    N_("Refund it in the shop's own admin."),
    N_("Something of the order has left."),
    N_("Take the handover back first, or refund it in the shop's own admin."),
    N_("This platform is not asked to cancel."),
    N_("Cancel it in the shop's own admin: there you decide about the refund."),
    N_("The shop was asked already."),
    N_("See what it was told on the order's page."),
)
# How telling the platform ended, by (state of the row, outcome); "" is any outcome.
TOLD: dict[tuple[str, str], tuple[str, str]] = {
    ("waiting", ""): (N_("{platform} is being told."), "doing"),
    ("delivered", "applied"): (N_("{platform} was told."), "done"),
    ("delivered", "already"): (N_("{platform} knew it already."), "done"),
    ("delivered", "unsupported"): (N_("{platform} has no word for it, so nothing was sent."), "plain"),
    ("delivered", "withheld"): (N_("Not sent: what {platform} says of this order weighs more."), "plain"),
    ("delivered", "withdrawn"): (N_("Taken back before {platform} was told."), "plain"),
    ("delivered", ""): (N_("{platform} was told."), "done"),
    ("dead", ""): (N_("{platform} could not be told. Someone must look at it."), "owed"),
}
TRIED = N_("{act}: try {number} to tell {platform} – {how}.")
TOLD_AGAIN = N_("{platform} could not be told yet. Tries so far: {tries}. Next try: {due}.")

ACTORS: dict[str, str] = {
    "connector": N_("connector"),
    "platform": N_("online shop"),
    "desk": N_("staff"),
    "cli": N_("administrator"),
}
# Why stock moved.
MOVEMENTS: dict[str, str] = {
    "receipt": N_("Received"),
    "sale": N_("Sold over the counter"),
    "write_off": N_("Written off"),
    "count": N_("Counted"),
    "transfer_out": N_("Left for another location"),
    "transfer_in": N_("Arrived from another location"),
    "commit": N_("Promised to an order"),
    "release": N_("No longer promised"),
    "shipped": N_("Shipped"),
    "picked_up": N_("Picked up"),
    "handed_over": N_("Handed over"),
    "repair": N_("Repaired"),
}
EVENTS: dict[str, str] = {
    "received": N_("Order taken in."),
    "changed": N_("Order changed in the online shop: {status}."),
    "cancelled": N_("Order cancelled in the online shop; stock still here was given back."),
    "completed": N_("The online shop counts the order as completed."),
    "deleted": N_("Order deleted in the online shop; stock still here was given back."),
    "corrected": N_("Corrected here: {fields}."),
    "correction_replaced": N_("The online shop changed what had been corrected here; its word counts now: {fields}."),
    "cancel_asked": N_("The shop was asked to cancel the order."),
    "payment_recorded": N_("Payment recorded: {amount}."),
    "handed_over_elsewhere": N_("{platform} counts {units} units as handed over; they left here too."),
    "returned": N_("{units} units came back and are on the shelf again."),
    "rerouted": N_("{units} units moved from {location} to {to}. {note}"),
    "refused": N_("{location} could not give {units} units. {note}"),
    "unshipped": N_("{location}: the handover of {units} units was taken back. {note}"),
    "decided": N_("Decided: {decision}. {note}"),
    "assigned": N_("Assigned to {to}."),
    "short_stock": N_("Fewer at {location} than promised: {units} of this order are given elsewhere or wait."),
    "not_told": N_("{act}: {platform} could not be told."),
}
MOVED: dict[str, str] = {
    "start": N_("{location}: packing has started."),
    "pack": N_("{location}: packed."),
    "ready": N_("{location}: ready for pickup."),
    "ship": N_("{location}: shipped."),
    "pick-up": N_("{location}: picked up."),
    "unpack": N_("{location}: un-packed."),
}

# word, what it may do
ROLES: dict[str, tuple[str, str]] = {
    "viewer": (N_("Viewer"), N_("reads orders")),
    "picker": (N_("Picker"), N_("picks, packs, hands over, records payments, prints")),
    "operator": (N_("Operator"), N_("also looks after inbox, outbox and replays")),
    "owner": (N_("Owner"), N_("also decides who works here")),
}
STAFF_CHANGED: dict[bool, str] = {
    True: N_("{name} can sign in again."),
    False: N_("{name} can no longer sign in."),
}
NEW_ROLE = N_("{name} is now: {role}.")
# The acts of the record, by route.
ROUTES: dict[str, str] = {
    "desk.act": N_("Moved a part"),
    "desk.pay": N_("Recorded a payment"),
    "desk.correct_person": N_("Corrected a customer or an address"),
    "desk.cancel_order": N_("Asked to cancel an order"),
    "desk.bulk": N_("Acted on several orders"),
    "desk.note": N_("Wrote a note"),
    "desk.scan": N_("Scanned"),
    "desk.set_picked": N_("Set what is picked"),
    "desk.assign": N_("Assigned a part"),
    "desk.pack_picked": N_("Packed what was picked"),
    "desk.save_view": N_("Saved a view"),
    "desk.drop_view": N_("Removed a view"),
    "desk.replay": N_("Replayed deliveries"),
    "desk.set_logo": N_("Changed a logo"),
    "desk.set_supplier": N_("Set a supplier"),
    "desk.add_endpoint": N_("Added an endpoint"),
    "desk.endpoint_act": N_("Changed an endpoint"),
    "desk.replay_messages": N_("Sent messages again"),
    "desk.add_staff": N_("Added a colleague"),
    "desk.change_staff": N_("Enabled or disabled a colleague"),
    "desk.change_role": N_("Gave a colleague another role"),
    "desk.change_shop_settings": N_("Changed a shop's settings"),
    "desk.link_again": N_("Tried the linking again"),
}
OUTCOMES: dict[str, str] = {
    "begun": N_("broke off"),
    "done": N_("done"),
    "refused": N_("refused"),
    "trial": N_("only shown"),
}
# What `connector.flow.staff` refuses.
STAFF_REFUSALS = (
    N_("A name has 1 to 60 letters."),
    N_("Give the name colleagues know the person by."),
    N_("This name is taken."),
    N_("Choose another name."),
    N_("A password has 10 to 200 characters."),
    N_("A few words one after the other are easy to keep."),
    N_("This is the only owner."),
    N_("Add another owner first."),
)
# What a scan is answered with.
SCANS: dict[str, str] = {
    "picked": N_("{article}: {picked} of {quantity}."),
    "full": N_("Enough of “{article}”: {quantity} of {quantity}. Put it back."),
    "wrong": N_("Wrong article: {code} is not in this order. Put it back."),
    "known": N_("Wrong article: “{article}” is not in this order. Put it back."),
    "closed": N_("This part is not being picked any more."),
}
PACKED = N_("Order {number}, {location}: packed.")
NOTHING_PICKED = N_("Order {number}: {location} is not asked again for it.")
REST_ELSEWHERE = N_("{moved} missing, now from: {places}.")
REST_WAITS = N_("{waiting} missing, waiting as a backorder until goods come in.")
# What `connector.flow.picking` refuses.
PICKING_REFUSALS = (
    N_("So many are not wanted."),
    N_("Give a number from 0 to what is wanted."),
    N_("Not everything is picked."),
    N_("Pick the rest, or say why it is missing."),
    N_("This person does not work here."),
    N_("Choose another."),
    N_("The note is empty."),
    N_("Write something."),
    N_("This part is not being picked any more."),
    N_("Un-pack it first."),
    N_("This line is not in this part."),
    N_("Load the page again."),
    N_("The platform holds this order."),
    N_("Release the hold in the shop's own admin."),
)
PAPERS: dict[str, str] = {
    "slip": N_("Packing slip"),
    "pick-list": N_("Pick list"),
    "receipt": N_("Receipt"),
}
SHOP_STATES: dict[str, tuple[str, str]] = {
    "linked": (N_("Linked"), "done"),
    "paused": (N_("Paused"), "doing"),
    "uninstalled": (N_("App removed"), "owed"),
}
LOST_LINKS: dict[str, str] = {
    "paused": N_("{shop} refuses our credentials: nothing is read there or told to it until it is linked again."),
    "uninstalled": N_(
        "The connector was removed from {shop}: no orders come, and nothing is told to it. Install it again to go on."
    ),
    "webhooks": N_("{shop} does not tell us of everything by itself: some of its webhooks are missing or disabled."),
}
BOXES: dict[str, str] = {"inbox": N_("Inbox"), "outbox": N_("Outbox")}
BOX_STATES: dict[str, tuple[str, str]] = {
    "waiting": (N_("Waiting"), "doing"),
    "done": (N_("Done"), "done"),
    "ignored": (N_("Nothing to do"), "plain"),
    "delivered": (N_("Delivered"), "done"),
    "dead": (N_("Given up"), "owed"),
}
# How deliveries ended, as the inbox notes it; other reasons are sentences of their own.
ENDINGS: dict[str, str] = {
    "new": N_("A new order"),
    "newer": N_("The order changed"),
    "same": N_("Known already"),
    "stale": N_("Older than what is known"),
    "gone": N_("No longer in the shop"),
    "uninstalled": N_("The app was removed"),
    "replay": N_("To be taken in again"),
}
# How calls fail, as their tries are written down.
FAILURES: dict[str, str] = {
    "retryable": N_("failed"),
    "throttled": N_("asked to slow down"),
    "timedout": N_("too slow"),
    "authlost": N_("credentials refused"),
    "tokenrefused": N_("token refused"),
    "refused": N_("refused"),
    "notyet": N_("not there yet"),
    "no_answer": N_("no answer"),
}
ENDPOINT_STATES: dict[str, tuple[str, str]] = {
    "active": (N_("Active"), "done"),
    "failing": (N_("Failing"), "doing"),
    "paused": (N_("Paused"), "owed"),
}
EVENT_TYPES: dict[str, str] = {
    "order.received": N_("Order taken in"),
    "order.state_changed": N_("Order's state changed"),
    "fulfillment_order.state_changed": N_("State of a part changed"),
    "stock.changed": N_("Stock changed"),
    "endpoint.test": N_("Test"),
}
# What `connector.flow.logos` refuses.
LOGO_REFUSALS = (
    N_("The picture is empty or too large."),
    N_("The picture has too many pixels."),
    N_("This is no PNG or JPEG picture."),
    N_("Choose a PNG or JPEG picture of at most 500 KB and 4 million pixels."),
)
# What `connector.flow.events` and the check of addresses refuse.
ENDPOINT_REFUSALS = (
    N_("This endpoint is paused."),
    N_("Resume it first."),
    N_("Remove one that is not used any more."),
    N_("Give it as https://erp.example/hooks."),
    N_("Give an https address on port 443, as https://erp.example/hooks; under development set ALLOW_PRIVATE_SHOPS=true."),
    N_("An endpoint is reached over the internet; under development set ALLOW_PRIVATE_SHOPS=true."),
)
REMEDIES: dict[str, str] = {
    "inbox": N_(
        "Mend what the reason names, then replay. Replaying is safe: only the difference to what stands here is written."
    ),
    "outbox": N_("Mend what the reason names, then replay. Replaying is safe: the shop's own state is read first."),
    "paused": N_(
        "Install the connector again in the shop's admin, or link the shop again with credentials that work. Nothing is lost."
    ),
    "uninstalled": N_(
        "Install the connector again in the shop's admin: its history is kept, and what was placed meanwhile is read."
    ),
    "webhooks": N_("They are renewed every hour by themselves, and changed orders are read every few minutes until then."),
}

# Sentences about units -> the same of one unit. Languages have their own forms for other numbers, so both go through ngettext.
OF_ONE_UNIT: dict[str, str] = {
    **{SENTENCES[code]: one for code, one in explanation.OF_ONE_UNIT.items()},
    EVENTS["handed_over_elsewhere"]: "{platform} counts {units} unit as handed over; it left here too.",
    EVENTS["returned"]: "{units} unit came back and is on the shelf again.",
    EVENTS["rerouted"]: "{units} unit moved from {location} to {to}. {note}",
    EVENTS["refused"]: "{location} could not give {units} unit. {note}",
    EVENTS["unshipped"]: "{location}: the handover of {units} unit was taken back. {note}",
}
