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

function accuracyChart(runs) {
  const bars = () => ({
    type: "bar",
    data: {
      labels: runs.map((run) => run.name),
      datasets: [
        { label: "95 % interval", data: runs.map((run) => [100 * run.accuracy.low, 100 * run.accuracy.high]),
          backgroundColor: colour("--text"), barThickness: 3, grouped: false, order: 0 },
        { label: "accuracy", data: runs.map((run) => 100 * run.accuracy.share),
          backgroundColor: runs.map((_, index) => series(index)), maxBarThickness: 26, grouped: false, order: 1 },
      ],
    },
    options: {
      indexAxis: "y",
      scales: { x: { min: 0, max: 100, title: { display: true, text: "tasks fully correct, %" } }, y: { grid: { display: false } } },
      plugins: { legend: { display: false } },
    },
  });
  return chart("Accuracy of each run with its 95 % interval; the table has the numbers", runs.length > 4 ? "tall" : "mid", bars);
}

function funnelChart(steps) {
  return chart("From tasks to lines of the skill; the table has the numbers", steps.length > 4 ? "tall" : "mid", () => ({
    type: "bar",
    data: { labels: steps.map((step) => step.label), datasets: [{ data: steps.map((step) => step.count), backgroundColor: series(0), maxBarThickness: 26 }] },
    options: { indexAxis: "y", scales: { x: { beginAtZero: true, ticks: { precision: 0 } }, y: { grid: { display: false } } }, plugins: { legend: { display: false } } },
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
