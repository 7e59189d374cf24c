// Views by the address after #, and the colours.

const VIEWS = [
  ["overview", "Overview", showOverview],
  ["tasks", "Tasks", showTasks],
  ["lessons", "Lessons", (main, kind, path, line) => showLessons(main, path, Number(line) || 0)],
  ["diff", "Diff", showDiff],
];

function nav(current) {
  document.getElementById("nav").replaceChildren(el("ul", {}, VIEWS.map(([name, label]) =>
    el("li", {}, el("a", { href: `#/${name}`, "aria-current": name === current ? "page" : null }, label)))));
}

function focusCell(name) {
  const cell = name.split("!").at(-1);
  const found = [...document.querySelectorAll(".grid td.differs")].filter((one) => one.dataset.cell === cell);
  for (const one of found) one.classList.add("flash");
  found[0]?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

async function show() {
  const [path, said] = location.hash.split("?", 2);
  const [name, ...rest] = path.replace(/^#\/?/, "").split("/").map(safelyDecoded);
  const main = document.getElementById("main");
  if (location.hash === "#main") return; // the skip link
  const same = main.dataset.view === name && name === "lessons";
  forgetCharts();
  main.replaceChildren();
  main.dataset.view = name;
  takeQuery(said ?? "");
  if (name === "both") {
    nav("tasks");
    await showBoth(main, rest[0] ?? "", rest[1] ?? "");
  } else if (name === "task") {
    nav("tasks");
    await showTrajectory(main, rest[0] ?? "");
    if (rest[1]) focusCell(rest[1]);
  } else {
    const chosen = VIEWS.find((one) => one[0] === name) ?? VIEWS[0];
    nav(chosen[0]);
    chosen[2](main, ...rest);
  }
  draw();
  document.title = `${main.querySelector("h1").textContent} – ${INDEX.title}`;
  if (same) settle(document.querySelector(".skill [aria-current]"));
  else if (started) { window.scrollTo(0, 0); main.querySelector("h1").focus({ preventScroll: true }); }
  if (!same && name === "lessons" && rest[0]) settle(document.querySelector(".skill [aria-current]"));
  started = true;
}

let started = false;

// The line that was chosen stays in sight, and the keyboard goes to its evidence.
function settle(line) {
  const list = line?.closest(".skill");
  if (list) list.scrollTop = line.offsetTop - list.offsetTop - list.clientHeight / 3;
  document.getElementById("h-evidence")?.focus({ preventScroll: true });
}

function safelyDecoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function remember(theme) {
  try {
    localStorage.setItem("trace2skill-theme", theme);
  } catch { /* some browsers keep nothing for pages from disk */ }
}

function remembered() {
  try {
    return localStorage.getItem("trace2skill-theme") ?? "auto";
  } catch {
    return "auto";
  }
}

const theme = document.getElementById("theme");
function paint() {
  document.documentElement.dataset.theme = theme.value;
  draw();
}
theme.value = remembered();
if (!theme.value) theme.value = "auto";
theme.addEventListener("change", () => { remember(theme.value); paint(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
window.addEventListener("hashchange", show);
document.documentElement.dataset.theme = theme.value;
show();
