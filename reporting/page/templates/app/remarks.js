// A reader's own words on a case: kept by the browser, for this page, and handed out as JSON.

const REMARKS = `trace2skill-remarks ${INDEX.title}`;

function remarks() {
  try {
    return JSON.parse(localStorage.getItem(REMARKS) ?? "{}");
  } catch {
    return {}; // some browsers keep nothing for pages from disk
  }
}

function remarkSection(data) {
  const key = JSON.stringify([INDEX.runs[data.run].name, data.task, data.input_file]);
  const said = el("p", { class: "note", role: "status" });
  const text = el("textarea", { rows: 3, "aria-label": "Your remark on this case", on: { input: () => {
    const all = remarks();
    if (text.value.trim()) all[key] = text.value;
    else delete all[key];
    try {
      localStorage.setItem(REMARKS, JSON.stringify(all));
      said.textContent = "Kept in this browser; the list of tasks exports all remarks.";
    } catch {
      said.textContent = "This browser keeps nothing for this page.";
    }
  } } });
  text.value = remarks()[key] ?? "";
  return section("Your remark", text, said);
}

function remarksExport() {
  const all = Object.entries(remarks()).map(([key, remark]) => {
    const [run, task, input_file] = JSON.parse(key);
    return { run, task, input_file, remark };
  });
  if (!all.length) return "";
  const save = () => {
    const file = URL.createObjectURL(new Blob([`${JSON.stringify(all, null, 2)}\n`], { type: "application/json" }));
    el("a", { href: file, download: "remarks.json" }).click();
    URL.revokeObjectURL(file);
  };
  return el("p", {}, el("button", { type: "button", on: { click: save } }, `Export ${count(all.length, "remark")}`));
}
