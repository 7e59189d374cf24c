// Small helpers. Text from runs only ever becomes text nodes: nothing here parses HTML.

const INDEX = JSON.parse(document.getElementById("index").textContent);

const OUTCOMES = {
  "solved": { sign: "✓", name: "solved" },
  "failed": { sign: "✗", name: "failed" },
  "refused": { sign: "⊘", name: "refused" },
  "infrastructure": { sign: "⚠", name: "infrastructure" },
  "not scored": { sign: "–", name: "not scored" },
  "not run": { sign: "·", name: "not run" },
};

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") for (const [event, call] of Object.entries(value)) node.addEventListener(event, call);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const number = (value, digits = 0) => value === null || value === undefined ? "–"
  : Number(value).toLocaleString("en", { maximumFractionDigits: digits });
const percent = (share) => share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)} %`;
const dollars = (value) => value === null || value === undefined ? "no price" : `$${value.toFixed(value < 1 ? 4 : 2)}`;
const plural = (noun) => noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
const count = (amount, noun) => `${number(amount)} ${amount === 1 ? noun : plural(noun)}`;

function outcome(name) {
  const { sign, name: spelled } = OUTCOMES[name] ?? { sign: "?", name };
  return el("span", { class: `outcome ${name.replace(" ", "-")}` }, el("span", { "aria-hidden": "true" }, sign), ` ${spelled}`);
}

const source = (file) => file ? el("span", { class: "source" }, "from ", el("code", {}, file)) : "";

function runName(index) {
  const run = INDEX.runs[index];
  return [run.name, run.recorded ? [" ", el("span", { class: "tag", title: "recorded replies, not a measurement" }, "recorded")] : ""];
}

// A table; a cell is a value, a node, or an array of them. Numbers are aligned by `numeric`.
function table(caption, heads, rows, { numeric = [], head = 0, attributes = {} } = {}) {
  const cell = (value, column) => column === head
    ? el("th", { scope: "row" }, [value])
    : el("td", { class: numeric.includes(column) ? "number" : null }, [value]);
  return el("div", { class: "scroll" }, el("table", attributes,
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map((name, column) =>
      el("th", { scope: "col", class: numeric.includes(column) ? "number" : null }, [name])))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell))))));
}

const section = (title, ...content) => {
  const id = `h-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return el("section", { "aria-labelledby": id }, el("h2", { id }, title), ...content);
};

const link = (href, ...content) => el("a", { href }, ...content);
const toTask = (key, cell = "") => `#/task/${key}${cell && `/${encodeURIComponent(cell)}`}${query()}`;
const toBoth = (first, second) => `#/both/${first}/${second}${query()}`;
const toLine = (file, line) => `#/lessons/line/${encodeURIComponent(file)}/${line}`;

// Details are in the page, or in script files beside it that call add().
const loaded = new Map();
const waiting = new Map();
window.trace2skill = {
  add(key, text) { loaded.set(key, text); },
};

function detail(key) {
  const inside = document.getElementById(`detail-${key}`);
  if (inside) return Promise.resolve(JSON.parse(inside.textContent));
  if (loaded.has(key)) return Promise.resolve(JSON.parse(loaded.get(key)));
  const file = Object.hasOwn(INDEX.places, key) ? INDEX.places[key] : null;
  if (!file) return Promise.reject(new Error("there is no such trajectory in this report"));
  if (!waiting.has(file)) {
    waiting.set(file, new Promise((resolve, reject) => {
      document.head.append(el("script", {
        src: file.split("/").map(encodeURIComponent).join("/"),
        on: { load: resolve, error: () => reject(new Error(`${file} is missing beside this page`)) },
      }));
    }));
  }
  return waiting.get(file).then(() => JSON.parse(loaded.get(key)));
}
