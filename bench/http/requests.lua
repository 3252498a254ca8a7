-- The requests that wrk sends; the result is one line of JSON.
-- Arguments:
--   (none)        request the URL itself
--   codes FILE N  request the codes in FILE in turn, starting after the first N
--   shorten       create links, each to a different target

local function request_codes(path, n)
  local requests = {}
  for code in io.lines(path) do
    requests[#requests + 1] = wrk.format("GET", "/" .. code)
  end
  return function()
    n = n % #requests + 1
    return requests[n]
  end
end

local function shorten()
  local n = 0
  local headers = { ["Content-Type"] = "application/json" }
  return function()
    n = n + 1
    local body = string.format('{"url": "https://example.org/a/page/of/the/bench?number=%d"}', n)
    return wrk.format("POST", "/shorten", headers, body)
  end
end

function init(arguments)
  if arguments[1] == "codes" then
    request = request_codes(arguments[2], tonumber(arguments[3]))
  elseif arguments[1] == "shorten" then
    request = shorten()
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
