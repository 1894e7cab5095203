"""The picture at the head of a shop's papers: checked by what it is, and written anew without what it carries."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

from PIL import Image
from sqlalchemy import Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from connector.db.tables import shop_logos
from connector.domain.errors import Rejected

MOST_BYTES = 500_000
_MOST_PIXELS = 4_000_000  # looked at before a pixel is unpacked: a small file can hold a huge picture
_LARGEST = (1200, 600)  # 300 dots per inch on 10 cm of paper
_FORMATS = ("PNG", "JPEG")
_WRONG = "Choose a PNG or JPEG picture of at most 500 KB and 4 million pixels."


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG with its size in pixels."""

    picture: bytes
    width: int
    height: int


def checked(content: bytes) -> Logo:
    """The picture as it will be printed: a PNG without metadata, on white, no larger than paper can show. Rejected otherwise."""
    if not content or len(content) > MOST_BYTES:
        raise Rejected("The picture is empty or too large.", _WRONG)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise Rejected("The picture has too many pixels.", _WRONG)
            seen = picture.convert("RGBA")
    except Rejected:
        raise
    except Exception as error:  # a broken picture fails in as many ways as there are bytes in it
        raise Rejected("This is no PNG or JPEG picture.", _WRONG) from error
    seen.thumbnail(_LARGEST)
    page = Image.new("RGB", seen.size, "white")
    page.paste(seen, mask=seen.getchannel("A"))
    out = io.BytesIO()
    page.save(out, "PNG", optimize=True)
    return Logo(out.getvalue(), *page.size)


def keep(engine: Engine, shop_id: int, content: bytes, now: datetime) -> Logo:
    """Put it at the head of the shop's papers. Rejected where it is none."""
    logo = checked(content)
    values = {"picture": logo.picture, "width": logo.width, "height": logo.height, "at": now}
    with engine.begin() as conn:
        row = insert(shop_logos).values(shop_id=shop_id, **values)
        conn.execute(row.on_conflict_do_update(index_elements=["shop_id"], set_=values))
    return logo


def drop(engine: Engine, shop_id: int) -> None:
    """Print without it again."""
    with engine.begin() as conn:
        conn.execute(delete(shop_logos).where(shop_logos.c.shop_id == shop_id))


def of_shop(engine: Engine, shop_id: int) -> Logo | None:
    """The picture of a shop's papers."""
    columns = (shop_logos.c.picture, shop_logos.c.width, shop_logos.c.height)
    with engine.connect() as conn:
        row = conn.execute(select(*columns).where(shop_logos.c.shop_id == shop_id)).first()
    return None if row is None else Logo(bytes(row.picture), row.width, row.height)
