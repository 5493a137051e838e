// The timeline: a line per class, a mark per few pixels and party, as high as it stands for many.

const SVG = "http://www.w3.org/2000/svg";
const LANES = 9;
const LANE = 24;
const TOP = 6;
const BIN = 4;
const timeline = { from: 0, to: 1, left: 0, right: 0, matching: [] };

function svg(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The whole capture with a little room at both ends, in seconds.
function wholeSpan() {
  const [first, last] = data.span;
  const room = Math.max((last - first) * 0.01, 0.0005);
  return [first - room, last + room];
}

function lanesOf(cases) {
  const counts = new Map();
  for (const c of cases) counts.set(c.k, (counts.get(c.k) || 0) + 1);
  const order = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || a - b);
  const own = order.length > LANES ? order.slice(0, LANES - 1) : order;
  const lanes = own.map((k) => ({ name: data.classes[k][0], count: counts.get(k), has: (c) => c.k === k }));
  if (own.length < order.length) {
    const rest = new Set(order.slice(own.length));
    const count = [...rest].reduce((sum, k) => sum + counts.get(k), 0);
    lanes.push({ name: `${rest.size} other classes`, count, has: (c) => rest.has(c.k) });
  }
  return lanes;
}

function drawTimeline(matching) {
  timeline.matching = matching;
  [timeline.from, timeline.to] = state.from === null ? wholeSpan() : [state.from, state.to];
  const box = document.getElementById("timeline");
  const width = Math.max(box.clientWidth, 320);
  const lanes = lanesOf(matching);
  const height = TOP + lanes.length * LANE + 26;
  timeline.left = Math.min(230, Math.round(width * 0.34));
  timeline.right = width - 8;
  const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  lanes.forEach((lane, i) => drawLane(drawing, lane, TOP + i * LANE));
  drawAxis(drawing, TOP + lanes.length * LANE);
  box.replaceChildren(drawing);
}

function xOf(t) {
  return timeline.left + (t - timeline.from) / (timeline.to - timeline.from) * (timeline.right - timeline.left);
}

function drawLane(drawing, lane, top) {
  const limit = Math.floor((timeline.left - 50) / 6.7);
  const name = lane.name.length > limit ? `${lane.name.slice(0, limit - 1)}…` : lane.name;
  const label = svg("text", { x: timeline.left - 44, y: top + 16, class: "lane" }, name);
  label.append(svg("title", {}, lane.name));
  drawing.append(label, svg("text", { x: timeline.left - 10, y: top + 16, class: "count" }, lane.count),
    svg("path", { d: `M${timeline.left} ${top + LANE - 1}H${timeline.right}`, class: "grid" }));
  const bins = new Map();
  for (const c of timeline.matching) {
    if (!lane.has(c) || c.t < timeline.from || c.t > timeline.to) continue;
    const at = Math.floor((xOf(c.t) - timeline.left) / BIN);
    if (!bins.has(at)) bins.set(at, new Map());
    const parties = bins.get(at);
    const colour = data.parties[c.p][2];
    if (!parties.has(colour)) parties.set(colour, []);
    parties.get(colour).push(c);
  }
  for (const [at, parties] of bins) drawBin(drawing, timeline.left + at * BIN, top, parties);
}

function drawBin(drawing, x, top, parties) {
  const total = [...parties.values()].reduce((sum, list) => sum + list.length, 0);
  const full = Math.min(LANE - 4, 9 + 3 * Math.log2(total));
  let y = top + LANE - 2;
  for (const [colour, list] of parties) {
    const part = full * list.length / total;
    y -= part;
    const mark = svg("rect", { x, y: y.toFixed(1), width: BIN, height: part.toFixed(1), class: `mark who-${colour}`, "data-case": list[0].i });
    if (list.length > 1) mark.dataset.count = list.length;
    const words = list.length === 1 ? `case ${list[0].i}: ${list[0].y}` : `${list.length} cases, ${list[0].w} to ${list[list.length - 1].w}`;
    mark.append(svg("title", {}, `${words} (${data.parties[list[0].p][1]})`));
    drawing.append(mark);
  }
}

const STEPS = [1e-6, 1e-5, 1e-4, 1e-3, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

function drawAxis(drawing, y) {
  const span = timeline.to - timeline.from;
  const fits = Math.max(2, Math.floor((timeline.right - timeline.left) / 110));
  const step = STEPS.find((s) => span / s <= fits) || span / fits;
  const base = Number(BigInt(data.base_ns) / 1000n) / 1e6;
  const first = Math.ceil((base + timeline.from) / step) * step;
  for (let at = first, n = 0; at <= base + timeline.to && n < 40; at += step, n++) {
    const x = xOf(at - base);
    drawing.append(svg("path", { d: `M${x.toFixed(1)} ${TOP}V${y + 4}`, class: "grid" }),
      svg("text", { x: x.toFixed(1), y: y + 18, class: "tick" }, clock(at, step)));
  }
}

// UTC time of an axis mark, as fine as the step asks for.
function clock(seconds, step) {
  const date = new Date(Math.round(seconds * 1e6) / 1e3);
  if (Number.isNaN(date.getTime())) return "";
  const text = date.toISOString();
  if (step >= 86400) return text.slice(0, 10);
  if (step >= 60) return timeline.to - timeline.from > 86400 ? text.slice(5, 16).replace("T", " ") : text.slice(11, 16);
  if (step >= 1) return text.slice(11, 19);
  if (step >= 0.001) return text.slice(11, 23);
  return `${text.slice(11, 19)}.${(seconds % 1).toFixed(6).slice(2)}`;
}

// Shows this range; the table follows. The whole capture is no range at all.
function zoomTo(from, to) {
  const [first, last] = wholeSpan();
  const span = Math.max(Math.min(to - from, last - first), 1e-5);
  const start = Math.min(Math.max(from, first), last - span);
  if (span >= last - first) Object.assign(state, { from: null, to: null });
  else Object.assign(state, { from: start, to: start + span });
  refresh();
}

function zoom(how) {
  const { from, to } = timeline;
  const span = to - from;
  const ranges = { in: [from + span / 4, to - span / 4], out: [from - span / 2, to + span / 2],
    left: [from - span / 3, to - span / 3], right: [from + span / 3, to + span / 3], reset: wholeSpan() };
  if (ranges[how]) zoomTo(...ranges[how]);
}

function dragToZoom(box) {
  let start = null;
  let band = null;
  const at = (event) => {
    const x = event.clientX - box.getBoundingClientRect().left;
    return Math.min(Math.max(x, timeline.left), timeline.right);
  };
  const timeAt = (x) => timeline.from + (x - timeline.left) / (timeline.right - timeline.left) * (timeline.to - timeline.from);
  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = at(event);
  });
  box.addEventListener("pointermove", (event) => {
    if (start === null || (!band && Math.abs(at(event) - start) < 5)) return;
    const drawing = box.querySelector("svg");
    if (!band) {
      band = svg("rect", { y: 0, height: drawing.getAttribute("height"), class: "band" });
      drawing.append(band);
      box.setPointerCapture(event.pointerId);
    }
    band.setAttribute("x", Math.min(start, at(event)));
    band.setAttribute("width", Math.abs(at(event) - start));
  });
  const end = (event) => {
    const [a, dragged] = [start, band];
    start = band = null;
    if (dragged) {
      dragged.remove();
      const [x, y] = [Math.min(a, at(event)), Math.max(a, at(event))];
      if (event.type === "pointerup") zoomTo(timeAt(x), timeAt(y));
    } else if (event.type === "pointerup") {
      clickMark(event.target.closest?.(".mark"));
    }
  };
  box.addEventListener("pointerup", end);
  box.addEventListener("pointercancel", end);
}

// One case is opened; several are zoomed into until they come apart.
function clickMark(mark) {
  if (!mark) return;
  const id = Number(mark.dataset.case);
  const span = timeline.to - timeline.from;
  if (mark.dataset.count && span > 1e-4) {
    const middle = byId.get(id).t;
    zoomTo(middle - span / 16, middle + span / 16);
  } else {
    goToCase(id);
    writeHash();
  }
}

function drawLegend() {
  const used = new Map(data.cases.map((c) => [data.parties[c.p][2], data.parties[c.p][1]]));
  const legend = document.getElementById("legend");
  for (const [colour, word] of used) legend.append(element("li", { class: `who who-${colour}` }, word));
}
