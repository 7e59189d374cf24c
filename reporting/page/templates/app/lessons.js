// The evolved skill: every line with its way back to trajectories and failing cells, and its diff.

const lessonOf = (edit) => INDEX.lessons.lessons?.find((lesson) => lesson.edits.includes(edit));

function lessonLines(lesson) {
  return INDEX.lessons.files.flatMap((file) => {
    const numbers = file.lines.flatMap(([, edit], index) => lesson.edits.includes(edit) ? [index + 1] : []);
    return numbers.length ? [{ file: file.path, first: numbers[0], amount: numbers.length }] : [];
  });
}

function runView(name) {
  const run = INDEX.lessons.runs[name];
  if (!run) return el("li", {}, name);
  const cells = run.failing_cells ?? [];
  return el("li", { class: "card" },
    el("p", {}, el("strong", {}, run.detail ? link(toTask(run.detail), `trajectory ${name}`) : `trajectory ${name}`),
      run.kind === "success" ? " ✓ solved" : ` ✗ failed${run.error_class ? `, ${run.error_class}` : ""}`,
      run.gate ? `, gate: ${run.gate}` : "", run.detail ? "" : " (not among the runs of this report)"),
    cells.length ? el("p", {}, "Failing cells: ", cells.map((cell, index) => [index ? ", " : "", run.detail ? link(toTask(run.detail, cell), cell) : cell]),
      run.failing_cells_total > cells.length ? ` and ${number(run.failing_cells_total - cells.length)} more` : "") : "",
    run.lessons?.length ? el("p", { class: "note" }, `Lessons: ${run.lessons.join("; ")}`) : "",
    el("p", { class: "note" }, source(run.trajectory), run.report ? ["; report ", source(run.report)] : ""));
}

const PHASES = { "map": "Patch", "merge": "Merged edit", "code-merge": "Merged by code", "translation": "Translated edit", "repair": "Repaired edit" };

function editView(name, how, seen) {
  const node = INDEX.lessons.nodes[name];
  if (!node) return el("li", {}, name);
  const again = seen.has(name);
  seen.add(name);
  const parents = [...(node.links ?? []).map((one) => [one.parent, one.how]), ...(node.beside ? [[node.beside, "beside"]] : [])];
  return el("li", {},
    el("p", {}, el("strong", {}, PHASES[node.phase] ?? node.phase), ` ${name}: ${node.title} `,
      how ? el("span", { class: "how", title: "how this link was found" }, `link ${how}`) : "", node.patch ? [" ", source(node.patch)] : ""),
    again ? el("p", { class: "note" }, "shown above") : [
      node.text ? el("details", {}, el("summary", {}, "its text"), el("pre", {}, node.text)) : "",
      node.runs?.length ? el("ul", {}, node.runs.map(runView)) : "",
      parents.length ? el("ul", {}, parents.map(([parent, way]) => editView(parent, way, seen))) : ""]);
}

function evidence(path, line) {
  const file = INDEX.lessons.files.find((one) => one.path === path);
  const entry = file?.lines[line - 1];
  if (!entry) return el("p", { class: "empty" }, "Choose a marked line to see where it comes from.");
  const [text, edit] = entry;
  const lesson = edit && lessonOf(edit);
  return [el("h3", { id: "evidence-of" }, `${path}:${line}`), el("blockquote", {}, text || "(blank line)"),
    !edit ? el("p", {}, "Written by no evolution: it was there before, or was edited by hand.") : [
      lesson ? el("p", {}, el("strong", {}, `Lesson ${lesson.id}: ${lesson.title}`), ` – ${count(lesson.support, "trajectory")} behind it`) : "",
      el("ul", { class: "chain" }, editView(edit, "", new Set()))]];
}

function skillFile(file, chosenLine) {
  return el("ol", { class: "skill", "aria-label": file.path }, file.lines.map(([text, edit], index) => {
    const lesson = edit && lessonOf(edit);
    const mark = edit ? (lesson ? `${lesson.id} · ${lesson.support}` : "edit") : "";
    const chosen = index + 1 === chosenLine;
    const inner = [el("span", { class: "no" }, index + 1), el("span", { class: "by", title: lesson ? `${lesson.title}; ${count(lesson.support, "trajectory")}` : null }, mark), el("span", { class: "code" }, text || " ")];
    return el("li", { class: edit ? "written" : null, "aria-current": chosen ? "true" : null },
      edit ? link(toLine(file.path, index + 1), inner) : el("span", { class: "row" }, inner));
  }));
}

const FEW_CELLS = 6;

function lessonCells(lesson) {
  const cells = lesson.runs.flatMap((name) => (INDEX.lessons.runs[name]?.failing_cells ?? []).map((cell) => [INDEX.lessons.runs[name].detail, cell]));
  return [cells.slice(0, FEW_CELLS).map(([key, cell], index) => [index ? ", " : "", key ? link(toTask(key, cell), cell) : cell]),
    cells.length > FEW_CELLS ? ` and ${number(cells.length - FEW_CELLS)} more` : "", cells.length ? "" : "–"];
}

function lessonsTable() {
  const lessons = [...(INDEX.lessons.lessons ?? [])].sort((a, b) => b.support - a.support);
  if (!lessons.length) return "";
  const measured = Object.keys(INDEX.lessons.effects).length > 0;
  return section("What the skill has learnt", table("Support: how many different trajectories a lesson rests on. A line leads to its evidence below, a trajectory and a cell to the run",
    ["Lesson", "What it says", "Support", "Lines of the skill", "Trajectories", "Cells that were wrong", ...(measured ? ["Does it help?"] : [])],
    lessons.map((lesson) => [lesson.id, lesson.title, lesson.counted ? `${number(lesson.support)} (+${number(lesson.counted)} counted)` : number(lesson.support),
      lessonLines(lesson).map((one, index) => [index ? ", " : "", link(toLine(one.file, one.first), `${one.file}:${one.first}`), ` (${count(one.amount, "line")})`]),
      lesson.runs.map((name, index) => [index ? ", " : "", INDEX.lessons.runs[name]?.detail ? link(toTask(INDEX.lessons.runs[name].detail), name) : name]),
      lessonCells(lesson), ...(measured ? [INDEX.lessons.effects[lesson.id] ?? "not tried"] : [])]),
    { numeric: [2] }),
    INDEX.lessons.gated.length ? el("details", {}, el("summary", {}, "Patches on their own tasks"), el("ul", {}, INDEX.lessons.gated.map((one) => el("li", {}, one)))) : "",
    el("p", { class: "note" }, source(INDEX.lessons.source)));
}

function droppedTable() {
  const dropped = INDEX.lessons.dropped ?? [];
  if (!dropped.length) return "";
  return section("Edits that did not reach the skill", table("Each with the reason", ["Edit", "Title", "Stage", "Reason"],
    dropped.map((one) => [one.id, one.title, one.stage, `${one.rule}: ${one.reason}`])));
}

function showLessons(main, path, line) {
  const lessons = INDEX.lessons;
  if (!lessons) {
    main.append(el("h1", { tabindex: "-1" }, "Lessons"), el("p", {}, "No evolved skill is known; name one with --skill."));
    return;
  }
  const file = lessons.files.find((one) => one.path === path) ?? lessons.files[0];
  const choice = el("select", { on: { change: () => { location.hash = `#/lessons/line/${encodeURIComponent(choice.value)}/0`; } } },
    lessons.files.map((one) => el("option", { value: one.path }, `${one.path} (${count(one.lines.filter(([, edit]) => edit).length, "line")} written)`)));
  choice.value = file.path;
  main.append(el("h1", { tabindex: "-1" }, "Lessons"),
    el("p", { class: "note" }, "The skill ", source(lessons.skill), lessons.source ? ["; explained ", source(lessons.source)] : "; nothing explains its lines"),
    lessonsTable(),
    el("div", { class: "lessons" },
      el("section", { "aria-labelledby": "h-skill", class: "skillside" }, el("h2", { id: "h-skill" }, "The skill"), el("label", {}, "File ", choice), skillFile(file, line)),
      el("section", { "aria-labelledby": "h-evidence", class: "evidence" }, el("h2", { id: "h-evidence", tabindex: "-1" }, "Evidence"), evidence(file.path, line))),
    droppedTable());
}

const SIGNS = { "+": "added", "-": "removed", " ": "", "@": "" };

function showDiff(main) {
  main.append(el("h1", { tabindex: "-1" }, "The skill's diff"));
  if (!INDEX.lessons?.diff.length) {
    main.append(el("p", {}, INDEX.lessons ? "The skill is as it was." : "No evolved skill is known; name one with --skill."));
    return;
  }
  for (const file of INDEX.lessons.diff) {
    const rows = file.rows.map(([sign, before, after, text]) => sign === "@"
      ? el("tr", { class: "gap" }, el("td", { colspan: 4 }, text))
      : el("tr", { class: SIGNS[sign] || null }, el("td", { class: "no" }, before), el("td", { class: "no" }, after),
        el("td", { class: "sign" }, sign === "-" ? "−" : sign, SIGNS[sign] ? el("span", { class: "only-read" }, SIGNS[sign]) : ""),
        el("td", { class: "code" }, after && text.trim() ? link(toLine(file.path, after), text) : text)));
    main.append(el("section", {}, el("h2", {}, `${file.path} `, el("small", {}, file.state)), el("div", { class: "scroll" },
      el("table", { class: "diff" }, el("caption", { class: "only-read" }, `Changes of ${file.path}`),
        el("thead", { class: "only-read" }, el("tr", {}, ["before", "after", "change", "line"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows)))));
  }
}
