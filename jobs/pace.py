"""The buckets of `platforms.pace` in Redis, so that all workers of an installation keep one shop's limit together."""

from __future__ import annotations

import redis

from platforms.pace import Limit, LocalBuckets

_KEEP_SECONDS = 600

# A bucket is (left, most, per second, when all is back, at), by Redis' own clock. An answer does not know of the calls
# that other workers have taken points for and not made yet, so our own lower figure is believed as well: up to the reset
# of a window, and for a second half-way where points come back all the time.
_TAKE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local b = redis.call('HMGET', KEYS[1], 'left', 'most', 'rate', 'reset', 'at')
if not b[1] then return '0' end
local left, most, rate, reset, at = tonumber(b[1]), tonumber(b[2]), tonumber(b[3]), tonumber(b[4]), tonumber(b[5])
if reset > 0 and now >= reset then left = most; reset = 0
else left = math.min(most, left + (now - at) * rate) end
local missing = math.min(tonumber(ARGV[1]), most) - left
if missing > 0 then
  if rate > 0 then return tostring(missing / rate) end
  return tostring(math.max(0.01, reset - now))
end
redis.call('HSET', KEYS[1], 'left', left - ARGV[1], 'at', now, 'reset', reset)
return '0'
"""
_NOTE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1000000
local b = redis.call('HMGET', KEYS[1], 'left', 'rate', 'at', 'reset')
local left = tonumber(ARGV[1])
if b[1] and tonumber(b[4]) == 0 and tonumber(ARGV[4]) == 0 then
  local own = tonumber(b[1]) + (now - tonumber(b[3])) * tonumber(b[2])
  if now - tonumber(b[3]) < 1 and own < left then left = (own + left) / 2 end
elseif b[1] and tonumber(b[4]) > now and tonumber(b[1]) < left then left = tonumber(b[1]) end
local reset = 0
if tonumber(ARGV[4]) > 0 then reset = now + tonumber(ARGV[4]) end
redis.call('HSET', KEYS[1], 'left', left, 'most', ARGV[2], 'rate', ARGV[3], 'reset', reset, 'at', now)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return '0'
"""


class SharedBuckets:
    """Buckets in Redis. While Redis is away each process keeps its own."""

    def __init__(self, connection: redis.Redis) -> None:
        self._take = connection.register_script(_TAKE)
        self._note = connection.register_script(_NOTE)
        self._own = LocalBuckets()

    def take(self, shop: str, cost: float) -> float:
        """See `platforms.pace.Buckets`."""
        try:
            return float(self._take(keys=[_key(shop)], args=[cost]))
        except redis.RedisError:
            return self._own.take(shop, cost)

    def note(self, shop: str, limit: Limit) -> None:
        """See `platforms.pace.Buckets`."""
        self._own.note(shop, limit)
        try:
            facts = [limit.left, limit.most, limit.per_second, limit.reset_seconds, _KEEP_SECONDS]
            self._note(keys=[_key(shop)], args=facts)
        except redis.RedisError:
            return  # the next answer says it again


def _key(shop: str) -> str:
    return f"connector:pace:{shop}"
