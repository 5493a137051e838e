// What ties the parts together: the address, filters, keys, copying, printing.

const FIELDS = ["q", "class", "party", "severity", "confidence", "host", "port", "name"];
const form = document.getElementById("filters");

function readHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of [...FIELDS, "group"]) state[key] = given.get(key) || "";
  const range = [Number(given.get("from")), Number(given.get("to"))];
  const valid = given.has("from") && given.has("to") && range.every(Number.isFinite) && range[0] < range[1];
  [state.from, state.to] = valid ? range : [null, null];
  state.sort = Object.hasOwn(KEYS, given.get("sort") || "") ? given.get("sort") : "id";
  state.dir = given.get("dir") === "descending" ? "descending" : "ascending";
  state.open = (given.get("case") || "").split(",").map(Number).filter((id) => byId.has(id));
}

function hashOf() {
  const parts = new URLSearchParams();
  for (const key of [...FIELDS, "group"]) if (state[key]) parts.set(key, state[key]);
  if (state.from !== null) {
    parts.set("from", state.from.toFixed(6));
    parts.set("to", state.to.toFixed(6));
  }
  if (state.sort !== "id" || state.dir !== "ascending") {
    parts.set("sort", state.sort);
    parts.set("dir", state.dir);
  }
  if (state.open.length) parts.set("case", state.open.join(","));
  return parts.toString().replaceAll("%2C", ",");
}

// Replaced, not pushed: every keystroke of a filter would be a step of the history.
function writeHash() {
  history.replaceState(null, "", `#${hashOf()}`);
}

function fillForm() {
  for (const key of FIELDS) form.elements[key].value = state[key];
}

function chip(text, clear) {
  const button = element("button", { type: "button", class: "chip", "aria-label": `${text}: take this filter away` }, `${text} ×`);
  button.addEventListener("click", () => { clear(); refresh(); });
  return button;
}

function drawChips() {
  const chips = [];
  if (state.group) chips.push(chip(`group ${state.group}`, () => { state.group = ""; }));
  if (state.from !== null) {
    const length = state.to - state.from;
    chips.push(chip(`${length < 1 ? `${(length * 1000).toPrecision(3)} ms` : `${length.toPrecision(3)} s`} of the timeline`,
      () => { state.from = state.to = null; }));
  }
  document.getElementById("chips").replaceChildren(...chips);
}

function refresh() {
  const matching = choose();
  renderTable();
  drawTimeline(matching);
  drawChips();
  fillForm();
  writeHash();
}

function options(select, entries) {
  select.append(element("option", { value: "" }, "any"), ...entries.map(([value, text]) => element("option", { value }, text)));
}

function fillSelects() {
  const count = (of) => {
    const counts = new Map();
    for (const c of data.cases) counts.set(of(c), (counts.get(of(c)) || 0) + 1);
    return counts;
  };
  const classes = count((c) => data.classes[c.k][0]);
  options(form.elements.class, [...classes.keys()].sort().map((id) => [id, `${id} (${classes.get(id)})`]));
  const parties = count((c) => data.parties[c.p][2]);
  options(form.elements.party, [...parties.keys()].sort().map((id) => [id, `${id} (${parties.get(id)})`]));
}

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  let done = true;
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(code);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function sortBy(key) {
  const again = state.sort === key && state.dir === "ascending";
  Object.assign(state, { sort: key, dir: again ? "descending" : "ascending" });
  refresh();
}

function clicked(event) {
  const button = event.target.closest("button");
  if (!button) return rowClicked(event);
  const { sort, zoom: how, more } = button.dataset;
  if (sort) sortBy(sort);
  else if (how) zoom(how);
  else if (more) renderMore(more === "all" ? Infinity : PAGE);
  else if (button.classList.contains("copy")) copy(button);
  else if (button.classList.contains("open")) toggle(Number(button.dataset.case));
}

function toggle(id) {
  if (document.getElementById(`part-${id}`)) closeCase(id);
  else openCase(id);
  writeHash();
}

// A row opens wherever it is clicked, but marking its text must stay possible.
function rowClicked(event) {
  const row = event.target.closest("#cases tr[id^=row-]");
  if (row && getSelection().isCollapsed && !event.target.closest("a")) toggle(Number(row.id.slice(4)));
}

function keyPressed(event) {
  const typing = event.target.matches("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing) {
    form.elements.q.focus();
    event.preventDefault();
  } else if (event.key === "Escape" && !typing) {
    const part = event.target.closest("tr.part");
    const id = Number((part || event.target.closest("tr[id^=row-]"))?.id.split("-")[1]);
    if (!id || !document.getElementById(`part-${id}`)) return;
    toggle(id);
    document.querySelector(`#row-${id} .open`).focus();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.classList.contains("open")) {
    const all = [...document.querySelectorAll("#cases .open")];
    all[all.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  }
}

function timelineKey(event) {
  const how = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", "0": "reset", Home: "reset" }[event.key];
  if (!how || event.ctrlKey || event.metaKey || event.altKey) return;
  zoom(how);
  event.preventDefault();
}

// On paper nothing can be opened: a moderate number of cases is printed whole.
const PRINTED = 40;
let openedForPrint = [];
function beforePrint() {
  if (shown.length > PRINTED) return;
  openedForPrint = shown.map((c) => c.i).filter((id) => !document.getElementById(`part-${id}`));
  openedForPrint.forEach(openCase);
}
function afterPrint() {
  openedForPrint.forEach(closeCase);
  openedForPrint = [];
}

function goToHash() {
  // a plain name is a place of the page, not a state of it
  if (!location.hash.includes("=") && location.hash.length > 1) return;
  readHash();
  const wanted = state.open.at(-1);
  refresh();
  if (wanted) goToCase(wanted);
  else if (location.hash.length > 1) document.getElementById("cases-head").scrollIntoView();
}

document.documentElement.classList.add("scripted");
fillSelects();
drawLegend();
readHash();
const first = state.open.at(-1);
refresh();
if (first) goToCase(first);
let typed = 0;
form.addEventListener("input", () => {
  for (const key of FIELDS) state[key] = form.elements[key].value;
  clearTimeout(typed);
  typed = setTimeout(refresh, 60);
});
form.addEventListener("reset", (event) => {
  event.preventDefault();
  for (const key of [...FIELDS, "group"]) state[key] = "";
  refresh();
});
form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("click", clicked);
document.addEventListener("keydown", keyPressed);
const timelineBox = document.getElementById("timeline");
timelineBox.addEventListener("keydown", timelineKey);
dragToZoom(timelineBox);
addEventListener("hashchange", goToHash);
addEventListener("beforeprint", beforePrint);
addEventListener("afterprint", afterPrint);
let resized = 0;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => drawTimeline(timeline.matching), 100);
});
