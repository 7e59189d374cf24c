// The table of tasks: sorted by a click on a heading, filtered by controls. What is chosen stands in
// the address, so that it can be kept and sent, and the trajectories' next and previous follow it.

const EVERYTHING = { run: 0, text: "", type: "", outcome: "", status: "", differing: false, sort: "id", down: false };
const view = { ...EVERYTHING };

function query() {
  const said = Object.entries(view).filter(([name, value]) => value !== EVERYTHING[name]).map(([name, value]) => [name, String(value)]);
  return said.length ? `?${new URLSearchParams(said)}` : "";
}

// A value that this page has not is as if nothing was said.
function takeQuery(text) {
  const said = new URLSearchParams(text);
  Object.assign(view, EVERYTHING);
  for (const name of ["text", "type", "outcome", "status"]) view[name] = said.get(name) ?? "";
  view.run = INDEX.runs[said.get("run")] ? Number(said.get("run")) : 0;
  view.differing = said.get("differing") === "true";
  view.down = said.get("down") === "true";
  if (columns().some((column) => column.name === said.get("sort"))) view.sort = said.get("sort");
}

const FEW = 500; // rows drawn at once: thousands make every key stroke of the search wait

const figure = (task, name) => task.results[view.run].status ? task.results[view.run][name] : null;
const collator = new Intl.Collator("en", { numeric: true });

const COLUMNS = [
  { name: "id", label: "Task", value: (task) => task.id, show: (task) => taskLink(task, view.run, task.id) },
  { name: "type", label: "Type", value: (task) => task.type, show: (task) => task.type.replace(" Manipulation", "") },
  { name: "instruction", label: "Instruction", value: (task) => task.instruction, show: (task) => el("span", { class: "clip", title: task.instruction }, task.instruction) },
  { name: "turns", label: "Turns", numeric: true, value: (task) => figure(task, "turns"), show: (task) => number(figure(task, "turns")) },
  { name: "tokens", label: "Tokens", numeric: true, value: (task) => figure(task, "tokens"), show: (task) => number(figure(task, "tokens")) },
  { name: "cost", label: "Cost", numeric: true, value: (task) => figure(task, "cost"), show: (task) => figure(task, "cost") === null ? "–" : dollars(figure(task, "cost")) },
  { name: "seconds", label: "Seconds", numeric: true, value: (task) => figure(task, "seconds"), show: (task) => number(figure(task, "seconds"), 1) },
  { name: "message", label: "First mismatch", value: (task) => task.results[view.run].message, show: (task) => el("span", { class: "clip", title: task.results[view.run].message }, task.results[view.run].message) },
];

function taskLink(task, run, text) {
  const keys = task.results[run]?.details ?? [];
  return keys.length ? keys.map((key, index) => [index ? " " : "", link(toTask(key), index ? `(${index + 1})` : text)]) : text;
}

// Long names of folders may break at their joints.
const breakable = (name) => name.split(/(?<=[_/-])/).flatMap((part, index) => index ? [el("wbr"), part] : [part]);

function columns() {
  const outcomes = INDEX.runs.map((run, index) => ({
    name: `run-${index}`, label: breakable(run.name),
    value: (task) => task.results[index].outcome,
    show: (task) => task.results[index].details.length ? link(toTask(task.results[index].details[0]), outcome(task.results[index].outcome)) : outcome(task.results[index].outcome),
  }));
  const figures = COLUMNS.filter((column) => column.name !== "cost" || INDEX.runs.some((run) => run.cost !== null));
  return [...figures.slice(0, 3), ...outcomes, ...figures.slice(3)];
}

function chosen() {
  const wanted = view.text.toLowerCase();
  const hits = INDEX.tasks.filter((task) =>
    (!view.type || task.type === view.type)
    && (!view.outcome || task.results[view.run].outcome === view.outcome)
    && (!view.status || task.results[view.run].status.split(", ").includes(view.status))
    && (!view.differing || new Set(task.results.map((one) => one.outcome).filter((one) => one === "solved" || one === "failed")).size > 1)
    && (!wanted || `${task.id} ${task.instruction} ${task.results.map((one) => one.message).join(" ")}`.toLowerCase().includes(wanted)));
  const column = columns().find((one) => one.name === view.sort);
  const key = (task) => column.value(task) ?? "";
  hits.sort((a, b) => column.numeric ? Number(key(a)) - Number(key(b)) : collator.compare(key(a), key(b)));
  return view.down ? hits.reverse() : hits;
}

function chooser(label, name, options, change) {
  const select = el("select", { name, on: { change: () => { view[name] = name === "run" ? Number(select.value) : select.value; change(); } } },
    options.map(([value, text]) => el("option", { value }, text)));
  select.value = String(view[name]);
  return el("label", {}, `${label} `, select);
}

function filters(change) {
  const results = INDEX.tasks.flatMap((task) => task.results);
  const all = (values) => [["", "all"], ...[...new Set(values)].filter(Boolean).sort().map((value) => [value, value])];
  const search = el("input", { type: "search", name: "text", placeholder: "id, words, mismatch", on: { input: () => { view.text = search.value; change(); } } });
  search.value = view.text;
  const differing = el("input", { type: "checkbox", name: "differing", on: { change: () => { view.differing = differing.checked; change(); } } });
  differing.checked = view.differing;
  return el("form", { class: "filters", role: "search", "aria-label": "Filter tasks", on: { submit: (event) => event.preventDefault() } },
    el("label", {}, "Search ", search),
    INDEX.runs.length > 1 ? chooser("Figures of", "run", INDEX.runs.map((run, index) => [index, run.name]), change) : "",
    chooser("Outcome", "outcome", all(results.map((one) => one.outcome)), change),
    chooser("Ended as", "status", all(results.flatMap((one) => one.status.split(", "))), change),
    chooser("Type", "type", all(INDEX.tasks.map((task) => task.type)), change),
    INDEX.runs.length > 1 ? el("label", {}, differing, " only where runs differ") : "");
}

function showTasks(main) {
  const said = el("p", { class: "note", role: "status" });
  const body = el("tbody", {});
  let all = false;
  const none = el("p", { class: "empty", hidden: true }, "No task fits all of these. ", link("#/tasks", "Show all tasks"));
  const more = el("button", { type: "button", on: { click: () => { all = true; fill(); } } });
  const heads = columns().map((column) => el("th", { scope: "col", class: column.numeric ? "number" : null, "data-name": column.name },
    el("button", { class: "plain sort", type: "button", on: { click: () => {
      view.down = view.sort === column.name ? !view.down : Boolean(column.numeric);
      view.sort = column.name;
      fill();
    } } }, column.label, el("span", { class: "arrow", "aria-hidden": "true" }))));
  function fill() {
    const hits = chosen();
    history.replaceState(null, "", `#/tasks${query()}`);
    for (const head of heads) {
      const sorted = head.dataset.name === view.sort;
      if (sorted) head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      head.querySelector(".arrow").textContent = sorted ? (view.down ? " ▼" : " ▲") : "";
    }
    const drawn = all ? hits : hits.slice(0, FEW);
    more.hidden = drawn.length === hits.length;
    more.textContent = `Show all ${number(hits.length)}`;
    none.hidden = hits.length > 0;
    body.replaceChildren(...drawn.map((task) => el("tr", {}, columns().map((column, index) =>
      el(index ? "td" : "th", { scope: index ? null : "row", class: column.numeric ? "number" : null }, [column.show(task)])))));
    said.textContent = `${number(hits.length)} of ${count(INDEX.tasks.length, "task")}`;
  }
  fill();
  const run = INDEX.runs[view.run];
  main.append(el("h1", { tabindex: "-1" }, "Tasks"), filters(fill), said,
    el("div", { class: "scroll" }, el("table", { class: "tasks" },
      el("caption", { class: "only-read" }, "Tasks; headings sort"),
      el("thead", {}, el("tr", {}, heads)), body)), none, more, remarksExport(),
    el("p", { class: "note" }, "Outcomes ", source(run.sources.verdicts), ", figures ", source(run.sources.cases), INDEX.runs.length > 1 ? " and the same files of the other runs." : "."));
}
