"""The design everyone uses, to be measured against: one job for each webhook, the ORM, a commit for each order.

These files run in an environment of their own and import nothing of the connector.
"""
