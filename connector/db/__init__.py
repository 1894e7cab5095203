from connector.db import desk_tables as desk_tables  # every table is known as soon as any of them is
