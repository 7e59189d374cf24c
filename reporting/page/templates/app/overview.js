// The first view: what the runs came to.

function runsTable() {
  const rows = INDEX.runs.map((run, index) => [
    runName(index),
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
  const scored = INDEX.runs.filter((run) => run.accuracy);
  if (!kinds.length) return "";
  const rows = scored.map((run) => [run.name, ...kinds.map((kind) => {
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

function helpedSection() {
  if (!INDEX.helped.length) return "";
  return section("Did it help?", el("ul", { class: "helped" }, INDEX.helped.map((row) =>
    el("li", {}, row.name ? [el("strong", {}, row.name), " is ", el("strong", { class: `word ${row.verdict}` }, row.verdict), " "] : "", row.text))),
  INDEX.helped.some((row) => row.verdict === "undecided") ? el("p", { class: "note" }, "Undecided means: these runs are too few to tell the difference from chance.") : "");
}

function accuracySection() {
  const scored = INDEX.runs.filter((run) => run.accuracy && run.accuracy.total);
  return section("Accuracy", scored.length ? accuracyChart(scored) : el("p", {}, "No run has been scored yet."),
    runsTable(), typesTable(), classesTable(), conductTable(),
    el("details", {}, el("summary", {}, "Where these numbers come from"), el("ul", {}, INDEX.runs.map(sources))));
}

function funnelSection() {
  if (!INDEX.funnel.length) return "";
  return section("From tasks to lines", el("div", { class: "beside" },
    funnelChart(INDEX.funnel),
    table("What became of the runs that were learnt from", ["Step", "Count", "Note and source"],
      INDEX.funnel.map((step) => [step.label, number(step.count), [step.note, el("br"), source(step.source)]]), { numeric: [1] })));
}

const taskLinks = (tasks, run) => tasks.length ? tasks.map((id, index) => {
  const row = INDEX.tasks.find((task) => task.id === id);
  const key = row?.results[run]?.details[0];
  return [index ? ", " : "", key ? link(toTask(key), id) : id];
}) : el("em", {}, "none");

function pairDetails(pair) {
  const [first, second] = pair.names;
  const cell = (tasks) => [el("strong", {}, number(tasks.length)), el("div", { class: "ids" }, taskLinks(tasks, pair.runs[1]))];
  return table(`Tasks of both runs by outcome; links lead to the trajectory in ${second}`,
    ["Tasks", `${second}: solved`, `${second}: failed`],
    [[`${first}: solved`, cell(pair.both), ["lost ", cell(pair.lost)]], [`${first}: failed`, ["gained ", cell(pair.gained)], cell(pair.neither)]],
    { attributes: { class: "matrix" } });
}

function pairsSection() {
  if (!INDEX.pairs.length) return "";
  const names = INDEX.runs.map((run) => run.name);
  const find = (a, b) => INDEX.pairs.find((pair) => pair.runs[0] === a && pair.runs[1] === b);
  const box = el("div", { "aria-live": "polite" });
  const choice = el("select", { on: { change: () => box.replaceChildren(pairDetails(INDEX.pairs[choice.value])) } },
    INDEX.pairs.map((pair, index) => el("option", { value: index }, `${pair.names[0]} and ${pair.names[1]}`)));
  choice.value = String(INDEX.pairs.length - 1);
  box.append(pairDetails(INDEX.pairs.at(-1)));
  const rows = names.map((name, a) => [name, ...names.map((_, b) => {
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
  main.append(el("h1", { tabindex: "-1" }, "Overview"), helpedSection(), accuracySection(), funnelSection(), pairsSection(), measuresSection(), problemsSection());
}
