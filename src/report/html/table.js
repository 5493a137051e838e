"use strict";
// The table of cases: which ones are shown, in which order, and the part of a case below its row.

const data = JSON.parse(document.getElementById("data").textContent);
const SEVERITIES = ["harmless", "info", "warning", "error"];
const byId = new Map(data.cases.map((c) => [c.i, c]));
const PAGE = 200;
// Rows that are not drawn only to reach one.
const FAR = 5000;

// What the address holds: filters, order, time range, open cases.
const state = { q: "", class: "", party: "", severity: "", confidence: "", host: "", port: "", name: "",
  group: "", from: null, to: null, sort: "id", dir: "ascending", open: [] };
let shown = [];
let rendered = 0;

for (const c of data.cases) {
  c.text = [c.i, c.w, data.classes[c.k][0], data.classes[c.k][1], data.parties[c.p][0], data.parties[c.p][1],
    SEVERITIES[c.s], c.a, c.b, c.n, c.y].join(" ").toLowerCase();
  c.hosts = c.h.map((h) => h.toLowerCase());
  c.lowName = c.n.toLowerCase();
}

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function severityFits(c) {
  if (!state.severity) return true;
  return state.severity === "attention" ? c.s >= 2 : SEVERITIES[c.s] === state.severity;
}

function confidenceFits(c) {
  const least = Math.min(c.cp, c.ck);
  return { "": true, high: least === 2, medium: least >= 1, low: least === 0 }[state.confidence] ?? true;
}

// Everything but the time range: the timeline shows these.
function matches(c) {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  const port = state.port.trim();
  return (!state.class || data.classes[c.k][0] === state.class)
    && (!state.party || data.parties[c.p][2] === state.party || data.parties[c.p][0] === state.party)
    && severityFits(c) && confidenceFits(c)
    && (!state.host || c.hosts.some((h) => h.includes(state.host.trim().toLowerCase())))
    && (!port || c.o.some((o) => String(o) === port))
    && (!state.name || c.lowName.includes(state.name.trim().toLowerCase()))
    && (!state.group || String(c.g) === state.group)
    && words.every((w) => c.text.includes(w));
}

function inRange(c) {
  return state.from === null || (c.t >= state.from && c.t <= state.to);
}

const KEYS = {
  id: (c) => c.i, time: (c) => c.t, class: (c) => data.classes[c.k][0], party: (c) => data.parties[c.p][1],
  client: (c) => c.a, server: (c) => c.n || c.b, confidence: (c) => c.cp * 3 + c.ck, severity: (c) => c.s,
};

function choose() {
  const key = KEYS[state.sort] || KEYS.id;
  const sign = state.dir === "descending" ? -1 : 1;
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    return (x < y ? -sign : x > y ? sign : 0) || a.i - b.i;
  };
  const matching = data.cases.filter(matches);
  shown = matching.filter(inRange).sort(compare);
  return matching;
}

function cell(...children) {
  return element("td", {}, ...children);
}

function rowOf(c) {
  const [party, word, colour] = data.parties[c.p];
  const button = element("button", { type: "button", class: "open", "data-case": c.i, "aria-expanded": "false",
    "aria-controls": `part-${c.i}`, "aria-label": `Case ${c.i}` }, String(c.i));
  const why = element("td", { class: "why" }, element("code", {}, data.classes[c.k][0]), element("span", { class: "summary" }, c.y));
  const server = cell(element("span", { class: "address" }, c.b));
  if (c.n) server.prepend(element("strong", {}, c.n), element("br"));
  const row = element("tr", { id: `row-${c.i}`, class: `sev-${SEVERITIES[c.s]}` },
    element("th", { scope: "row" }, button),
    element("td", { class: "time" }, c.w),
    cell(element("span", { class: "badge" }, SEVERITIES[c.s])),
    why,
    cell(element("span", { class: `who who-${colour}`, title: party }, word)),
    cell(element("span", { class: "address" }, c.a)), server, cell(c.c));
  return row;
}

function renderMore(count) {
  const body = document.querySelector("#cases > tbody");
  const part = document.createDocumentFragment();
  for (const c of shown.slice(rendered, rendered + count)) {
    const row = rowOf(c);
    part.append(row);
    if (state.open.includes(c.i)) part.append(partOf(c, row));
  }
  body.append(part);
  rendered = Math.min(shown.length, rendered + count);
  const more = document.getElementById("more");
  more.hidden = rendered >= shown.length;
  more.querySelector("[data-more=some]").textContent = `Show ${Math.min(PAGE, shown.length - rendered)} more`;
  more.querySelector("[data-more=all]").textContent = `Show all ${shown.length}`;
}

function renderTable() {
  document.querySelector("#cases > tbody").replaceChildren();
  rendered = 0;
  renderMore(PAGE);
  for (const head of document.querySelectorAll("#cases > thead th")) {
    const key = head.querySelector("button").dataset.sort;
    head.setAttribute("aria-sort", key === state.sort ? state.dir : "none");
  }
  const of = shown.length === data.cases.length ? "" : ` of ${data.cases.length}`;
  document.getElementById("shown").textContent = `${shown.length}${of} ${shown.length === 1 && !of ? "case" : "cases"}`;
}

// Of many thousands of cases the page tells the first ones of each group.
function untold(c) {
  const like = data.cases.find((o) => o.g === c.g && document.getElementById(`story-${o.i}`));
  const where = element("p", {}, `One of too many to be told here: line "id":${c.i} of cases.ndjson has its evidence and advice.`);
  if (like) where.append(" Like it: ", element("a", { href: `#case=${like.i}` }, `case ${like.i}`), ".");
  return [element("h3", { tabindex: "-1" }, `Case ${c.i}: ${data.classes[c.k][1]}`), element("p", { class: "lead" }, c.y), where];
}

// The part of a case, made from its text when it is first looked at.
function partOf(c, row) {
  row.classList.add("opened");
  row.querySelector(".open").setAttribute("aria-expanded", "true");
  const article = element("article", { class: "part", "aria-label": `Case ${c.i}` });
  const story = document.getElementById(`story-${c.i}`);
  if (story) article.innerHTML = story.textContent;
  else article.append(...untold(c));
  return element("tr", { id: `part-${c.i}`, class: `part sev-${SEVERITIES[c.s]}` }, element("td", { colspan: "8" }, article));
}

function openCase(id) {
  const c = byId.get(id);
  const row = document.getElementById(`row-${id}`);
  if (!c || !row || document.getElementById(`part-${id}`)) return;
  row.after(partOf(c, row));
  if (!state.open.includes(id)) state.open.push(id);
}

function closeCase(id) {
  document.getElementById(`part-${id}`)?.remove();
  const row = document.getElementById(`row-${id}`);
  row?.classList.remove("opened");
  row?.querySelector(".open").setAttribute("aria-expanded", "false");
  state.open = state.open.filter((other) => other !== id);
}

// Opens a case wherever it is, taking filters away if they hide it, and goes there.
function goToCase(id) {
  if (!byId.has(id)) return;
  if (!shown.some((c) => c.i === id)) {
    Object.assign(state, { q: "", class: "", party: "", severity: "", confidence: "", host: "", port: "", name: "",
      group: "", from: null, to: null });
    refresh();
  }
  let at = shown.findIndex((c) => c.i === id);
  if (at - rendered > FAR) {
    // tens of thousands of rows on the way to it would take a minute: its group alone is shown
    state.group = String(byId.get(id).g);
    refresh();
    at = shown.findIndex((c) => c.i === id);
  }
  if (at >= rendered) renderMore(at + 1 - rendered);
  openCase(id);
  const part = document.getElementById(`part-${id}`);
  document.getElementById(`row-${id}`).scrollIntoView({ block: "start" });
  part.querySelector("h3")?.focus({ preventScroll: true });
}
