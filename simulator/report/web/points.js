"use strict";
// Pages of many runs: a sweep over machines, or the layers of a network.

const data = page.data;

function heading(title, note) {
  page.main.append(element("header", {}, element("h1", {}, title), element("span", { class: "muted" }, note)));
}

function tile(value, name) {
  return element("div", { class: "tile" }, element("b", {}, value), element("span", {}, name));
}

function failures(rows, name) {
  const failed = rows.filter((row) => row.status !== "ok");
  if (failed.length === 0) return;
  page.main.append(card("Failed", "These have no numbers; the others are not touched by it.",
    ...failed.map((row) => element("details", {}, element("summary", {}, `${name(row)}: ${row.status}`),
      element("pre", { class: "mono scroll" }, row.error || "")))));
}

// ---- the layers of a network

function workload() {
  const rows = data.layers, total = data.total;
  const done = rows.filter((row) => row.status === "ok");
  heading(data.workload, data.target ? `on ${data.target}` : "");
  page.main.append(element("div", { class: "tiles" },
    tile(short(total.cycles), "cycles"), tile(seconds(total.seconds_at_clock), "at the clock"),
    tile(short(total.macs), "multiply-accumulates"), tile(percent(total.mma_utilization, 1), "of the arrays used"),
    tile(joules(total.energy_pj), "energy"),
    tile(whole(rows.reduce((sum, row) => sum + row.count, 0)), "layers")));
  const most = Math.max(1, ...done.map((row) => row.cycles * row.count));
  const lines = done.map((row) => [
    row.name, whole(row.count), element("span", { class: "mono muted" }, row.sizes),
    tipped(bar([[row.bound_cycles * row.count / most, "var(--s-array)", `${row.name}: lower bound`],
      [(row.cycles - row.bound_cycles) * row.count / most, "var(--s-memory)", `${row.name}: beyond the bound`]]),
    () => [row.name, `${whole(row.cycles)} cycles each`, `${whole(row.bound_cycles)} at least`, row.verdict]),
    whole(row.cycles * row.count), percent(row.cycles * row.count / total.cycles, 1), percent(row.mma_utilization, 1)]);
  const made = card("Layers", "Cycles of each layer, all its repetitions together: what the roofline bounds it by, and what it takes beyond.",
    table([["layer"], ["count", true], ["sizes"], ["cycles"], ["", true], ["share", true], ["mma util", true]], lines, true),
    element("div", { class: "legend" }, element("span", {}, element("i", { style: "background: var(--s-array)" }), "roofline"),
      element("span", {}, element("i", { style: "background: var(--s-memory)" }), "beyond")));
  made.id = "layers";
  page.main.append(made);
  failures(rows, (row) => row.name);
}

// ---- a sweep

const point_name = (row) => Object.entries(row.fields).map(([key, value]) => `${key}=${value}`).join(" ");

/** Points that no other beats in both. */
function front(points, x, y) {
  const sorted = [...points].sort((a, b) => x(a) - x(b) || y(a) - y(b));
  const kept = [];
  for (const one of sorted) if (kept.length === 0 || y(one) < y(kept[kept.length - 1])) kept.push(one);
  return kept;
}

function scatter(points, x, y, names, width) {
  const height = 380, left = 60, right = 18, top = 24, bottom = 42;
  const made = svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Pareto picture" });
  const range = (f) => {
    const values = points.map(f), low = Math.min(...values), high = Math.max(...values);
    const room = (high - low) * 0.08 || high * 0.1 || 1;
    return [Math.max(0, low - room), high + room];
  };
  const [xs, ys] = [range(x), range(y)];
  const px = (v) => left + ((v - xs[0]) / (xs[1] - xs[0])) * (width - left - right);
  const py = (v) => height - bottom - ((v - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
  for (const tick of round_ticks(...ys, 4)) {
    made.append(svg("line", { x1: left, x2: width - right, y1: py(tick), y2: py(tick), stroke: "var(--line)" }),
      svg("text", { x: left - 6, y: py(tick) + 4, "text-anchor": "end", class: "tick" }, short(tick)));
  }
  for (const tick of round_ticks(...xs, width < 500 ? 3 : 6)) {
    made.append(svg("line", { x1: px(tick), x2: px(tick), y1: top, y2: height - bottom, stroke: "var(--line)" }),
      svg("text", { x: px(tick), y: height - bottom + 17, "text-anchor": "middle", class: "tick" }, short(tick)));
  }
  made.append(svg("text", { x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, names[0]),
    svg("text", { x: 0, y: 12 }, names[1]));
  const best = front(points, x, y);
  made.append(svg("polyline", { points: best.map((one) => `${px(x(one))},${py(y(one))}`).join(" "), fill: "none",
    stroke: "var(--accent)", "stroke-width": 2, "stroke-dasharray": "5 4" }));
  const energy = points.map((one) => one.energy_pj), most = Math.max(...energy) || 1;
  for (const one of points) {
    made.append(tipped(svg("circle", { cx: px(x(one)), cy: py(y(one)), r: 5 + 8 * Math.sqrt(one.energy_pj / most),
      fill: best.includes(one) ? "var(--accent)" : "var(--s-other)", "fill-opacity": 0.55,
      stroke: best.includes(one) ? "var(--accent)" : "var(--s-other)", class: "point" }),
    () => [point_name(one), `${whole(one.cycles)} cycles`, one.area_mm2 ? `${one.area_mm2.toFixed(2)} mm²` : "",
      joules(one.energy_pj), `arrays used ${percent(one.mma_utilization, 1)}`, one.verdict].filter(Boolean)));
  }
  return made;
}

function sweep() {
  const done = data.points.filter((row) => row.status === "ok");
  heading(`${data.program}: a sweep of ${data.target}`, `${data.points.length} points`);
  if (done.length > 0) {
    const area = done.every((row) => row.area_mm2 !== undefined);
    const y = area ? (row) => row.area_mm2 : (row) => row.energy_pj * 1e-6;
    const made = card("Cycles against " + (area ? "area" : "energy"),
      "Each circle is a machine; its size is the energy. Along the dashed line, nothing is better in both.",
      drawn(element("div"), (width) => scatter(done, (row) => row.cycles, y, ["cycles", area ? "mm² (proxy)" : "µJ"], width)));
    made.id = "pareto";
    page.main.append(made);
  }
  const fields = Object.keys(data.points[0].fields);
  const most = Math.max(1, ...done.map((row) => row.cycles));
  page.main.append(card("Points", "",
    table([...fields.map((name) => [name, true]), ["cycles"], ["", true], ["mma util", true], ["energy", true], ["mm²", true]],
      [...done].sort((a, b) => a.cycles - b.cycles).map((row) => [...fields.map((name) => String(row.fields[name])),
        bar([[row.cycles / most, "var(--s-busy)", row.verdict]]), whole(row.cycles), percent(row.mma_utilization, 1),
        joules(row.energy_pj), row.area_mm2 === undefined ? "-" : row.area_mm2.toFixed(2)]), true)));
  failures(data.points, point_name);
}

if (data.layers) workload(); else sweep();
