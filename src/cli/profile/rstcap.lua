-- Fields from the comments of rstcap's case files, for filters, columns and the expert list:
-- rstcap.role, rstcap.case, rstcap.orig, rstcap.class, rstcap.party, rstcap.note.
-- A comment reads: words [rstcap role=rst case=3 orig=120331]. The words of a case's first RST
-- end with its class and how sure who and why are.

if not register_postdissector then return end

local comments = Field.new("frame.comment")

local rstcap = Proto("rstcap", "rstcap case file")
local fields = {
  role = ProtoField.string("rstcap.role", "Role"),
  case = ProtoField.uint32("rstcap.case", "Case"),
  orig = ProtoField.uint64("rstcap.orig", "Frame in the source"),
  class = ProtoField.string("rstcap.class", "Diagnosis class"),
  party = ProtoField.string("rstcap.party", "Party"),
  note = ProtoField.string("rstcap.note", "Note"),
}
rstcap.fields = { fields.role, fields.case, fields.orig, fields.class, fields.party, fields.note }

local experts = {
  rst = ProtoExpert.new("rstcap.expert.rst", "Reset", expert.group.SEQUENCE, expert.severity.WARN),
  further = ProtoExpert.new("rstcap.expert.further", "Further reset", expert.group.SEQUENCE, expert.severity.NOTE),
  trigger = ProtoExpert.new("rstcap.expert.trigger", "Provoked the reset", expert.group.SEQUENCE, expert.severity.NOTE),
}
rstcap.experts = { experts.rst, experts.further, experts.trigger }

-- Who is blamed, by the first words of the note.
local parties = {
  { "^reset by the client", "client-host" },
  { "^reset by the server", "server-host" },
  { "^reset by a device on the path in the server's name", "middlebox-as-server" },
  { "^reset by a device on the path in the client's name", "middlebox-as-client" },
  { "^reset by a device on the path in both names", "middlebox-both" },
  { "^reset by a load balancer or proxy of the server", "server-side-intermediary" },
  { "^reset by a NAT or proxy of the client", "client-side-intermediary" },
  { "by whom is unknown", "unknown" },
}

local function party_of(note)
  for _, pair in ipairs(parties) do
    if note:find(pair[1]) then return pair[2] end
  end
end

-- Adds a field once per value: several comments repeat role, case and frame.
local function add(tree, seen, field, key, value)
  if value == nil or seen[key .. "=" .. tostring(value)] then return end
  seen[key .. "=" .. tostring(value)] = true
  tree:add(field, value):set_generated()
end

local function add_comment(tree, seen, note, tag)
  local values = {}
  for key, value in tag:gmatch("(%w+)=(%S+)") do values[key] = value end
  add(tree, seen, fields.role, "role", values.role)
  add(tree, seen, fields.case, "case", tonumber(values.case or ""))
  if values.orig and values.orig:find("^%d+$") then
    local number = tonumber(values.orig)
    add(tree, seen, fields.orig, "orig", UInt64(number % 4294967296, math.floor(number / 4294967296)))
  end
  local class = values.class or note:match(": ([%w%-]+), who %w+ / why %w+")
  if class then
    add(tree, seen, fields.class, "class", class)
    add(tree, seen, fields.party, "party", values.party or party_of(note))
  end
  add(tree, seen, fields.note, "note", note)
  -- only the RST that the case is about names a class
  local kind = values.role
  if kind == "rst" and not class then kind = "further" end
  if experts[kind or ""] and not seen[values.role] then
    seen[values.role] = class or true
    tree:add_proto_expert_info(experts[kind], note)
  end
end

function rstcap.dissector(_, pinfo, root)
  local subtree
  local done, seen = {}, {}
  -- from 4.4 on a comment comes more than once
  for _, info in ipairs({ comments() }) do
    local text = tostring(info.value)
    local note, tag = text:match("^(.-) ?%[rstcap ([^%]]*)%]%s*$")
    if tag and not done[text] then
      done[text] = true
      subtree = subtree or root:add(rstcap)
      add_comment(subtree, seen, note, tag)
    end
  end
  if type(seen.rst) == "string" then
    pinfo.cols.info:append(" [rstcap: " .. seen.rst .. "]")
  end
end

register_postdissector(rstcap)
