// The page in a real browser: what it shows, how filters, order, keys and the timeline work, that
// hostile names stay text, and that thousands of cases open at once.
//
//   node tests/page/run.mjs [PROGRAM] [--pictures DIRECTORY]
//
// PROGRAM (default target/debug/rstcap) makes a page from testdata; `cargo test` makes the others.
// Without a Chromium there is nothing to test, and the script says so and succeeds.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Browser, chromium } from "./browser.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const words = process.argv.slice(2);
const flag = words.indexOf("--pictures");
const pictures = flag >= 0 ? words.splice(flag, 2)[1] : undefined;
const program = resolve(words[0] || join(root, "target/debug/rstcap"));

if (!chromium()) {
  console.log("page: skipped, there is no Chromium (set CHROMIUM to its path)");
  process.exit(0);
}

const directory = mkdtempSync(join(tmpdir(), "pages-"));
const scenarios = join(root, "testdata/scenarios");
const captures = readdirSync(scenarios).filter((name) => name.endsWith(".C.pcap")).map((name) => join(scenarios, name));
execFileSync(program, [...captures, "--separate", "-q", "-w", join(directory, "real")], { stdio: "ignore" });
execFileSync("cargo", ["test", "--quiet", "--lib", "pages_for_the_browser"],
  { cwd: root, stdio: "ignore", env: { ...process.env, RSTCAP_PAGES: directory } });
const url = (name, hash = "") => pathToFileURL(join(directory, name)).href + hash;

const browser = new Browser();
const rows = "document.querySelectorAll('#cases tbody tr[id^=row-]').length";
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function quiet(page) {
  assert.deepEqual(page.complaints(), []);
  assert.deepEqual(page.requests(), []);
}

const tests = {
  async "no resets"() {
    const page = await browser.open(url("zero.html"));
    assert.equal(await page.run("document.querySelector('h1').textContent"), "No TCP resets");
    await quiet(page);
  },

  async "filters narrow the table and stand in the address"() {
    const page = await browser.open(url("real/index.html"));
    const all = await page.run(rows);
    assert.ok(all > 20);
    await page.run("form.elements.class.value = 'syn-refused'; form.elements.class.dispatchEvent(new Event('input', { bubbles: true }))");
    await page.until(`${rows} < ${all}`);
    const classes = await page.run("[...new Set([...document.querySelectorAll('#cases .why code')].map((c) => c.textContent))]");
    assert.deepEqual(classes, ["syn-refused"]);
    const hash = await page.run("location.hash");
    assert.match(hash, /class=syn-refused/);
    const again = await browser.open(url("real/index.html", hash));
    assert.equal(await again.run(rows), await page.run(rows));
    assert.equal(await again.run("form.elements.class.value"), "syn-refused");
    await again.run("document.querySelector('[type=reset]').click()");
    await again.until(`${rows} === ${all}`);
    await again.run("form.elements.q.value = 'no such text anywhere'; form.elements.q.dispatchEvent(new Event('input', { bubbles: true }))");
    await again.until(`${rows} === 0`);
    await quiet(page);
    await quiet(again);
  },

  async "columns sort both ways and say so"() {
    const page = await browser.open(url("real/index.html"));
    const times = "[...document.querySelectorAll('#cases .time')].map((c) => c.textContent)";
    await page.run("document.querySelector('[data-sort=time]').click()");
    const up = await page.run(times);
    assert.deepEqual(up, [...up].sort());
    const state = "document.querySelector('[data-sort=time]').parentElement.getAttribute('aria-sort')";
    assert.equal(await page.run(state), "ascending");
    await page.run("document.querySelector('[data-sort=time]').click()");
    assert.equal(await page.run(state), "descending");
    assert.deepEqual(await page.run(times), up.toReversed());
    await quiet(page);
  },

  async "a case opens by key, closes by Escape, and its address leads back"() {
    const page = await browser.open(url("real/index.html"));
    await page.run("document.querySelector('#cases .open').focus()");
    await page.key("ArrowDown");
    assert.equal(await page.run("document.activeElement.dataset.case"), "2");
    await page.key("Enter", "\r");
    await page.until("document.querySelector('#part-2 svg.seq') !== null");
    assert.match(await page.run("document.querySelector('#part-2').textContent"), /Evidence.*Display filter/s);
    assert.equal(await page.run("document.querySelector('#row-2 .open').getAttribute('aria-expanded')"), "true");
    assert.match(await page.run("location.hash"), /case=2/);
    await page.key("Escape");
    await page.until("document.querySelector('#part-2') === null");
    const direct = await browser.open(url("real/index.html", "#case=7&class=zero-window-abort"));
    await direct.until("document.querySelector('#part-7') !== null");
    await quiet(page);
    await quiet(direct);
  },

  async "the timeline zooms by drag, button and key, and the table follows"() {
    const page = await browser.open(url("real/index.html"));
    const all = await page.run(rows);
    await page.run("document.getElementById('timeline').scrollIntoView({ block: 'center' })");
    const box = await page.run("(({ x, y, width, height }) => ({ x, y, width, height }))(document.getElementById('timeline').getBoundingClientRect())");
    const y = box.y + box.height / 2;
    await page.mouse("mousePressed", box.x + box.width * 0.18, y);
    await page.mouse("mouseMoved", box.x + box.width * 0.22, y);
    await page.mouse("mouseMoved", box.x + box.width * 0.25, y);
    await page.mouse("mouseReleased", box.x + box.width * 0.25, y);
    await page.until(`${rows} < ${all}`);
    assert.match(await page.run("location.hash"), /from=.*to=/);
    await page.run("document.querySelector('[data-zoom=reset]').click()");
    await page.until(`${rows} === ${all}`);
    await page.run("document.getElementById('timeline').focus()");
    for (let i = 0; i < 4; i++) await page.key("+", "+");
    await page.until(`${rows} < ${all}`);
    await page.key("0", "0");
    await page.until(`${rows} === ${all}`);
    await quiet(page);
  },

  async "hostile names stay text"() {
    const page = await browser.open(url("hostile.html", "#case=1"));
    await page.until("document.querySelector('#part-1') !== null");
    await page.run("dispatchEvent(new Event('beforeprint'))");
    await pause(200);
    assert.equal(await page.run("document.querySelectorAll('img, iframe, object').length"), 0);
    assert.equal(await page.run("document.querySelectorAll('script').length"), 3);
    const text = await page.run("document.body.textContent");
    assert.match(text, /<script>alert\(1\)<\/script>/);
    assert.match(text, /\\x1b\[2J\\u\{202e\}/);
    await quiet(page);
  },

  async "text is copied"() {
    const page = await browser.open(url("real/index.html", "#case=1"));
    await page.until("document.querySelector('#part-1 .copy') !== null");
    await page.run("document.querySelector('#part-1 .copy').click()");
    await page.until("/Copied|Ctrl/.test(document.querySelector('#part-1 .copy').textContent)");
    await quiet(page);
  },

  async "five thousand cases in less than two seconds"() {
    // other work on the machine makes it slower than it is: the best of three counts
    let page = await browser.open(url("many.html"));
    for (let tries = 1; page.milliseconds >= 2000 && tries < 3; tries++) page = await browser.open(url("many.html"));
    assert.ok(page.milliseconds < 2000, `${page.milliseconds} ms`);
    assert.equal(await page.run("data.cases.length"), 5000);
    const start = performance.now();
    await page.run("document.querySelector('[data-more=all]').click()");
    await page.until(`${rows} === 5000`);
    const all = performance.now() - start;
    let best = Infinity;
    for (let tries = 0; tries < 3 && best >= 500; tries++) {
      await page.run("state.q = ''; refresh(); renderMore(Infinity); document.body.offsetHeight");
      const filter = "(() => { const start = performance.now(); state.q = 'case-that-is-not'; refresh(); return performance.now() - start; })()";
      best = Math.min(best, await page.run(filter));
    }
    assert.ok(best < 500, `${best} ms`);
    await page.run("state.q = ''; goToCase(4999)");
    assert.ok(await page.run("document.querySelector('#part-4999') !== null"));
    console.log(`      (loaded in ${Math.round(page.milliseconds)} ms, every row in ${Math.round(all)} ms)`);
    assert.ok(all < 8000, `${all} ms`);
    await quiet(page);
  },

  async "narrow windows do not scroll sideways"() {
    for (const width of [360, 768]) {
      const page = await browser.open(url("real/index.html", "#case=3"), { width });
      await page.until("document.querySelector('#part-3') !== null");
      assert.ok(await page.run("document.documentElement.scrollWidth <= innerWidth"), `${width}`);
    }
  },

  async "every control has a name and every row of the table a header"() {
    const page = await browser.open(url("real/index.html", "#case=1"));
    await page.until("document.querySelector('#part-1') !== null");
    const nameless = await page.run(`[...document.querySelectorAll('button, a, input, select')]
      .filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map((e) => e.outerHTML)`);
    assert.deepEqual(nameless, []);
    const ids = await page.run("[...document.querySelectorAll('[id]')].map((e) => e.id)");
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(await page.run("document.querySelectorAll('#cases tbody tr[id^=row-] > th[scope=row]').length"), await page.run(rows));
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`page: ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`page: FAILED  ${name}\n${error.stack}`);
  }
}
if (pictures) {
  mkdirSync(pictures, { recursive: true });
  for (const [name, hash, options] of [["light", "", {}], ["dark", "", { dark: true }], ["case", "#case=3", { height: 1500 }],
    ["narrow", "#case=3", { width: 400, height: 1500 }]]) {
    const page = await browser.open(url("real/index.html", hash), options);
    await pause(300);
    writeFileSync(join(pictures, `${name}.png`), await page.picture());
    if (name === "light") writeFileSync(join(pictures, "print.pdf"), await page.pdf());
  }
}
await browser.close();
rmSync(directory, { recursive: true, force: true });
process.exit(failed ? 1 : 0);
