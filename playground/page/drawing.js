// What the widgets share: words, colours, a Plotly node that is kept, and the data behind a figure.
// This file is put in front of a widget's own file inside one function, so nothing here is global.

/** An element with a class and a text. Everything drawn goes through textContent, never markup. */
function make(tag, className = "", text = "") {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== "") node.textContent = text;
  return node;
}

/** The visible words, by id. A node that is bound to an id is said again when the words change. */
class Words {
  constructor(words) {
    this.words = words ?? {};
    this.bound = [];
  }
  say(id, values = {}) {
    return (this.words[id] ?? "").replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
  }
  bind(node, id) {
    node.textContent = this.say(id);
    this.bound.push([node, id]);
    return node;
  }
  /** Takes new words and tells whether any is different. */
  learn(words) {
    if (!words || JSON.stringify(words) === JSON.stringify(this.words)) return false;
    this.words = { ...this.words, ...words };
    for (const [node, id] of this.bound) node.textContent = this.say(id);
    return true;
  }
}

/** Plotly reads tags such as <b> and <a href> in any text: show their characters instead. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** A token with the white space at its ends made visible, as figures.py does for the bars. */
function visibleToken(token) {
  const marked = token.replace(/\n/g, "↵").replace(/\r/g, "␍").replace(/\t/g, "⇥");
  return marked.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)) || "∅";
}

/** At most three digits that matter: 0.412, 12.3, 8,140, 3.1e-5. */
function digits(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size > 0 && size < 0.001) return value.toExponential(1);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}

/** 1.2 MB; nothing where nothing lies. */
function sizeText(bytes) {
  if (!bytes) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 99.95 || power === 0 ? Math.round(value) : value.toPrecision(2)} ${units[power]}`;
}

/** 42 s, 6 min, 1 h 20 min. */
function timeText(words, seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 90) return words.say("run.seconds", { count: whole });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return words.say("run.minutes", { count: minutes });
  return words.say("run.hours", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Calls `redraw` whenever the page changes between light and dark, as long as `element` lives. */
function onTheme(element, redraw) {
  let dark = document.body.classList.contains("dark");
  const observer = new MutationObserver(() => {
    if (!element.isConnected) return observer.disconnect();
    const now = document.body.classList.contains("dark");
    if (now !== dark) redraw();
    dark = now;
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
}

/** A function from the name of a CSS variable to what Plotly can read: rgba(…), or a font list. */
function palette(element) {
  const probe = element.appendChild(make("i", "pg-figure-probe"));
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const read = (name) => {
    const family = getComputedStyle(element).getPropertyValue(name).trim();
    if (name.startsWith("--font")) return family;
    probe.style.color = `var(${name})`;
    const colour = getComputedStyle(probe).color;
    if (colour.startsWith("rgb")) return colour;
    canvas.clearRect(0, 0, 1, 1); // color-mix() and oklch() are beyond Plotly: ask for the pixel
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgba(${red},${green},${blue},${alpha / 255})`;
  };
  const paint = (name) => {
    if (!known.has(name)) known.set(name, read(name));
    return known.get(name);
  };
  paint.done = () => probe.remove();
  return paint;
}

/** A copy of a figure with the variables under colour and font keys looked up; texts stay. */
function painted(value, paint, key = "") {
  if (Array.isArray(value)) return value.map((item) => painted(item, paint, key));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v, paint, k)]));
  }
  if (typeof value !== "string" || !/(colors?|colorscale|family)$/i.test(key)) return value;
  return value.replace(/^var\((--[\w-]+)\)$/, (_, name) => paint(name));
}

/** plotly.js from the page's head; kept, for another component may replace window.Plotly. */
async function plotlyLibrary() {
  while (!window.Plotly) await wait(30);
  return window.Plotly;
}

/** One Plotly node. It draws only while it is on screen, and catches up when it is shown. */
class Plot {
  // In a page with a <base> Plotly names clip paths by the address, which may change: then they
  // would be found no more, and what they clip would vanish.
  static settings = { displayModeBar: false, showTips: false, doubleClick: false, _baseUrl: "" };

  constructor(plotly, holder, className = "pg-figure-plot") {
    this.plotly = plotly;
    this.node = holder.appendChild(make("div", className));
    this.waiting = null;
    this.width = 0;
    new ResizeObserver(() => requestAnimationFrame(() => this.fit())).observe(this.node);
  }
  get shown() {
    return this.node.offsetParent !== null;
  }
  /** Keeps room for a figure, so that nothing moves when it comes. */
  reserve(height) {
    this.node.style.minHeight = `${height ?? 0}px`;
  }
  /** Draws what `figure()` gives over what is there; off screen it is not even asked for. */
  draw(figure) {
    this.waiting = this.shown ? null : figure;
    if (this.waiting) return;
    const paint = palette(this.node.parentElement);
    const { data, layout } = painted(figure(), paint);
    paint.done();
    const thumb = matchMedia("(pointer: coarse)").matches;
    if (thumb) layout.dragmode = false; // it scrolls the page instead
    this.width = this.node.clientWidth;
    this.plotly.react(this.node, data, layout, Plot.settings);
  }
  /** Appends points to traces: `x` and `y` hold one list for each of `traces`. */
  extend(x, y, traces) {
    if (this.shown && traces.length) this.plotly.extendTraces(this.node, { x, y }, traces);
  }
  fit() {
    if (!this.shown) return;
    if (this.waiting) return this.draw(this.waiting);
    if (this.node.clientWidth === this.width || !this.node.data) return;
    this.width = this.node.clientWidth;
    this.plotly.Plots.resize(this.node);
  }
}

/** RFC 4180, with a byte order mark so that Excel reads every script as UTF-8. */
function csv({ columns, rows }) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet would compute a text that begins like a formula: an apostrophe keeps it text.
    if (typeof value === "string" && /^[=+\-@\t\r]./s.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return "\uFEFF" + [columns, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function download(name, text) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "data"}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The quiet line under a figure: "table" and "CSV". `read` gives {name, columns, rows} or null. */
class DataLine {
  static longest = 200; // rows on the page; the CSV has all

  constructor(holder, words, read) {
    this.words = words;
    this.read = read;
    this.node = holder.appendChild(make("div", "pg-figure-data"));
    this.button = this.node.appendChild(make("button", "pg-figure-button"));
    const save = this.node.appendChild(make("button", "pg-figure-button"));
    words.bind(this.button, "figure.table");
    words.bind(save, "figure.csv");
    this.frame = this.node.appendChild(make("div", "pg-figure-table"));
    this.frame.id = `pg-figure-table-${Math.random().toString(36).slice(2, 10)}`;
    this.frame.tabIndex = 0;
    this.button.type = save.type = "button";
    this.button.setAttribute("aria-controls", this.frame.id);
    this.button.onclick = () => this.open(this.frame.hidden);
    save.onclick = () => {
      const table = this.read();
      if (table) download(table.name, csv(table));
    };
    this.open(false);
  }
  open(open) {
    this.frame.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    this.refresh();
  }
  /** Brings the table up to date, if it is open; the line goes away while there is no data. */
  refresh() {
    const table = this.read();
    this.node.hidden = !table || !table.rows.length;
    if (this.frame.hidden || !table) return this.frame.replaceChildren();
    const grid = make("table");
    const head = grid.appendChild(make("thead")).appendChild(make("tr"));
    const rows = table.rows.slice(0, DataLine.longest);
    table.columns.forEach((column, index) => {
      const number = rows.some((row) => typeof row[index] === "number");
      head.appendChild(make("th", number ? "pg-figure-number" : "", column)).scope = "col";
    });
    const body = grid.appendChild(make("tbody"));
    for (const row of rows) {
      const line = body.appendChild(make("tr"));
      for (const value of row) {
        const number = typeof value === "number";
        const text = number ? digits(value) : (value ?? "");
        line.append(make("td", number ? "pg-figure-number" : "", text));
      }
    }
    this.frame.replaceChildren(grid);
    if (table.rows.length === rows.length) return;
    const sizes = { shown: rows.length, count: table.rows.length };
    this.frame.append(make("p", "pg-figure-note", this.words.say("figure.more_rows", sizes)));
  }
}
