"use strict";
// One kind of chart: values over time, as lines or as areas from zero, with a readout.

const SVG = "http://www.w3.org/2000/svg";

function shape(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function element(name, className, parent, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function linePath(times, values, x, y) {
  let path = "", pen = "M";
  for (let i = 0; i < times.length; i++) {
    if (values[i] === null) { pen = "M"; continue; }
    path += `${pen}${x(times[i]).toFixed(1)} ${y(values[i]).toFixed(1)}`;
    pen = "L";
  }
  return path;
}

function areaPath(times, values, x, y) {
  const zero = y(0).toFixed(1);
  if (!times.length) return "";
  return `M${x(times[0]).toFixed(1)} ${zero}` +
    times.map((t, i) => `L${x(t).toFixed(1)} ${y(values[i] || 0).toFixed(1)}`).join("") +
    `L${x(times[times.length - 1]).toFixed(1)} ${zero}Z`;
}

function domainOf(spec) {
  if (spec.domain) return spec.domain;
  const all = spec.series.flatMap((s) => s.values.filter((v) => v !== null));
  let low = all.reduce((least, v) => Math.min(least, v), Infinity);
  let high = all.reduce((most, v) => Math.max(most, v), -Infinity);
  if (spec.zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
  if (low === high) { low -= 1; high += 1; }
  const room = 0.04 * (high - low);
  return [spec.zero && low === 0 ? 0 : low - room, spec.zero && high === 0 ? 0 : high + room];
}

/** spec: {time, series: [{label, name, values, area}], height, format, ticks, tickFormat, axis,
 *  zero, domain, spans, label}. Draws at the present width; `drawn` nodes are replaced. */
function drawChart(host, spec) {
  host.replaceChildren();
  if (spec.time.length < 2) { element("p", "empty", host, "Too few bars to draw."); return; }
  const readout = element("div", "readout", host);
  const width = Math.max(host.clientWidth, 200);
  const left = spec.gutter, right = 6, top = 6, bottom = spec.axis ? 24 : 4;
  const height = spec.height + (spec.axis ? 20 : 0);
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": spec.label }, host);
  const [low, high] = domainOf(spec);
  const first = spec.time[0], last = spec.time[spec.time.length - 1];
  const x = linear(first, last, left, width - right);
  const y = linear(low, high, height - bottom, top);
  for (const [from, to] of spec.spans || []) {
    const begin = x(Math.max(from, first)), end = x(Math.min(to, last));
    shape("rect", { class: "span", x: begin, y: top, width: Math.max(end - begin, 1),
      height: height - top - bottom }, svg);
  }
  for (const tick of spec.ticks || niceTicks(low, high, Math.max(2, spec.height / 60))) {
    const at = y(tick).toFixed(1);
    shape("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: width - right, y1: at, y2: at }, svg);
    shape("text", { class: "tick", x: left - 8, y: at, dy: "0.32em", "text-anchor": "end" }, svg,
      spec.tickFormat(tick));
  }
  if (spec.axis) {
    for (const tick of timeTicks(first, last, Math.floor((width - left) / 70))) {
      const at = x(tick.at);
      shape("line", { class: "mark", x1: at, x2: at, y1: height - bottom, y2: height - bottom + 4 }, svg);
      const anchor = at > width - 24 ? "end" : "middle";
      shape("text", { class: "tick", x: at, y: height - 4, "text-anchor": anchor }, svg, tick.label);
    }
  }
  for (const series of spec.series) {
    const path = series.area ? areaPath : linePath;
    shape("path", { class: `${series.area ? "area" : "line"} ${series.name}`,
      d: path(spec.time, series.values, x, y) }, svg);
  }
  follow(svg, spec, readout, { x, top, bottom: height - bottom, left, right: width - right });
}

/** The readout shows the last values, or those under the pointer. */
function follow(svg, spec, readout, box) {
  const cursor = shape("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" }, svg);
  const show = (index) => {
    readout.replaceChildren();
    const groups = spec.readout ? spec.readout(index) : spec.series.map((s) => [s.label, s.name,
      spec.format(s.values[index])]);
    for (const [label, name, text] of groups) {
      const key = element("span", `key ${name}`, readout, label ? `${label} ` : "");
      element("b", "", key, text);
    }
    element("span", "when", readout, dateOf(spec.time[index], spec.hours));
  };
  show(spec.time.length - 1);
  const span = spec.time[spec.time.length - 1] - spec.time[0];
  svg.addEventListener("pointermove", (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    const share = (at - box.left) / (box.right - box.left);
    const index = nearest(spec.time, spec.time[0] + Math.min(Math.max(share, 0), 1) * span);
    const here = box.x(spec.time[index]);
    cursor.setAttribute("x1", here);
    cursor.setAttribute("x2", here);
    cursor.setAttribute("visibility", "visible");
    show(index);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    show(spec.time.length - 1);
  });
}

/** Draws every chart of the page now and whenever the width changes. */
function keepDrawn(drawers) {
  const draw = () => {
    for (const host of document.querySelectorAll("[data-chart]")) {
      const [name, detail] = host.dataset.chart.split(/:(.*)/s);
      if (drawers[name]) drawers[name](host, detail, Number(host.dataset.height));
    }
  };
  let width = window.innerWidth, waiting = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  });
  draw();
}
