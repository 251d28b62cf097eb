"""How a batch comes onto the history stream, as the part of a server-side function: appended, counted, and, where the
stream is over its cap, made room for by its oldest batches, each of which becomes part of a recorded gap first.
"""

from typing import Final

FULL: Final = "stream_full"

# append(stream, size, gaps, cap, feed, term, count, rows, trades); `gap` is told in milliseconds since 1970.
APPEND: Final = """
local function received(line)
  local row = cjson.decode(line)
  return row[3] + row[4]
end
local function gap(gaps, feed, term, reason, from, to, count)
  local field = feed .. '|' .. term .. '|' .. reason
  local known = redis.call('HGET', gaps, field)
  if known then
    local a, b, n = string.match(known, '^(%S+) (%S+) (%S+)$')
    from, to, count = math.min(from, a), math.max(to, b), count + n
  end
  redis.call('HSET', gaps, field, string.format('%.3f %.3f %.0f', from, to, count))
end
local function append(stream, size, gaps, cap, feed, term, count, rows, trades)
  if trades == '' then
    redis.call('XADD', stream, '*', 'feed', feed, 'term', term, 'count', count, 'rows', rows)
  else
    redis.call('XADD', stream, '*', 'feed', feed, 'term', term, 'count', count, 'rows', rows, 'trades', trades)
  end
  local held = redis.call('INCRBY', size, #rows + #trades)
  while held > tonumber(cap) do
    if redis.call('XLEN', stream) == 1 then
      -- The newest stays, however large; and the count is right again where somebody emptied the stream.
      redis.call('SET', size, #rows + #trades)
      break
    end
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local entry = {}
    for i = 1, #oldest[2], 2 do entry[oldest[2][i]] = oldest[2][i + 1] end
    local text = entry.rows or ''
    if text ~= '' then
      local read, from, to = pcall(function()
        return received(string.match(text, '^[^\\n]*')), received(string.match(text, '[^\\n]*$'))
      end)
      if not read then from, to = 0, 0 end
      gap(gaps, entry.feed, entry.term, 'stream_full', from, to, tonumber(entry.count) or 0)
    end
    redis.call('XDEL', stream, oldest[1])
    held = redis.call('DECRBY', size, #text + #(entry.trades or ''))
  end
end
"""
