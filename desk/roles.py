"""Which role each page and act needs at least. A route that is not named here is the owner's alone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.domain.staff import Role

# None: open to everyone, signed in or not.
LEAST: Mapping[str, Role | None] = MappingProxyType(
    {
        "desk.static": None,
        "desk.sign_in": None,
        "desk.sign_in_form": None,
        "desk.sign_out": None,
        "desk.home": Role.VIEWER,
        "desk.orders": Role.VIEWER,
        "desk.api_page": Role.VIEWER,
        "desk.components": Role.VIEWER,
        "desk.history": Role.VIEWER,
        "desk.order": Role.VIEWER,
        "desk.save_view": Role.VIEWER,
        "desk.drop_view": Role.VIEWER,
        "desk.health": Role.VIEWER,
        "desk.dashboard": Role.OPERATOR,
        "desk.act": Role.PICKER,
        "desk.pay": Role.PICKER,
        "desk.person": Role.PICKER,
        "desk.correct_person": Role.PICKER,
        "desk.cancel_order": Role.OPERATOR,
        "desk.bulk": Role.PICKER,
        "desk.note": Role.PICKER,
        "desk.pick_list": Role.PICKER,
        "desk.pick": Role.PICKER,
        "desk.scan": Role.PICKER,
        "desk.set_picked": Role.PICKER,
        "desk.assign": Role.PICKER,
        "desk.pack_picked": Role.PICKER,
        "desk.paper": Role.PICKER,
        "desk.inbox": Role.OPERATOR,
        "desk.outbox": Role.OPERATOR,
        "desk.inbox_row": Role.OPERATOR,
        "desk.outbox_row": Role.OPERATOR,
        "desk.replay": Role.OPERATOR,
        "desk.shops": Role.OPERATOR,
        "desk.shop_links": Role.OPERATOR,
        "desk.shop_logo": Role.OPERATOR,
        "desk.set_logo": Role.OPERATOR,
        "desk.link_place": Role.OPERATOR,
        "desk.link_variant": Role.OPERATOR,
        "desk.shop_page": Role.OPERATOR,
        "desk.link_again": Role.OPERATOR,
        "desk.shop_settings": Role.OWNER,
        "desk.change_shop_settings": Role.OWNER,
        "desk.change_role": Role.OWNER,
        "desk.task_list": Role.VIEWER,
        "desk.decide": Role.OPERATOR,
        "desk.other_way": Role.PICKER,
        "desk.send_another_way": Role.PICKER,
        "desk.past": Role.VIEWER,
        "desk.stock": Role.VIEWER,
        "desk.stock_item": Role.VIEWER,
        "desk.supplier_list": Role.VIEWER,
        "desk.set_supplier": Role.OPERATOR,
        "desk.supplier_paper": Role.PICKER,
        "desk.endpoints": Role.OPERATOR,
        "desk.messages": Role.OPERATOR,
        "desk.message": Role.OPERATOR,
        "desk.replay_messages": Role.OPERATOR,
        "desk.add_endpoint": Role.OWNER,
        "desk.endpoint_act": Role.OWNER,
        "desk.staff": Role.OWNER,
        "desk.add_staff": Role.OWNER,
        "desk.change_staff": Role.OWNER,
    }
)


def least(endpoint: str) -> Role | None:
    """The least role for a route of the desk."""
    return LEAST.get(endpoint, Role.OWNER)
