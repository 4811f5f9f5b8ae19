"use strict";
// The timeline: states of engines, single operations, occupancy and traffic over the cycles of a run.

class Timeline {
  constructor(report) {
    this.report = report;
    this.cycles = report.cycles;
    this.width = report.timeline.bucket_cycles;
    this.view = [0, Math.max(1, this.cycles)];
    this.cores = new Set([0]);
    this.engines = report.timeline.engines.map((engine) => this.prepare(engine));
    this.canvas = element("canvas", {
      tabindex: "0", role: "img",
      "aria-label": "timeline; drag to move, wheel or plus and minus keys to zoom",
    });
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Running sums of a list of sums over stretches, to sum over any range of cycles at once. */
  sums(values) {
    const running = new Float64Array(values.length + 1);
    values.forEach((value, i) => { running[i + 1] = running[i] + value; });
    return running;
  }

  /** Sum of what happened before cycle `at`. */
  before(running, at) {
    const stretches = running.length - 1;
    const i = Math.min(stretches - 1, Math.max(0, Math.floor(at / this.width)));
    if (stretches === 0) return 0;
    const length = Math.min(this.width, this.cycles - i * this.width);
    const part = Math.min(1, Math.max(0, (at - i * this.width) / length));
    return running[i] + part * (running[i + 1] - running[i]);
  }

  prepare(engine) {
    const names = state_order(Object.keys(engine.states));
    const operations = [];
    for (let i = 0; i + 3 < engine.operations.length; i += 4) {
      const [begin, length, instruction, amount] = engine.operations.slice(i, i + 4);
      operations.push({ begin, end: begin + length, instruction, amount });
    }
    return {
      kind: "engine", core: engine.core, name: engine.engine, names, operations,
      running: names.map((name) => this.sums(engine.states[name])),
    };
  }

  /** The tracks that are shown, with their heights. */
  tracks() {
    const shown = this.engines.filter((engine) => this.cores.has(engine.core))
      .map((engine) => ({ ...engine, height: engine.operations.length > 0 ? 34 : 20 }));
    for (const memory of Object.keys(this.report.occupancy)) {
      const lists = this.report.timeline.occupancy.filter((one) => one.memory === memory && this.cores.has(one.core));
      if (lists.length === 0) continue;
      const mean = lists[0].bytes.map((_, i) => lists.reduce((sum, one) => sum + one.bytes[i], 0) / lists.length);
      const size = this.report.occupancy[memory].size_bytes;
      shown.push({
        kind: "level", name: `${memory} in use`, values: mean, top: size, height: 40, fill: "--s-wait_space",
        tell: (value) => `${bytes(value)} of ${bytes(size)} (${percent(value / size)})`,
      });
    }
    const rate = this.report.machine.global_bytes_per_cycle;
    for (const [key, name, fill] of [["read_bytes", "GLOBAL read", "--s-busy"], ["write_bytes", "GLOBAL written", "--s-memory"]]) {
      const values = this.report.timeline.traffic[key].map((sum, i) =>
        sum / Math.min(this.width, this.cycles - i * this.width));
      shown.push({
        kind: "level", name: `${name}, all cores`, values, top: rate, height: 40, fill,
        tell: (value) => `${value.toFixed(1)} B a cycle, ${percent(value / rate)} of the peak`,
      });
    }
    return shown;
  }

  draw() {
    const width = Math.floor(this.canvas.parentElement ? this.canvas.parentElement.clientWidth : 0);
    if (width === 0) return;
    const label = 17;
    this.shown = this.tracks();
    let y = 24;
    for (const track of this.shown) {
      track.y = y + label;
      y = track.y + track.height + 5;
    }
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = y * ratio;
    this.canvas.style.height = `${y}px`;
    const c = this.canvas.getContext("2d");
    c.scale(ratio, ratio);
    this.pixels = width;
    this.axis(c, width, y);
    for (const track of this.shown) {
      c.font = `12px ${getComputedStyle(document.body).fontFamily}`;
      c.fillStyle = css("--muted");
      c.textBaseline = "alphabetic";
      const core = track.kind === "engine" && this.report.machine.cores > 1 ? `core ${track.core} ` : "";
      c.fillText(core + track.name, 2, track.y - 4);
      c.fillStyle = css("--idle");
      c.fillRect(0, track.y, width, track.kind === "engine" ? 20 : track.height);
      if (track.kind === "engine") this.draw_engine(c, track, width);
      else this.draw_level(c, track, width);
    }
  }

  cycle_at(x) { return this.view[0] + (x / this.pixels) * (this.view[1] - this.view[0]); }
  x_of(cycle) { return ((cycle - this.view[0]) / (this.view[1] - this.view[0])) * this.pixels; }

  axis(c, width, height) {
    const span = this.view[1] - this.view[0];
    const rough = span / Math.max(2, width / 110);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = Math.max(1, [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough));
    c.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    c.textBaseline = "alphabetic";
    for (let t = Math.ceil(this.view[0] / step) * step; t <= this.view[1]; t += step) {
      const x = this.x_of(t);
      c.fillStyle = css("--line");
      c.fillRect(x, 14, 1, height - 14);
      c.fillStyle = css("--muted");
      const text = whole(t);
      const needed = c.measureText(text).width + 4;
      c.fillText(text, x + needed < width ? x + 3 : x - needed, 12);
    }
  }

  draw_engine(c, track, width) {
    const colors = track.names.map(color);
    for (let x = 0; x < width; ++x) {
      const from = this.cycle_at(x), to = this.cycle_at(x + 1);
      let y = track.y + 20;
      track.running.forEach((running, i) => {
        const share = (this.before(running, to) - this.before(running, from)) / (to - from);
        if (share <= 0) return;
        c.fillStyle = colors[i];
        c.fillRect(x, y - 20 * share, 1, 20 * share);
        y -= 20 * share;
      });
    }
    if (track.operations.length === 0) return;
    const [first, last] = this.range(track.operations);
    const y = track.y + 22;
    c.font = "10px ui-monospace, monospace";
    let right = -1;
    for (let i = first; i < last; ++i) {
      const operation = track.operations[i];
      const x0 = this.x_of(operation.begin), x1 = this.x_of(operation.end);
      if (x1 < right + 0.7) continue;  // hidden by the one before
      right = x1;
      c.fillStyle = color("busy");
      c.globalAlpha = 0.85;
      c.fillRect(x0, y, Math.max(0.7, x1 - x0 - (x1 - x0 > 3 ? 1 : 0)), 12);
      c.globalAlpha = 1;
      const text = this.text_of(operation);
      const left = Math.max(0, x0) + 3;
      if (Math.min(width, x1) - left > 34) {
        c.save();
        c.beginPath();
        c.rect(x0, y, x1 - x0 - 2, 12);
        c.clip();
        c.fillStyle = "#fff";
        c.fillText(text, left, y + 9.5);
        c.restore();
      }
    }
  }

  text_of(operation) {
    const known = this.report.timeline.instructions[operation.instruction];
    return known ? known.text : `instruction ${operation.instruction}`;
  }

  /** Indices of the operations that lie in the view. */
  range(operations) {
    const search = (test) => {
      let low = 0, high = operations.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (test(operations[middle])) high = middle; else low = middle + 1;
      }
      return low;
    };
    return [search((one) => one.end > this.view[0]), search((one) => one.begin >= this.view[1])];
  }

  draw_level(c, track, width) {
    c.fillStyle = css(track.fill);
    if (!track.running) track.running = this.sums(track.values.map((value, i) =>
      value * Math.min(this.width, this.cycles - i * this.width)));
    for (let x = 0; x < width; ++x) {
      const from = this.cycle_at(x), to = this.cycle_at(x + 1);
      const level = (this.before(track.running, to) - this.before(track.running, from)) / (to - from);
      const height = Math.min(1, level / track.top) * track.height;
      c.fillRect(x, track.y + track.height - height, 1, height);
    }
  }

  zoom(factor, x = this.pixels / 2) {
    const at = this.cycle_at(x);
    const least = Math.min(this.cycles, 8);
    const span = Math.min(this.cycles, Math.max(least, (this.view[1] - this.view[0]) * factor));
    this.look(at - (x / this.pixels) * span, span);
  }

  look(begin, span) {
    const from = Math.max(0, Math.min(this.cycles - span, begin));
    this.view = [from, from + span];
    this.canvas.dataset.view = `${Math.round(from)} ${Math.round(from + span)}`;
    this.draw();
  }

  listen() {
    const at = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", (event) => this.zoom(0.25, at(event)));
    let grabbed = null;
    this.canvas.addEventListener("pointerdown", (event) => { grabbed = [at(event), ...this.view]; });
    addEventListener("pointerup", () => { grabbed = null; });
    this.canvas.addEventListener("pointermove", (event) => {
      if (grabbed) {
        const span = grabbed[2] - grabbed[1];
        this.look(grabbed[1] - ((at(event) - grabbed[0]) / this.pixels) * span, span);
      }
      this.hover(event, at(event));
    });
    this.canvas.addEventListener("pointerleave", hide_tip);
    this.canvas.addEventListener("keydown", (event) => {
      const span = this.view[1] - this.view[0];
      if (event.key === "+" || event.key === "=") this.zoom(0.5);
      else if (event.key === "-") this.zoom(2);
      else if (event.key === "0") this.look(0, this.cycles);
      else if (event.key === "ArrowLeft") this.look(this.view[0] - span / 4, span);
      else if (event.key === "ArrowRight") this.look(this.view[0] + span / 4, span);
      else return;
      event.preventDefault();
    });
  }

  hover(event, x) {
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    const track = (this.shown || []).find((one) => y >= one.y - 17 && y < one.y + one.height + 5);
    if (!track) return hide_tip();
    const from = this.cycle_at(x), to = Math.min(this.cycles, this.cycle_at(x + 1));
    const when = `cycle ${whole(Math.floor(from))}`;
    if (track.kind === "level") {
      const level = (this.before(track.running, to) - this.before(track.running, from)) / (to - from);
      return show_tip(event, [`${track.name}, ${when}`, track.tell(level)]);
    }
    const lines = [`core ${track.core} ${track.name}, ${when}`];
    const inside = y >= track.y + 21 ? track.operations.find((one) => from < one.end && to > one.begin) : null;
    if (inside) {
      const known = this.report.timeline.instructions[inside.instruction] || {};
      lines.push(this.text_of(inside));
      for (const key of ["logic", "mapping", "rule"]) if (known[key]) lines.push(`${key}: ${known[key]}`);
      lines.push(`cycles ${whole(inside.begin)} to ${whole(inside.end)}: ${whole(inside.end - inside.begin)}`);
      const units = { mma: "multiply-accumulates", vector: "points" };
      lines.push(`${whole(inside.amount)} ${units[track.name] || "bytes"}`);
    } else {
      let rest = 1;
      track.running.forEach((running, i) => {
        const share = (this.before(running, to) - this.before(running, from)) / (to - from);
        rest -= share;
        if (share > 0.004) lines.push(`${percent(share)} ${track.names[i]}: ${states[track.names[i]] || "stalled"}`);
      });
      if (rest > 0.004) lines.push(`${percent(rest)} idle`);
    }
    show_tip(event, lines);
  }

  /** The card with its buttons. */
  card() {
    const tools = element("div", { class: "tools" },
      element("button", { onclick: () => this.zoom(0.5), id: "zoom-in", "aria-label": "zoom in" }, "+"),
      element("button", { onclick: () => this.zoom(2), "aria-label": "zoom out" }, "−"),
      element("button", { onclick: () => this.look(0, this.cycles) }, "whole run"));
    const cores = this.report.machine.cores;
    if (cores > 1) {
      for (let core = 0; core < cores && core < 16; ++core) {
        const button = element("button", { "aria-pressed": String(core === 0) }, `core ${core}`);
        button.addEventListener("click", () => {
          if (this.cores.has(core) && this.cores.size > 1) this.cores.delete(core); else this.cores.add(core);
          button.setAttribute("aria-pressed", String(this.cores.has(core)));
          this.draw();
        });
        tools.append(button);
      }
    }
    const until = this.report.timeline.operations_until;
    const note = "What each engine does, over the cycles. Drag to move, wheel or + and - to zoom; point at "
      + "something to read it." + (until === undefined ? "" :
      ` Single operations (the lower strips) are shown up to cycle ${whole(until)}.`);
    const used = new Set(this.engines.flatMap((engine) => engine.names));
    return card("Timeline", note, tools, element("div", {}, this.canvas), legend(state_order(used)));
  }
}
