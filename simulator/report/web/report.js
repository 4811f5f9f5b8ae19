"use strict";
// The report of one run.

const report = page.data;

function heading() {
  const what = report.timing_only ? "time only, no values" : report.result && report.result.ok === false
    ? "wrong result" : report.result && report.result.ok ? "result checked" : "result not checked";
  page.main.append(element("header", {},
    element("h1", {}, report.program ? `${report.program} on ${report.target}` : report.target),
    element("span", { class: "muted" }, what)));
}

function stopped() {
  const found = report.trap ? ["Trap", report.trap] : ["Deadlock", report.deadlock];
  if (!found[1]) return;
  page.main.append(element("section", { class: "card verdict bad" },
    element("p", {}, found[0]),
    ...Object.entries(found[1]).filter(([, value]) => typeof value !== "object")
      .map(([key, value]) => element("p", {}, `${key}: ${value}`)),
    ...(found[1].waiters || []).map((one) => element("p", { class: "mono" },
      `core ${one.core}: ${one.engine} waits for ${one.waits_for} at instruction ${one.instruction}: ${one.text}`))));
}

function hazards() {
  if (!report.hazards) return;
  const found = report.hazards.found;
  page.main.append(card("Hazards", `${whole(report.hazards.operations)} operations were checked.`,
    found.length === 0 ? element("p", {}, "None found.") : table([["kind"], ["where"], ["hint"]],
      found.map((one) => [one.kind, [one.memory, one.buffers, one.event].filter(Boolean).join(" "), one.hint || ""]))));
}

function verdict() {
  const box = element("section", { class: "card verdict" }, element("p", { id: "verdict" }, report.verdict));
  if (report.advice.length === 0) {
    box.append(element("p", { class: "muted" }, "Nothing stands out that a change of the mapping would help."));
  }
  for (const advice of report.advice) {
    const origin = advice.origin || {};
    const place = [origin.logic, origin.mapping, origin.rule].filter(Boolean).join(", ");
    box.append(element("div", { class: "advice" },
      element("b", { title: "share of the cycles that this is about" }, percent(advice.share)),
      element("div", {}, element("div", {}, marked(advice.problem)),
        element("div", { class: "change" }, marked(advice.change)),
        place ? element("div", { class: "mono muted" }, place) : null)));
  }
  page.main.append(box);
}

function tiles() {
  const dram = report.dram;
  const bursts = dram.row_hits + dram.row_misses;
  const energy = Object.values(report.energy_pj).reduce((sum, one) => sum + one, 0);
  const tile = (value, name) => element("div", { class: "tile" }, element("b", {}, value), element("span", {}, name));
  const bound = report.roofline.bound_cycles;
  page.main.append(element("div", { class: "tiles" },
    tile(whole(report.cycles), "cycles"),
    tile(seconds(report.seconds_at_clock), `at ${short(report.machine.clock_hz, "Hz")}`),
    tile(report.macs > 0 ? percent(report.mma_utilization, 1) : "-", "of the arrays used"),
    tile(bound > 0 ? `${(report.cycles / bound).toFixed(2)}×` : "-", "the roofline's cycles"),
    tile(bursts > 0 ? percent(dram.row_hits / bursts, 1) : "-", "DRAM row hits"),
    tile(energy > 0 ? joules(energy) : "-", "energy")));
}

/** The unit whose roof counts, and where the run stands under it. */
function roof() {
  const vector = report.macs === 0 || report.roofline.vector_cycles > report.roofline.mma_cycles;
  const edge = report.tensors.reduce((sum, one) => sum + one.bytes, 0);
  const least = report.tensors.reduce((sum, one) => sum + one.minimum_bytes, 0);
  const work = vector ? report.vector_elements : 2 * report.macs;
  const peak = vector ? report.machine.vector_elements_per_cycle : 2 * report.machine.macs_per_cycle;
  return { vector, work, peak, rate: report.machine.global_bytes_per_cycle,
    x: work / edge, best: least > 0 ? work / least : 0, y: work / report.cycles };
}

function draw_roofline(width) {
  const { x, y, best, peak, rate, vector } = roof();
  const height = 318, left = 52, right = 12, top = 34, bottom = 40;
  const ridge = peak / rate;
  const xs = [Math.min(x, ridge) / 4, Math.max(x, best, ridge) * 4].map(Math.log10);
  const ys = [Math.min(y, peak) / 4, peak * 2].map(Math.log10);
  const px = (value) => left + ((Math.log10(value) - xs[0]) / (xs[1] - xs[0])) * (width - left - right);
  const py = (value) => height - bottom - ((Math.log10(value) - ys[0]) / (ys[1] - ys[0])) * (height - top - bottom);
  const made = svg("svg", { height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "roofline" });
  const ticks = (range) => {
    const found = [];
    const steps = range[1] - range[0] > 2.5 ? [1] : [1, 2, 5];
    for (let e = Math.floor(range[0]); e <= range[1]; ++e) {
      for (const step of steps) if (step * 10 ** e >= 10 ** range[0] && step * 10 ** e <= 10 ** range[1]) found.push(step * 10 ** e);
    }
    return found;
  };
  for (const t of ticks(xs)) {
    made.append(svg("line", { x1: px(t), x2: px(t), y1: top, y2: height - bottom, stroke: "var(--line)" }),
      svg("text", { x: px(t), y: height - bottom + 16, "text-anchor": "middle" }, short(t)));
  }
  for (const t of ticks(ys)) {
    made.append(svg("line", { x1: left, x2: width - right, y1: py(t), y2: py(t), stroke: "var(--line)" }),
      svg("text", { x: left - 6, y: py(t) + 4, "text-anchor": "end" }, short(t)));
  }
  made.append(svg("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" },
    `operations per byte to and from GLOBAL`),
    svg("text", { x: 0, y: 12 }, "operations per cycle"));
  const start = Math.max(10 ** xs[0], 10 ** ys[0] / rate);
  made.append(svg("polyline", {
    points: [[start, start * rate], [ridge, peak], [10 ** xs[1], peak]].map((p) => `${px(p[0])},${py(p[1])}`).join(" "),
    fill: "none", stroke: "var(--text)", "stroke-width": 2, "stroke-linejoin": "round" }),
    svg("text", { x: width - right, y: py(peak) - 7, "text-anchor": "end" },
      `${vector ? "vector units" : "arrays"}: ${short(peak)} a cycle`));
  const limit = Math.min(peak, x * rate);
  made.append(svg("line", { x1: px(x), x2: px(x), y1: py(y), y2: py(limit), stroke: "var(--accent)", "stroke-dasharray": "4 3" }));
  if (best > x * 1.02) {
    made.append(svg("line", { x1: px(x), x2: px(best), y1: py(y), y2: py(y), stroke: "var(--muted)", "stroke-dasharray": "2 4" }),
      tipped(svg("circle", { cx: px(best), cy: py(y), r: 5, fill: "var(--card)", stroke: "var(--muted)", "stroke-width": 2 }),
        () => ["Each byte moved once", `${best.toFixed(1)} operations per byte`]));
  }
  made.append(tipped(svg("circle", { cx: px(x), cy: py(y), r: 7, fill: "var(--accent)", id: "run-point" }),
    () => ["This run", `${x.toFixed(1)} operations per byte`, `${y.toFixed(1)} operations a cycle`,
      `${percent(y / limit, 1)} of the roof above it`]));
  const end = px(x) > width - 190;
  made.append(svg("text", { class: "strong", x: end ? width - right : px(x) + 12, y: py(y) + 22, "text-anchor": end ? "end" : "start" },
    `this run: ${percent(y / limit)} of its roof`));
  return made;
}

function roofline() {
  const { x, best, peak } = roof();
  const box = element("div");
  const plot = Number.isFinite(x) && x > 0 && peak > 0
    ? drawn(box, draw_roofline) : element("p", { class: "muted" }, "Nothing is computed, or nothing moves.");
  const note = best > x * 1.02
    ? "The line is what the machine can do. The ring is where the run would stand if each byte moved once."
    : "The line is what the machine can do at that many operations per byte.";
  return card("Roofline", note, plot);
}

function bounds() {
  const rows = [["this run", report.cycles, "var(--accent)"], ["matrix arrays", report.roofline.mma_cycles, "var(--s-array)"],
    ["vector units", report.roofline.vector_cycles, "var(--s-setup)"], ["memory", report.roofline.memory_cycles, "var(--s-memory)"]];
  const most = Math.max(...rows.map((row) => row[1]));
  const made = element("div", { class: "rows" }, rows.flatMap(([name, cycles, fill]) => [
    element("span", {}, name), bar([[cycles / most, fill, `${name}: ${whole(cycles)} cycles`]]),
    element("span", { class: "value" }, whole(cycles))]));
  return card("Lower bounds", "Cycles that each part of the machine would take for this work alone, always in full use.", made, ...energy());
}

function energy() {
  const parts = Object.entries(report.energy_pj).sort((a, b) => b[1] - a[1]);
  const sum = parts.reduce((all, one) => all + one[1], 0);
  if (sum === 0) return [];
  return [element("h2", { style: "margin-top: 20px" }, "Energy"),
    element("p", { class: "note" }, `${joules(sum)}, by the description's prices per event.`),
    element("div", { class: "rows", id: "energy" }, parts.flatMap(([name, amount]) => [element("span", {}, name),
      bar([[amount / parts[0][1], "var(--s-setup)", `${name}: ${joules(amount)}`]]),
      element("span", { class: "value" }, percent(amount / sum, 1))]))];
}

function engine_shares() {
  const all = report.cycles * report.cores.length;
  const sums = new Map();
  for (const core of report.cores) {
    for (const [name, engine] of Object.entries(core.engines)) {
      if (!sums.has(name)) sums.set(name, {});
      const sum = sums.get(name);
      const add = (state, cycles) => { sum[state] = (sum[state] || 0) + cycles / all; };
      add("busy", engine.busy);
      add("draining", engine.draining);
      for (const [cause, cycles] of Object.entries(engine.stalled)) add(cause, cycles);
    }
  }
  const used = new Set();
  const rows = element("div", { class: "rows", id: "stalls" });
  for (const [name, sum] of sums) {
    const names = state_order(Object.keys(sum).filter((state) => sum[state] > 0));
    names.forEach((state) => used.add(state));
    rows.append(element("span", {}, name),
      bar(names.map((state) => [sum[state], `var(--s-${state}, var(--s-other))`,
        `${name}: ${percent(sum[state], 1)} ${state}, ${states[state] || "stalled"}`])),
      element("span", { class: "value" }, `${percent(sum.busy || 0)} busy`));
  }
  const detail = element("details", {}, element("summary", {}, "all numbers"),
    table([["core"], ["engine"], ["busy", true], ["stalled", true], ["draining", true], ["idle", true], ["stalled by"]],
      report.cores.flatMap((core, i) => Object.entries(core.engines).map(([name, engine]) => {
        const causes = Object.entries(engine.stalled).filter((one) => one[1] > 0).sort((a, b) => b[1] - a[1]);
        return [String(i), name, whole(engine.busy), whole(causes.reduce((sum, one) => sum + one[1], 0)),
          whole(engine.draining), whole(engine.idle), causes.map((one) => `${one[0]} ${percent(one[1] / report.cycles, 1)}`).join(", ")];
      }))));
  return card("Where the cycles go", "Share of the run that each engine spends in each state, all cores together; the rest is idle.",
    rows, legend(state_order(used)), detail);
}

function traffic() {
  const most = Math.max(1, ...report.tensors.map((one) => one.bytes));
  const tensors = element("div", { class: "rows", id: "tensors" }, report.tensors.flatMap((one) => {
    const over = one.minimum_bytes > 0 ? `${(one.bytes / one.minimum_bytes).toFixed(1)}×` : "extra";
    return [element("span", {}, `${one.tensor} ${one.direction === "read" ? "read" : "written"}`),
      bar([[one.minimum_bytes / most, "var(--s-array)", `${one.tensor}: ${bytes(one.minimum_bytes)} have to move`],
        [(one.bytes - one.minimum_bytes) / most, "var(--s-memory)", `${one.tensor}: ${bytes(one.bytes - one.minimum_bytes)} beyond that`]]),
      element("span", { class: "value" }, `${bytes(one.bytes)} ${over}`)];
  }));
  const edges = table([["edge"], ["used", true], ["on the bus", true], ["at least", true]],
    Object.entries(report.memory).map(([name, edge]) => [name.replace("->", " →\u00a0"), bytes(edge.bytes),
      edge.bus_bytes === edge.bytes ? "the same" : bytes(edge.bus_bytes),
      edge.minimum_bytes === undefined ? "" : bytes(edge.minimum_bytes)]));
  return card("Bytes", "Traffic of each tensor with GLOBAL: what has to move (each input once, each output once), and what moves beyond it.",
    tensors, element("div", { class: "legend" },
      element("span", {}, element("i", { style: "background: var(--s-array)" }), "has to move"),
      element("span", {}, element("i", { style: "background: var(--s-memory)" }), "beyond")),
    element("div", { style: "height: 12px" }), edges);
}

function dram() {
  const { row_hits: hits, row_misses: misses, row_conflicts: conflicts, turnarounds, refreshes } = report.dram;
  const all = hits + misses;
  const used = Object.entries(report.occupancy);
  const made = card("Memories", all > 0 ? `DRAM: ${percent(hits / all, 1)} of ${whole(all)} bursts met an open row.` : "DRAM was not used.");
  if (all > 0) {
    made.append(bar([[hits / all, "var(--s-array)", `${whole(hits)} row hits`],
      [(misses - conflicts) / all, "var(--s-wait_data)", `${whole(misses - conflicts)} rows opened`],
      [conflicts / all, "var(--s-port_shared)", `${whole(conflicts)} conflicts: another row had to be closed first`]]),
      element("div", { class: "legend", id: "dram" },
        ...[["--s-array", `${whole(hits)} hits`], ["--s-wait_data", `${whole(misses - conflicts)} opened`],
          ["--s-port_shared", `${whole(conflicts)} conflicts`]].map(([fill, text]) =>
          element("span", {}, element("i", { style: `background: var(${fill})` }), text)),
        element("span", {}, `${whole(turnarounds)} turns between reading and writing`),
        element("span", {}, `${whole(refreshes)} rows closed by refresh`)));
  }
  made.append(element("p", { class: "note", style: "margin-top: 14px" }, "Most of each on-chip memory that a core used."),
    element("div", { class: "rows" }, used.flatMap(([name, memory]) => [element("span", {}, name),
      bar([[memory.high_water_bytes / memory.size_bytes, "var(--s-wait_space)", `${name}: ${bytes(memory.high_water_bytes)}`]]),
      element("span", { class: "value" }, `${bytes(memory.high_water_bytes)} of ${bytes(memory.size_bytes)}`)])));
  if (report.mma_tiles.length > 0) {
    made.append(element("p", { class: "note", style: "margin-top: 14px" },
      `Tiles that the ${report.machine.array_rows} × ${report.machine.array_cols} array took (m × n × k).`),
      table([["tile"], ["how often", true], ["cycles each", true]], report.mma_tiles.slice(0, 4).map((one) =>
        [`${one.m} × ${one.n} × ${one.k}`, whole(one.executed), whole(one.busy / one.executed)])));
  }
  return made;
}

function lines() {
  const shown = report.lines.filter((line) => line.busy + line.stalled > 0).slice(0, 12);
  const most = Math.max(1, ...shown.map((line) => line.busy + line.stalled));
  const fills = { mma: "--s-busy", vector: "--s-setup", load: "--s-array", store: "--s-draining" };
  const rows = shown.map((line) => [
    element("span", { class: "mono muted", title: line.logic }, line.logic.split("/").pop()),
    element("code", {}, (line.text || "").trim()),
    bar([...Object.entries(line.engines).map(([engine, busy]) =>
      [busy / most, `var(${fills[engine] || "--s-other"})`, `${engine}: busy ${whole(busy)} cycles`]),
    [line.stalled / most, "var(--s-wait_data)", `waits ${whole(line.stalled)} cycles`]]),
    whole(line.busy), whole(line.stalled)]);
  const made = card("Hottest lines of the logic", "Cycles of all engines and cores that work for a line, and that wait at its instructions.",
    table([["place"], ["line"], ["cycles"], ["busy", true], ["waits", true]], rows, true),
    element("div", { class: "legend" }, ...Object.entries({ ...fills, waits: "--s-wait_data" }).map(([name, fill]) =>
      element("span", {}, element("i", { style: `background: var(${fill})` }), name))));
  made.id = "lines";
  return made;
}

heading();
stopped();
if (report.cycles !== undefined) {
  verdict();
  tiles();
  page.main.append(element("div", { class: "grid" }, roofline(), bounds()));
  if (report.timeline) page.main.append(new Timeline(report).card());
  page.main.append(engine_shares(), element("div", { class: "grid" }, traffic(), dram()), lines());
}
hazards();
