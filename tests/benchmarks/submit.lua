-- Every request is another job with another key, as from artists who press the button.
local run = tostring(os.time()) .. tostring(math.random(1000000000))
local count = 0

request = function()
  count = count + 1
  local body = string.format(
    '{"mode":"text_to_image","prompt":"a lighthouse, number %d","style":"practice-sketch","width":512,"height":512,"seed":%d}',
    count, count)
  local headers = {
    ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = run .. "-" .. count,
  }
  return wrk.format("POST", "/v1/generate", headers, body)
end
