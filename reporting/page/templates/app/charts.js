// Charts by Chart.js, in the colours of the page. Each stands beside a table with the same numbers.

const drawn = [];

function colour(name) {
  const probe = el("span", { hidden: true });
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const series = (index) => colour(`--series-${index % 6}`);

function chart(label, height, build) {
  const canvas = el("canvas", { role: "img", "aria-label": label });
  const box = el("div", { class: `chart ${height}` }, canvas);
  drawn.push({ canvas, build, drawing: null });
  return box;
}

// Called once the canvases are in the document, and again when the colours change.
function draw() {
  Chart.defaults.color = colour("--text");
  Chart.defaults.borderColor = colour("--line");
  Chart.defaults.font.family = "system-ui, sans-serif";
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  for (const one of drawn) {
    one.drawing?.destroy();
    one.drawing = new Chart(one.canvas, one.build());
  }
}

function forgetCharts() {
  for (const one of drawn.splice(0)) one.drawing?.destroy();
}

// A dot with its interval for each run; `words` are the comparison's on it.
function accuracyChart(runs, words) {
  const interval = { label: "95 % interval", type: "bar", barThickness: 3, grouped: false, order: 1 };
  const dots = { label: "accuracy", type: "line", showLine: false, clip: false, pointRadius: 7, pointHoverRadius: 8, order: 0 };
  return chart("Accuracy of each run as a dot with its 95 % interval; the table has the numbers", runs.length > 4 ? "tall" : "mid", () => ({
    type: "bar",
    data: {
      labels: runs.map((run, index) => words[index] ? [run.name, words[index]] : run.name),
      datasets: [
        { ...interval, data: runs.map((run) => [100 * run.accuracy.low, 100 * run.accuracy.high]), backgroundColor: colour("--faint") },
        { ...dots, data: runs.map((run) => 100 * run.accuracy.share), pointBackgroundColor: runs.map((run) => series(INDEX.runs.indexOf(run))), pointBorderColor: colour("--back") },
      ],
    },
    options: {
      indexAxis: "y",
      scales: { x: { min: 0, max: 100, title: { display: true, text: "tasks fully correct, %" } }, y: { grid: { display: false } } },
      plugins: { legend: { display: false } },
    },
  }));
}

// What a solved task takes: up is better, left is cheaper.
function tokensChart(runs) {
  const mean = (run) => (run.prompt_tokens + run.reply_tokens) / run.accuracy.total;
  return chart("Accuracy against mean tokens of a task; the tables have the numbers", "tall", () => ({
    type: "scatter",
    data: { datasets: runs.map((run) => ({
      label: run.name, data: [{ x: mean(run), y: 100 * run.accuracy.share }], clip: false, pointRadius: 7, pointHoverRadius: 8,
      backgroundColor: series(INDEX.runs.indexOf(run)), borderColor: colour("--back") })) },
    options: {
      scales: { x: { beginAtZero: true, title: { display: true, text: "mean tokens of a task, prompt and reply" } }, y: { min: 0, max: 100, title: { display: true, text: "tasks fully correct, %" } } },
      plugins: { legend: { display: true, position: "bottom", labels: { boxWidth: 12 } } },
    },
  }));
}

function histogram(measure) {
  return chart(`Cases by ${measure.name}; the table has medians and totals`, "mid", () => ({
    type: "bar",
    data: { labels: measure.labels, datasets: measure.runs.map((name, index) => ({ label: name, data: measure.counts[index], backgroundColor: series(index) })) },
    options: {
      scales: { x: { title: { display: true, text: measure.axis }, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 8 } }, y: { beginAtZero: true, ticks: { precision: 0 }, title: { display: true, text: "cases" } } },
      plugins: { legend: { display: measure.runs.length > 1, position: "bottom", labels: { boxWidth: 12 } } },
    },
  }));
}
