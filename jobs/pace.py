"""The buckets of `platforms.pace` in Redis, so that all workers of an installation keep one shop's limit together."""

from __future__ import annotations

from collections.abc import Collection

import redis

from platforms.pace import (
    BUSY_SECONDS,
    LONGEST_WAIT_SECONDS,
    LOOK_SECONDS,
    SPREAD,
    Level,
    Limit,
    LocalBuckets,
    Turn,
    held_seconds,
)

_KEEP_SECONDS = 600

# The rules of `platforms.pace.Level` by Redis' own clock. A bucket is a hash with the fields of Level; the calls under way
# are a sorted set of "ticket:points" by the time when they are given up.
_COMMON = """
local time = redis.call('TIME'); local now = time[1] + time[2] / 1000000
local function number(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end
local function exact(value) return string.format('%.6f', value) end
local function underway()
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', exact(now))
  local points = 0
  for _, call in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do points = points + tonumber(string.match(call, ':(.*)')) end
  return points
end
local known = redis.call('HEXISTS', KEYS[1], 'most') == 1
local left, most, rate, reset = number('left'), number('most'), number('rate'), number('reset')
local at, next_at = number('at'), number('next')
if rate > 0 then left = math.min(most, left + (now - at) * rate)
elseif known and reset > 0 and now >= reset then left = most - underway(); reset = 0; next_at = 0 end
local function keep()
  redis.call('HSET', KEYS[1], 'left', exact(left), 'most', exact(most), 'rate', exact(rate), 'reset', exact(reset),
    'at', exact(now), 'next', exact(next_at))
end
local function turn(cost)
  if not known then return 0, true end
  cost = math.min(cost, most)
  local wait, slot = 0, math.max(now, next_at)
  if rate > 0 then
    wait = (cost - left) / rate
    if wait > 0 then return underway() > 0 and math.min(wait, LOOK) or wait, false end
    wait = 0
  elseif left < cost or (reset > 0 and slot >= reset) then return math.max(0.01, reset - now), false
  elseif reset > 0 and left <= most / 2 then
    wait = slot - now
    if wait > tonumber(ARGV[2]) then return wait, false end
    next_at = slot + SPREAD * cost * (reset - slot) / left
  end
  left = left - cost
  return wait, true
end
"""
_COMMON = _COMMON.replace("LOOK", str(LOOK_SECONDS)).replace("SPREAD", str(SPREAD))
_TAKE = (
    _COMMON
    + """
local cost, at_once = tonumber(ARGV[1]), tonumber(ARGV[5])
if at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', exact(now))
  if redis.call('ZCARD', KEYS[2]) >= at_once then return {ARGV[6], 0} end
end
local wait, booked = turn(cost)
if not booked then return {exact(wait), 0} end
if known then keep() end
local ticket = redis.call('HINCRBY', KEYS[1], 'tickets', 1)
redis.call('ZADD', KEYS[2], exact(now + ARGV[3]), ticket .. ':' .. exact(cost))
redis.call('EXPIRE', KEYS[1], ARGV[4]); redis.call('EXPIRE', KEYS[2], ARGV[4])
return {exact(wait), ticket}
"""
)
_NOTE = (
    _COMMON
    + """
local ticket, refund = ARGV[1], 0
for _, call in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local other, cost = string.match(call, '^(.*):(.*)')
  if other == ticket then
    redis.call('ZREM', KEYS[2], call)
    if ARGV[7] then refund = math.max(0, tonumber(cost) - tonumber(ARGV[7])) end
  end
end
if #ARGV == 2 then return '0' end
local said, said_most, said_rate, said_reset = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if said_rate > 0 then
  local counted = said - underway()
  if tonumber(ticket) < number('heard') then
    left = math.min(most, left + refund)
    keep()
    return '0'
  end
  if known and rate > 0 then counted = math.max(counted, left + refund) end
  left, most, rate, reset, next_at = math.min(said, counted), said_most, said_rate, 0, 0
elseif known and rate == 0 and reset == 0 and most == said_most and left < said then
  reset = now + said_reset
elseif known and reset > now then
  left, most, rate, reset = math.min(left, said), said_most, 0, math.min(reset, now + said_reset)
else
  left, most, rate, reset, next_at = said, said_most, 0, now + said_reset, 0
end
keep()
redis.call('HSET', KEYS[1], 'heard', ticket)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return '0'
"""
)
_WAIT = (
    _COMMON
    + """
local wait = turn(tonumber(ARGV[1]))
return exact(wait)
"""
)


class SharedBuckets:
    """Buckets in Redis. While Redis is away each process keeps its own."""

    def __init__(self, connection: redis.Redis) -> None:
        self._take = connection.register_script(_TAKE)
        self._note = connection.register_script(_NOTE)
        self._wait = connection.register_script(_WAIT)
        self._own = LocalBuckets()

    def take(self, shop: str, cost: float, at_once: int = 0) -> Turn:
        """See `platforms.pace.Buckets`."""
        try:
            facts = [cost, LONGEST_WAIT_SECONDS, held_seconds(at_once), _KEEP_SECONDS, at_once, BUSY_SECONDS]
            seconds, ticket = self._take(keys=_keys(shop), args=facts)
        except redis.RedisError:
            return self._own.take(shop, cost, at_once)
        return Turn(float(seconds), booked=int(ticket) > 0, ticket=int(ticket))

    def note(self, shop: str, ticket: int, limit: Limit | None) -> None:
        """See `platforms.pace.Buckets`."""
        self._own.note(shop, ticket, limit)
        said = [] if limit is None else [limit.left, limit.most, limit.per_second, limit.reset_seconds]
        said += [] if limit is None or limit.used is None else [limit.used]
        try:
            self._note(keys=_keys(shop), args=[ticket, _KEEP_SECONDS, *said])
        except redis.RedisError:
            return  # the next answer says it again

    def wait_seconds(self, shop: str, cost: float) -> float:
        """See `platforms.pace.Buckets`."""
        try:
            return float(self._wait(keys=_keys(shop), args=[cost, LONGEST_WAIT_SECONDS]))
        except redis.RedisError:
            return self._own.wait_seconds(shop, cost)


def standings(connection: redis.Redis, shops: Collection[str]) -> dict[str, tuple[float, float]]:
    """(points left now, points there can be) by shop's address, of those that were called lately. RedisError as it comes."""
    with connection.pipeline(transaction=False) as pipeline:
        pipeline.time()
        for shop in shops:
            pipeline.hmget(_keys(shop)[0], "left", "most", "rate", "reset", "at")
        (seconds, micros), *found = pipeline.execute()
    now = seconds + micros / 1_000_000
    levels = {shop: Level(*map(float, facts)) for shop, facts in zip(shops, found, strict=True) if all(facts)}
    return {shop: (max(0.0, level.now(now, 0.0).left), level.most) for shop, level in levels.items()}


def _keys(shop: str) -> list[str]:
    return [f"connector:pace:{{{shop}}}", f"connector:pace:{{{shop}}}:underway"]
