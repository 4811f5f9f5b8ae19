"use strict";
// What the pages share: elements, numbers, colours, the box that follows the pointer.

const page = {
  main: document.querySelector("main"),
  tip: document.getElementById("tip"),
  data: JSON.parse(document.getElementById("data").textContent),
};

/** An element with attributes, `on...` handlers and children (texts or elements). */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  fill(made, attributes, children);
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(made, attributes, children);
  return made;
}

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) made.append(child);
}

/** A card of the page, with its heading. */
function card(title, note, ...children) {
  const made = element("section", { class: "card" }, element("h2", {}, title));
  if (note) made.append(element("p", { class: "note" }, note));
  made.append(...children);
  return made;
}

/** Draws into `box` now and whenever its width changes. */
function drawn(box, draw) {
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.floor(box.clientWidth);
    if (now === width || now === 0) return;
    width = now;
    box.replaceChildren(draw(now));
  }).observe(box);
  return box;
}

/** Text in which `words` between backquotes are code. */
const marked = (text) => text.split("`").map((part, i) => (i % 2 === 1 ? element("code", {}, part) : part));

const group = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const whole = (value) => group.format(value);
const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

/** 12.3 k, 4.56 M: three digits and a prefix. */
function short(value, unit = "", step = 1000) {
  const prefixes = step === 1024 ? ["", "Ki", "Mi", "Gi", "Ti"] : ["", "k", "M", "G", "T", "P"];
  let size = Math.abs(value), at = 0;
  while (size >= step && at + 1 < prefixes.length) { size /= step; ++at; }
  const digits = Number.isInteger(size) ? 0 : size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = `${value < 0 ? "-" : ""}${size.toFixed(digits)} ${prefixes[at]}${unit}`;
  return text.trim();
}
const bytes = (value) => short(value, "B", 1024);
/** A value of the first unit, in the unit that fits. */
function in_unit(value, units) {
  let at = 0;
  while (value >= 1000 && at + 1 < units.length) { value /= 1000; ++at; }
  return `${short(value)} ${units[at]}`;
}
const joules = (picojoules) => in_unit(picojoules, ["pJ", "nJ", "µJ", "mJ", "J"]);
const seconds = (value) => in_unit(value * 1e9, ["ns", "µs", "ms", "s"]);

/** Round numbers from low to high, about `count` of them. */
function round_ticks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((one) => one * power >= raw * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; ++i) ticks.push(i * step);
  return ticks;
}

const color = (state) => {
  const known = css(`--s-${state}`);
  return known || css("--s-other");
};
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** States in the order in which they are stacked, and what they mean. */
const states = {
  busy: "works", draining: "results on their way", memory: "waits for memory",
  wait_data: "waits for data", wait_space: "waits for a free buffer",
  wait_event: "waits for another engine", barrier: "waits at a barrier", setup: "decodes a copy",
  sync: "passes a sync", dependence: "waits for its own results",
  port_shared: "waits for a scratchpad port", port_register: "waits for an accumulator port",
  array: "waits for the array", queue_full: "an engine's queue is full", launch: "is being launched",
  interconnect: "waits for its turn to memory",
};
const state_order = (names) => {
  const known = Object.keys(states);
  const rank = (name) => (known.indexOf(name) + known.length + 1) % (known.length + 1);
  return [...names].sort((a, b) => rank(a) - rank(b));
};

function legend(names) {
  return element("div", { class: "legend" }, names.map((name) => element("span", {},
    element("i", { style: `background: var(--s-${name}, var(--s-other))` }),
    `${name}: ${states[name] || "stalled"}`)));
}

/** A bar of parts [share, css colour, text for the pointer]. */
function bar(parts) {
  return element("div", { class: "bar" }, parts.filter((part) => part[0] > 0).map(([share, fill, text]) =>
    tipped(element("i", { style: `width: ${100 * share}%; background: ${fill}` }), () => [text])));
}

function show_tip(event, lines) {
  page.tip.replaceChildren(...lines.map((line, i) =>
    element("div", i === 0 ? { style: "font-weight: 600" } : {}, line)));
  page.tip.style.display = "block";
  const box = page.tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - box.width - 6);
  const below = event.clientY + 16;
  const top = below + box.height > innerHeight - 6 ? event.clientY - box.height - 12 : below;
  page.tip.style.left = `${Math.max(6, left)}px`;
  page.tip.style.top = `${Math.max(6, top)}px`;
}
const hide_tip = () => { page.tip.style.display = "none"; };

/** Shows the lines that `text` gives while the pointer is on the element. */
function tipped(target, text) {
  target.addEventListener("pointermove", (event) => show_tip(event, text()));
  target.addEventListener("pointerleave", hide_tip);
  return target;
}

/** A table; columns are [heading, numeric]. With `stacks`, its cells stand below each other on narrow screens. */
function table(columns, rows, stacks = false) {
  const cell = (tag, i, content) =>
    element(tag, { class: columns[i][1] ? "num" : undefined, "data-label": columns[i][0] }, content);
  return element("div", { class: "scroll" }, element("table", { class: stacks ? "stacks" : undefined },
    element("thead", {}, element("tr", {}, columns.map((column, i) => cell("th", i, column[0])))),
    element("tbody", {}, rows.map((row) => element("tr", {}, row.map((content, i) => cell("td", i, content)))))));
}
