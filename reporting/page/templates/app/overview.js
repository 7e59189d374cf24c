// The first view: what the runs came to.

function runsTable(runs) {
  const rows = runs.map((run) => [
    runName(INDEX.runs.indexOf(run)),
    run.skill || el("em", {}, "none"),
    [run.model || "–", run.seed === null ? "" : `, seed ${run.seed}`],
    number(run.cases),
    run.accuracy ? `${run.accuracy.solved}/${run.accuracy.total}` : "not scored",
    run.accuracy ? percent(run.accuracy.share) : "–",
    run.accuracy ? `${percent(run.accuracy.low)} to ${percent(run.accuracy.high)}` : "–",
    number(run.prompt_tokens), number(run.reply_tokens), dollars(run.cost), number(run.seconds, 1),
  ]);
  return table("Accuracy counts every task that was to be scored; intervals are Wilson's, 95 %",
    ["Run", "Skill", "Model", "Cases", "Solved", "Accuracy", "95 % interval", "Prompt tokens", "Reply tokens", "Cost", "Seconds"],
    rows, { numeric: [3, 4, 5, 6, 7, 8, 9, 10] });
}

function sources(run) {
  return el("li", {}, el("strong", {}, run.name), ": accuracy ", source(run.sources.verdicts), "; cases, turns and tokens ",
    source(run.sources.cases), "; seconds ", source(run.sources.time), "; settings ", source(run.sources.settings));
}

function typesTable() {
  const kinds = [...new Set(INDEX.runs.flatMap((run) => Object.keys(run.types)))].sort();
  if (!kinds.length) return "";
  const rows = INDEX.runs.filter((run) => run.accuracy).map((run) => [run.name, ...kinds.map((kind) => {
    const found = run.types[kind];
    return found ? `${found.solved}/${found.total} (${percent(found.low)} to ${percent(found.high)})` : "–";
  })]);
  return table("Solved by instruction type, with 95 % intervals", ["Run", ...kinds], rows, { numeric: kinds.map((_, index) => index + 1) });
}

function classesTable() {
  const classes = [...new Set(INDEX.runs.flatMap((run) => Object.keys(run.error_classes)))];
  if (!classes.length) return "";
  const rows = INDEX.runs.filter((run) => run.accuracy).map((run) => [run.name, ...classes.map((one) => number(run.error_classes[one] ?? 0))]);
  return table("Failed tasks by class of failure, as code finds it", ["Run", ...classes.map((one) => one.replaceAll("_", " "))], rows, { numeric: classes.map((_, index) => index + 1) });
}

function conductTable() {
  const rows = INDEX.runs.flatMap((run, index) => Object.entries(run.conduct).map(([id, seen]) =>
    [run.name, taskLinks([id], index), el("ul", {}, seen.map((one) => el("li", {}, one)))]));
  return rows.length ? table(`${count(rows.length, "trajectory")} looked for answers, as far as the commands show; scores count as they stand`, ["Run", "Task", "Commands"], rows) : "";
}

const heldOut = () => INDEX.runs.filter((run) => !run.training);
const scored = (runs) => runs.filter((run) => run.accuracy?.total);
const wordOn = (run) => INDEX.helped.find((row) => row.name === run.name)?.verdict ?? "";

function helpedSection() {
  const runs = scored(heldOut());
  return section("Did it help?",
    runs.length ? accuracyChart(runs, runs.map(wordOn)) : el("p", {}, "No run has been scored yet."),
    el("ul", { class: "helped" }, INDEX.helped.map((row) =>
      el("li", {}, row.name ? [el("strong", {}, row.name), " is ", el("strong", { class: `word ${row.verdict}` }, row.verdict), " "] : "", row.text))),
    INDEX.helped.some((row) => row.verdict === "undecided") ? el("p", { class: "note" }, "Undecided means: these runs are too few to tell the difference from chance.") : "",
    runsTable(heldOut()));
}

function trainingSection() {
  const runs = INDEX.runs.filter((run) => run.training);
  return runs.length ? section("The run that taught", runsTable(runs), strip(runs),
    el("p", { class: "note" }, "Its tasks are not held out: lessons come from them, so it says nothing about whether the skill helps.")) : "";
}

// Of the files that agents have to open themselves; what is preloaded is not among them.
function readingSection() {
  const rows = INDEX.runs.flatMap((run, index) => {
    const tasks = INDEX.tasks.filter((task) => run.opened[task.id]);
    // Nobody has listed the skills of a session: what was opened is all that is known of them.
    const known = new Set(tasks.flatMap((task) => run.opened[task.id].map(([file]) => file)));
    const files = run.skill_files.length ? run.skill_files : [...known];
    if (!files.length || !tasks.length) return [];
    const did = (read) => tasks.filter((task) => Boolean(run.opened[task.id].length) === read);
    const solved = (some) => some.length ? `${some.filter((task) => task.results[index].outcome === "solved").length}/${some.length}` : "–";
    const times = (file) => tasks.filter((task) => run.opened[task.id].some(([name]) => name === file)).length;
    const opened = files.filter(times);
    const never = files.filter((file) => !times(file));
    return [[run.name, `${did(true).length} of ${tasks.length}`, solved(did(true)), solved(did(false)),
      opened.map((file, at) => [at ? ", " : "", file, ` (${times(file)})`]), never.join(", ")]];
  });
  return rows.length ? section("Was the skill read?", table("Files of the skill beside what is preloaded, as far as commands show; tasks are not drawn by lot into read and unread",
    ["Run", "Opened a file", "Solved of these", "Solved of the others", "Opened", "Never opened"], rows, { numeric: [1, 2, 3] })) : "";
}

function kindsSection() {
  return section("By type and class", typesTable(), classesTable(), conductTable());
}

function costSection() {
  const runs = scored(heldOut());
  return runs.length > 1 ? section("Accuracy against tokens", tokensChart(runs)) : "";
}

// Each task a column, each run a row; tasks that more runs solve stand further left.
function strip(runs) {
  const at = runs.map((run) => INDEX.runs.indexOf(run));
  const solved = (task) => at.filter((index) => task.results[index].outcome === "solved").length;
  const tasks = INDEX.tasks.filter((task) => at.some((index) => task.results[index].outcome !== "not run"))
    .sort((a, b) => solved(b) - solved(a) || collator.compare(a.id, b.id));
  const cell = (task, index) => {
    const { outcome: name, details: [key] } = task.results[index];
    const { sign } = OUTCOMES[name] ?? { sign: "?" };
    const attributes = { class: `square ${name.replace(" ", "-")}`, title: `${task.id}: ${name}`, "aria-label": `${task.id}: ${name}` };
    return el("td", {}, key ? el("a", { ...attributes, href: toTask(key) }, sign) : el("span", attributes, sign));
  };
  return el("div", { class: "scroll" }, el("table", { class: "strip" },
    el("caption", {}, "A column is a task; those that most runs solve come first"),
    el("tbody", {}, at.map((index) => el("tr", {}, el("th", { scope: "row" }, INDEX.runs[index].name), tasks.map((task) => cell(task, index)))))));
}

const stripSection = () => section("Tasks by runs", strip(heldOut()));

function madeSection() {
  const rows = INDEX.runs.map((run) => [run.name, run.made.begun || "–", run.made.version || "–", run.made.data || "–",
    [run.made.sandbox || "–", run.made.harness ? `, ${run.made.harness}` : ""], run.made.command ? el("code", {}, run.made.command) : "–"]);
  return section("How the runs were made", table("Of each run's last start", ["Run", "Begun", "Toolkit", "Data", "Sandbox", "Command"], rows, { attributes: { class: "made" } }),
    el("details", {}, el("summary", {}, "Where the numbers come from"), el("ul", {}, INDEX.runs.map(sources))));
}

function flowSection() {
  if (!INDEX.funnel.length) return "";
  return section("From failures to lines of the skill", el("ol", { class: "flow" }, INDEX.funnel.map((step) =>
    el("li", {}, el("strong", { class: "amount" }, number(step.count)), el("span", {}, step.label), el("span", { class: "note" }, step.note)))),
    el("details", {}, el("summary", {}, "As a table, with its files"),
      table("What became of the runs that were learnt from", ["Step", "Count", "Note and source"],
        INDEX.funnel.map((step) => [step.label, number(step.count), [step.note, el("br"), source(step.source)]]), { numeric: [1] })));
}

const taskLinks = (tasks, run) => tasks.length ? tasks.map((id, index) => {
  const row = INDEX.tasks.find((task) => task.id === id);
  const key = row?.results[run]?.details[0];
  return [index ? ", " : "", key ? link(toTask(key), id) : id];
}) : el("em", {}, "none");

const typeOf = (id) => INDEX.tasks.find((task) => task.id === id)?.type || "Unknown";

function pairTypes(pair) {
  const groups = ["gained", "lost", "both", "neither"];
  const kinds = [...new Set(groups.flatMap((group) => pair[group].map(typeOf)))].sort();
  return kinds.length < 2 ? "" : table("The same by type of task", ["Type", "Gained", "Lost", "Both solved", "Neither"],
    kinds.map((kind) => [kind, ...groups.map((group) => number(pair[group].filter((id) => typeOf(id) === kind).length))]), { numeric: [1, 2, 3, 4] });
}

function pairDetails(pair) {
  const [first, second] = pair.names;
  const cell = (tasks) => [el("strong", {}, number(tasks.length)), el("div", { class: "ids" }, taskLinks(tasks, pair.runs[1]))];
  return [table(`Tasks of both runs by outcome; links lead to the trajectory in ${second}`,
    ["Tasks", `${second}: solved`, `${second}: failed`],
    [[`${first}: solved`, cell(pair.both), ["lost ", cell(pair.lost)]], [`${first}: failed`, ["gained ", cell(pair.gained)], cell(pair.neither)]],
    { attributes: { class: "matrix" } }), pairTypes(pair)];
}

function pairsSection() {
  if (!INDEX.pairs.length) return "";
  const paired = INDEX.runs.map((_, index) => index).filter((index) => INDEX.pairs.some((pair) => pair.runs.includes(index)));
  const names = paired.map((index) => INDEX.runs[index].name);
  const find = (a, b) => INDEX.pairs.find((pair) => pair.runs[0] === a && pair.runs[1] === b);
  const box = el("div", { "aria-live": "polite" });
  const choice = el("select", { on: { change: () => box.replaceChildren(...pairDetails(INDEX.pairs[choice.value])) } },
    INDEX.pairs.map((pair, index) => el("option", { value: index }, `${pair.names[0]} and ${pair.names[1]}`)));
  choice.value = String(INDEX.pairs.length - 1);
  box.append(...pairDetails(INDEX.pairs.at(-1)));
  const rows = paired.map((a) => [INDEX.runs[a].name, ...paired.map((b) => {
    const pair = find(Math.min(a, b), Math.max(a, b));
    if (a === b || !pair) return "–";
    const [gained, lost] = a < b ? [pair.gained, pair.lost] : [pair.lost, pair.gained];
    return `+${gained.length} −${lost.length}`;
  })]);
  const matrix = names.length > 2 ? table("Tasks that the run of the column gained (+) and lost (−) against the run of the row",
    ["From \\ to", ...names], rows, { numeric: names.map((_, index) => index + 1) }) : "";
  return section("Gained and lost", matrix, el("label", {}, "Two runs in detail ", choice), box,
    el("p", { class: "note" }, "Whether a difference is more than chance stands above, under \u201cDid it help?\u201d"));
}

function measuresSection() {
  if (!INDEX.distributions.length) return "";
  const rows = INDEX.distributions.flatMap((measure) => measure.runs.map((name, index) => [
    name, measure.name, number(measure.medians[index], 4), number(measure.totals[index], 4)]));
  return section("Turns, tokens, cost and time", el("div", { class: "charts" }, INDEX.distributions.map(histogram)),
    el("details", {}, el("summary", {}, "As a table"), table("Over cases", ["Run", "Measure", "Median", "Total"], rows, { numeric: [2, 3] })),
    el("p", { class: "note" }, "Each case of results.jsonl counts once. ",
      INDEX.runs.every((run) => run.cost === null) ? "No price is known for these models, so no cost is shown." : ""));
}

function problemsSection() {
  if (!INDEX.problems.length) return "";
  return section("Files that could not be used", table("The report shows what there is without them", ["File", "Reason"],
    INDEX.problems.map(([file, reason]) => [el("code", {}, file), reason])));
}

function showOverview(main) {
  main.append(el("h1", { tabindex: "-1" }, "Overview"), helpedSection(), pairsSection(), kindsSection(), costSection(), stripSection(), readingSection(),
    trainingSection(), flowSection(), measuresSection(), madeSection(), problemsSection());
}
