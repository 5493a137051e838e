// A headless Chromium, driven over a pipe with the DevTools protocol: no package is needed.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

// Path of a Chromium, or nothing.
export function chromium() {
  return PLACES.find((path) => path && existsSync(path));
}

export class Browser {
  constructor() {
    this.profile = mkdtempSync(join(tmpdir(), "page-test-"));
    this.process = spawn(chromium(), ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--disable-background-networking", "--disable-dev-shm-usage", "--hide-scrollbars", `--user-data-dir=${this.profile}`,
      "--remote-debugging-pipe", "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.events = [];
    this.number = 0;
    let rest = "";
    this.process.stdio[4].setEncoding("utf8");
    this.process.stdio[4].on("data", (chunk) => {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop();
      for (const message of messages) this.received(JSON.parse(message));
    });
  }

  received(message) {
    const waiting = this.waiting.get(message.id);
    if (!waiting) return void this.events.push(message);
    this.waiting.delete(message.id);
    if (message.error) waiting.reject(new Error(JSON.stringify(message.error)));
    else waiting.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.number;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  async open(url, { width = 1360, height = 900, dark = false } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    const start = performance.now();
    await page.send("Page.navigate", { url });
    await page.until("document.readyState === 'complete'");
    page.milliseconds = performance.now() - start;
    return page;
  }

  async close() {
    await this.send("Browser.close").catch(() => {});
    await new Promise((resolve) => (this.process.exitCode === null ? this.process.on("exit", resolve) : resolve()));
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

class Page {
  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  async run(expression) {
    const done = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (done.exceptionDetails) throw new Error(done.exceptionDetails.exception?.description || done.exceptionDetails.text);
    return done.result.value;
  }

  async until(expression, milliseconds = 20000) {
    const end = performance.now() + milliseconds;
    while (!(await this.run(expression))) {
      if (performance.now() > end) throw new Error(`never true: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async key(key, text = undefined) {
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, code: key, text, windowsVirtualKeyCode: CODES[key] });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code: key, windowsVirtualKeyCode: CODES[key] });
  }

  async mouse(type, x, y) {
    await this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: type === "mouseReleased" ? 0 : 1, clickCount: 1 });
  }

  // What the console, the network or the policy complained about.
  complaints() {
    return this.browser.events.filter((e) => e.sessionId === this.session).flatMap((e) => {
      if (e.method === "Runtime.exceptionThrown") return [e.params.exceptionDetails.exception?.description || "exception"];
      if (e.method === "Runtime.consoleAPICalled") return [`console: ${JSON.stringify(e.params.args)}`];
      if (e.method === "Log.entryAdded") return [`${e.params.entry.level}: ${e.params.entry.text}`];
      if (e.method === "Page.javascriptDialogOpening") return [`dialog: ${e.params.message}`];
      return [];
    });
  }

  // Everything that was asked for beside the page itself.
  requests() {
    return this.browser.events.filter((e) => e.sessionId === this.session && e.method === "Network.requestWillBeSent")
      .map((e) => e.params.request.url).slice(1);
  }

  async picture(whole = false) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    return Buffer.from(data, "base64");
  }

  async pdf() {
    const { data } = await this.send("Page.printToPDF", { printBackground: false, preferCSSPageSize: true, paperWidth: 8.27, paperHeight: 11.69 });
    return Buffer.from(data, "base64");
  }
}

const CODES = { Enter: 13, Escape: 27, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Tab: 9 };
