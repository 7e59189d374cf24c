// The cells of one trajectory: input, output and expected, with what differs marked.

// What is to be compared stands together; the input comes last, as it is looked up.
const LAYERS = [["output", "Output"], ["expected", "Expected"], ["input", "Input"]];

function cellContent(cell, marks) {
  if (cell === null) return [];
  if (typeof cell === "string") return [el("span", { class: "value" }, cell)];
  const empty = cell.v === "" && cell.f;
  const value = empty
    ? el("span", { class: "novalue" }, cell.t === "text" ? "empty text" : "no stored value")
    : el("span", { class: "value" }, cell.v);
  if (!cell.f) return [value];
  marks.push("calculated");
  return [value, el("code", { class: "formula" }, el("span", { class: "only-read" }, "formula "), cell.f)];
}

const sameCell = (one, two) => JSON.stringify(one) === JSON.stringify(two);

function gridCell(part, layer, rowIndex, columnIndex, differing) {
  const cell = part.layers[layer][rowIndex][columnIndex];
  const name = `${part.columns[columnIndex]}${part.rows[rowIndex]}`;
  const inside = part.inside[0].includes(rowIndex) && part.inside[1].includes(columnIndex);
  const marks = [inside ? "inside" : "margin"];
  const difference = layer === "input" ? null : differing.get(name);
  const before = part.layers.input;
  const content = cellContent(cell, marks);
  if (cell !== null && typeof cell !== "string" && ["number", "date", "time", "duration"].includes(cell.t)) marks.push("right");
  if (layer === "output" && before && !sameCell(cell, before[rowIndex][columnIndex])) marks.push("changed");
  if (difference) {
    marks.push("differs");
    content.unshift(el("span", { class: "sign", "aria-hidden": "true" }, "≠"));
    content.push(el("span", { class: "only-read" }, layer === "output"
      ? ` differs, expected ${difference.expected || "blank"}` : ` differs, found ${difference.found || "blank"}`));
  }
  const says = [name];
  if (cell !== null) says.push(typeof cell === "string" ? "text" : cell.t);
  if (difference?.types) says.push(difference.types);
  if (marks.includes("changed")) says.push("changed from the input");
  return el("td", { class: marks.join(" "), title: says.join(", "), "data-cell": name }, content);
}

function layerTable(part, layer, label, differing, error) {
  const rows = part.layers[layer];
  if (!rows) return el("figure", { class: "layer" }, el("figcaption", {}, label), el("p", { class: "empty" }, error || `no sheet '${part.sheet}'`));
  const body = [];
  part.rows.forEach((row, index) => {
    const gap = index > 0 ? row - part.rows[index - 1] - 1 : 0;
    if (gap) body.push(el("tr", { class: "gap" }, el("td", { colspan: part.columns.length + 1 }, `${count(gap, "row")} not shown`)));
    body.push(el("tr", {}, el("th", { scope: "row" }, row),
      part.columns.map((_, column) => gridCell(part, layer, index, column, differing))));
  });
  const gapsBefore = (index) => index > 0 && columnNumber(part.columns[index]) - columnNumber(part.columns[index - 1]) > 1;
  return el("figure", { class: "layer" },
    el("figcaption", {}, label),
    el("div", { class: "cells", tabindex: "0", role: "region", "aria-label": `${label}, sheet ${part.sheet}` },
      el("table", { class: "grid" },
        el("caption", { class: "only-read" }, `${label}: cells of sheet ${part.sheet}`),
        el("thead", {}, el("tr", {}, el("td", {}),
          part.columns.map((name, index) => el("th", { scope: "col", class: gapsBefore(index) ? "jump" : null,
            title: gapsBefore(index) ? "columns before this one are not shown" : null }, name)))),
        el("tbody", {}, body))));
}

const columnNumber = (letters) => [...letters].reduce((sum, letter) => 26 * sum + letter.charCodeAt(0) - 64, 0);

// The three tables scroll together, as they show the same cells.
function tieScrolling(container) {
  const boxes = [...container.querySelectorAll(".cells")];
  for (const box of boxes) {
    box.addEventListener("scroll", () => {
      for (const other of boxes) {
        if (other === box) continue;
        if (other.scrollTop !== box.scrollTop) other.scrollTop = box.scrollTop;
        if (other.scrollLeft !== box.scrollLeft) other.scrollLeft = box.scrollLeft;
      }
    }, { passive: true });
  }
}

// The first differing cell, where it would be hidden below the edge of its box.
function bringToSight(panel) {
  for (const box of panel.querySelectorAll(".cells")) {
    const cell = box.querySelector(".differs");
    if (!cell) continue;
    const low = cell.offsetTop + cell.offsetHeight - box.clientHeight;
    const right = cell.offsetLeft + cell.offsetWidth - box.clientWidth;
    if (low > 0) box.scrollTop = low + 40;
    if (right > 0) box.scrollLeft = right + 40;
  }
}

function differencesTable(part, panel) {
  if (!part.differences?.length) return "";
  const show = (name) => {
    const cells = [...panel.querySelectorAll(".grid td")].filter((cell) => cell.dataset.cell === name);
    cells.forEach((cell) => {
      cell.classList.remove("flash");
      void cell.offsetWidth; // the animation starts anew only after a layout
      cell.classList.add("flash");
    });
    cells.at(-1)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const inView = new Set(part.rows.flatMap((row) => part.columns.map((column) => `${column}${row}`)));
  const rows = part.differences.slice(0, 60).map((one) => [
    inView.has(one.cell) ? el("button", { class: "plain", type: "button", on: { click: () => show(one.cell) } }, one.cell) : one.cell,
    one.expected === "" ? el("em", {}, "blank") : one.expected,
    one.found === "" ? el("em", {}, "blank") : one.found,
    one.reason || one.types || "other value",
  ]);
  return el("details", {}, el("summary", {}, `${count(part.differing, "differing cell")} as a list`),
    table("In the order of comparing", ["Cell", "Expected", "Found", "What differs"], rows),
    part.differing > rows.length ? el("p", { class: "note" }, `${number(part.differing - rows.length)} more are not listed.`) : "");
}

function partPanel(part, grid) {
  if (!part.layers) return el("p", { class: "empty" }, part.error || "nothing to show");
  const differing = new Map(part.differences.map((one) => [one.cell, one]));
  const panel = el("div", {});
  const judged = !grid.errors.expected && !grid.errors.output;
  const says = part.error ? `Not comparable: ${part.error}`
    : judged ? (part.differing ? `${count(part.differing, "cell")} of ${part.range} differ${part.differing === 1 ? "s" : ""} from what is expected.` : `All cells of ${part.range} match.`)
      : "There is nothing to compare with.";
  const hidden = [part.hidden_rows ? count(part.hidden_rows, "row") : "", part.hidden_columns ? count(part.hidden_columns, "column") : ""].filter(Boolean).join(" and ");
  panel.append(el("p", { class: part.differing || part.error ? "judgement bad" : "judgement" },
    says, hidden ? ` Not shown: ${hidden} of the range${part.hidden_differences ? `, with ${count(part.hidden_differences, "differing cell")}` : ""}.` : ""),
  el("div", { class: "layers" }, LAYERS.map(([name, label]) => layerTable(part, name, label, differing, grid.errors[name]))),
  differencesTable(part, panel));
  tieScrolling(panel);
  requestAnimationFrame(() => bringToSight(panel));
  return panel;
}

// Tabs by the pattern of the ARIA authoring practices: arrows move, one tab stop.
function tabs(label, entries) {
  const panel = el("div", { role: "tabpanel", id: "cells-panel" });
  const buttons = entries.map((entry, index) => el("button", { type: "button", role: "tab", id: `cells-tab-${index}`,
    "aria-controls": "cells-panel", on: { click: () => choose(index), keydown: (event) => move(event, index) } }, entry.label));
  function choose(index) {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === index));
      button.tabIndex = at === index ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `cells-tab-${index}`);
    panel.replaceChildren(entries[index].build());
  }
  function move(event, index) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (index + step + buttons.length) % buttons.length;
    choose(next);
    buttons[next].focus();
  }
  choose(Math.max(0, entries.findIndex((entry) => entry.first)));
  return [el("div", { role: "tablist", "aria-label": label }, buttons), panel];
}

function gridView(grid) {
  if (grid.lost) return el("p", { class: "empty" }, `The workbooks could not be read: ${grid.lost}`);
  if (!grid.parts.length) return el("p", { class: "empty" }, "It is not known which cells count.");
  const worst = grid.parts.findIndex((part) => part.differing || part.error);
  const entries = grid.parts.map((part, index) => ({
    label: `${part.sheet ? `${part.sheet}!` : ""}${part.range || part.part}${part.error ? " ⚠" : part.differing ? ` ≠ ${part.differing}` : " ✓"}`,
    first: index === worst,
    build: () => partPanel(part, grid),
  }));
  if (grid.errors.expected) entries.forEach((entry) => { entry.label = entry.label.replace(" ✓", ""); });
  const errors = Object.entries(grid.errors).map(([name, reason]) => el("p", { class: "judgement bad" }, `${name}: ${reason}`));
  const legend = el("p", { class: "legend" },
    el("span", { class: "key differs" }, el("span", { class: "sign" }, "≠"), "differs"),
    el("span", { class: "key changed" }, "changed from the input"),
    el("span", { class: "key" }, el("code", { class: "formula" }, "=A1"), " formula, with the stored value above it"),
    el("span", { class: "key margin" }, "not compared"));
  return [errors, tabs("Ranges", entries), legend,
    grid.more_parts ? el("p", { class: "note" }, `${number(grid.more_parts)} more ranges are not shown.`) : ""];
}
