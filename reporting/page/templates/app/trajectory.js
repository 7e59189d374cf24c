// One trajectory: its steps beside its cells, and the lines of the skill that it taught.

function block(label, text, { open = true, long = 18 } = {}) {
  const lines = text.split("\n").length;
  const pre = el("pre", { tabindex: lines > long ? "0" : null }, text);
  if (open && lines <= long) return el("div", { class: "block" }, el("p", { class: "what" }, label), pre);
  return el("details", { class: "block", open: open && lines <= 3 * long }, el("summary", {}, `${label} (${count(lines, "line")})`), pre);
}

function stepView(step, index) {
  const head = step.done ? "says that the task is done" : step.problem ? "badly formed reply" : `runs ${step.tool}`;
  return el("li", { class: step.problem ? "step bad" : "step" },
    el("h3", {}, `Step ${index + 1}`, el("span", { class: "what" }, ` ${head}`)),
    step.thought ? el("p", { class: "thought" }, step.thought) : "",
    step.raw ? block("Reply", step.raw) : "",
    step.problem ? el("p", { class: "judgement bad" }, step.problem) : "",
    step.command ? block("Command", step.command, { long: 40 }) : "",
    step.observation !== undefined ? block("Observation", step.observation || "(nothing)") : "",
    step.note ? block("Message of the harness", step.note) : "");
}

// Edits a line comes from reach runs through links and companions.
function runsOfEdit(name, seen = new Set()) {
  const node = INDEX.lessons?.nodes?.[name];
  if (!node || seen.has(name)) return [];
  seen.add(name);
  const parents = [...(node.links ?? []).map((one) => one.parent), ...(node.beside ? [node.beside] : [])];
  return [...(node.runs ?? []), ...parents.flatMap((parent) => runsOfEdit(parent, seen))];
}

function linesTaughtBy(key) {
  const lessons = INDEX.lessons;
  if (!lessons?.runs) return [];
  const mine = new Set(Object.entries(lessons.runs).filter(([, run]) => run.detail === key).map(([name]) => name));
  if (!mine.size) return [];
  const taught = new Map();
  const teaches = (edit) => {
    if (!taught.has(edit)) taught.set(edit, runsOfEdit(edit).some((run) => mine.has(run)));
    return taught.get(edit);
  };
  return lessons.files.flatMap((file) => file.lines
    .map(([text, edit], index) => ({ file: file.path, line: index + 1, text, edit }))
    .filter((one) => one.edit && teaches(one.edit)));
}

function taughtSection(key, data) {
  const lines = linesTaughtBy(key);
  const analyses = data.lessons.map((one) => el("div", { class: "card" },
    el("p", {}, `${one.kind === "error" ? "Failure" : "Success"} analysis: ${one.outcome}`, one.error_class ? `, class ${one.error_class}` : "", one.gate ? `, gate: ${one.gate}` : "", one.reason ? ` (${one.reason})` : "", ". ", source(one.source)),
    one.items.map((item) => el("details", {}, el("summary", {}, `${item.type.replace("_", " ")}: ${item.title}`), el("p", {}, item.description), el("p", {}, item.content)))));
  const blocks = [];
  for (const one of lines) {
    const last = blocks.at(-1);
    if (last && last.file === one.file && last.edit === one.edit) last.more += 1;
    else blocks.push({ ...one, more: 0 });
  }
  const skill = blocks.length ? el("ul", { class: "lines" }, blocks.map((one) => el("li", {}, link(toLine(one.file, one.line), `${one.file}:${one.line}`), " ", one.text,
    one.more ? el("span", { class: "note" }, ` and ${count(one.more, "line")} more`) : ""))) : el("p", { class: "empty" }, "No line of the skill comes from this trajectory.");
  return section("What it taught", analyses, INDEX.lessons ? [el("h3", {}, "Lines of the evolved skill"), skill] : "");
}

// A domain without cells says in words what became of a case.
function resultSection(data) {
  const rules = data.grid ? `; rules: ${data.grid.rules ?? "–"}` : "";
  const from = el("p", { class: "note" }, data.sources.output ? ["Output ", source(data.sources.output)] : "No output", data.sources.expected ? [", expected ", source(data.sources.expected)] : "", rules);
  if (data.grid) return section("Cells", gridView(data.grid), from);
  const facts = (data.facts ?? []).map(([label, text]) => block(label, text));
  const message = data.verdict ? el("p", { class: "judgement" }, data.verdict) : "";
  return section("Result", message, facts.length || data.verdict ? facts : el("p", { class: "empty" }, "Nothing more is known of it."), from);
}

function neighbours(key, data) {
  const among = chosen();
  const at = among.findIndex((task) => task.id === data.task);
  const near = (step) => {
    for (let index = at + step; at >= 0 && index >= 0 && index < among.length; index += step) {
      const other = among[index].results[data.run]?.details[0];
      if (other) return link(toTask(other), step < 0 ? `← ${among[index].id}` : `${among[index].id} →`);
    }
    return "";
  };
  const others = (INDEX.tasks.find((task) => task.id === data.task)?.results ?? []).map((one, run) => {
    const keys = one.details.filter((other) => other !== key);
    return run === data.run || !keys.length ? "" : el("li", {}, link(toTask(keys[0]), INDEX.runs[run].name), " ", outcome(one.outcome), " ",
      link(toBoth(...(run < data.run ? [keys[0], key] : [key, keys[0]])), "side by side"));
  });
  const all = query() ? `the ${count(among.length, "task")} that fit` : "all tasks";
  return [el("nav", { class: "near", "aria-label": "Tasks before and after" }, near(-1), link(`#/tasks${query()}`, all), near(1)),
    others.some(Boolean) ? el("div", { class: "others" }, el("span", {}, "The same task in "), el("ul", {}, others)) : ""];
}

function stepsSection(data, id = "h-steps", title = "Steps") {
  return el("section", { class: "steps", "aria-labelledby": id }, el("h2", { id }, title),
    data.prompt === null ? "" : block("System prompt", INDEX.prompts[data.prompt], { open: false }),
    data.asked ? block("Task as the agent got it", data.asked, { open: false }) : "",
    data.steps.length ? el("ol", {}, data.steps.map(stepView)) : el("p", { class: "empty" }, "There is no log of this trajectory."),
    source(data.sources.log));
}

function factsOf(task, data) {
  const result = task.results[data.run];
  return [data.input_file, task.type, data.status ? `ended: ${data.status}` : "", `${number(result.turns)} turns`, `${number(result.tokens)} tokens`, `${number(result.seconds, 1)} s`, result.cost === null ? "" : dollars(result.cost)].filter(Boolean).join(" · ");
}

// Two trajectories of one task, step beside step; what came of each stands above.
function showBoth(main, ...keys) {
  const title = el("h1", { tabindex: "-1" }, "Side by side");
  main.append(title);
  return Promise.all(keys.map(detail)).then((both) => {
    const task = INDEX.tasks.find((one) => one.id === both[0].task);
    if (both[1].task !== task.id) throw new Error(`they are of tasks ${task.id} and ${both[1].task}`);
    title.replaceChildren(`Task ${task.id} `, el("small", {}, `in ${both.map((data) => INDEX.runs[data.run].name).join(" and ")}`));
    const head = (data, index) => el("div", {}, el("p", {}, link(toTask(keys[index]), INDEX.runs[data.run].name), " ", outcome(task.results[data.run].outcome)),
      el("p", { class: "facts" }, factsOf(task, data)), data.verdict ? el("p", { class: task.results[data.run].outcome === "solved" ? "judgement" : "judgement bad" }, data.verdict) : "");
    main.append(el("p", {}, link(`#/tasks${query()}`, "all tasks")), el("blockquote", {}, task.instruction),
      el("div", { class: "both" }, both.map(head), both.map((data, index) => stepsSection(data, `h-steps-${index}`, INDEX.runs[data.run].name)),
        both.map((data) => resultSection(data))));
  }).catch((error) => main.append(el("p", { class: "judgement bad" }, `These trajectories cannot be shown: ${error.message}.`)));
}

function showTrajectory(main, key) {
  const title = el("h1", { tabindex: "-1" }, "Trajectory");
  main.append(title);
  return detail(key).then((data) => {
    const task = INDEX.tasks.find((one) => one.id === data.task);
    const result = task.results[data.run];
    const run = INDEX.runs[data.run];
    title.replaceChildren(`Task ${data.task} `, el("small", {}, "in ", runName(data.run), " ", outcome(result.outcome)));
    main.append(el("div", { class: "around" }, neighbours(key, data)),
      el("p", { class: "facts", title: `from ${run.sources.cases}` }, factsOf(task, data), ". ", source(run.sources.cases)),
      run.opened[data.task]?.length ? el("p", { class: "facts" }, "Opened of the skill: ", run.opened[data.task].map(([file, step], index) => `${index ? ", " : ""}${file} (step ${step})`)) : "",
      data.error ? el("p", { class: "judgement bad" }, data.error) : "",
      el("blockquote", {}, task.instruction),
      el("div", { class: "trajectory" },
        stepsSection(data),
        el("div", { class: "cellside" },
          resultSection(data),
          remarkSection(data),
          taughtSection(key, data))));
  }).catch((error) => main.append(el("p", { class: "judgement bad" }, `This trajectory cannot be shown: ${error.message}.`)));
}
