"use strict";
// The charts of a sweep.

const data = JSON.parse(document.getElementById("data").textContent);
const NAMES = [["Tuned", "desk"], ["As it was", "basket"]];

function bothCurves(values, options) {
  return (host, _detail, height) => drawChart(host, {
    time: data.time, height, axis: true, gutter: 58,
    series: values.map((v, n) => ({ label: NAMES[n][0], name: NAMES[n][1], values: v })),
    ...options,
  });
}

function spanOf(values) {
  const low = Math.min(...values, 0), high = Math.max(...values, 0);
  const room = 0.05 * (high - low || 1);
  return [low - room, high + room];
}

/** A dot a trial: training across, test up, and the line on which both are equal. */
function scatterChart(host, _detail, height) {
  const { train, test, said } = data.trials;
  host.replaceChildren();
  if (!train.length) { element("p", "empty", host, "No trial has both."); return; }
  const readout = element("div", "readout", host);
  const width = Math.min(Math.max(host.clientWidth, 200), 640);
  const left = 58, right = 12, top = 8, bottom = 44;
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "Every trial in training and in test" }, host);
  const [fromX, toX] = spanOf(train), [fromY, toY] = spanOf(test);
  const x = linear(fromX, toX, left, width - right);
  const y = linear(fromY, toY, height - bottom, top);
  for (const tick of niceTicks(fromY, toY, 4)) {
    shape("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }, svg);
    shape("text", { class: "tick", x: left - 8, y: y(tick), dy: "0.32em", "text-anchor": "end" }, svg, plain(tick));
  }
  for (const tick of niceTicks(fromX, toX, 6)) {
    shape("line", { class: tick === 0 ? "zero" : "grid", x1: x(tick), x2: x(tick), y1: top, y2: height - bottom }, svg);
    shape("text", { class: "tick", x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, svg, plain(tick));
  }
  shape("text", { class: "tick", x: width - right, y: height - 6, "text-anchor": "end" }, svg, "training →");
  shape("text", { class: "tick", x: 4, y: top + 4, dy: "0.32em" }, svg, "test ↑");
  const low = Math.max(fromX, fromY), high = Math.min(toX, toY);
  if (high > low) shape("line", { class: "guide", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }, svg);
  const show = (text) => readout.replaceChildren(text);
  show(`${train.length} trials`);
  train.forEach((value, n) => {
    const dot = shape("circle", { class: "dot", cx: x(value), cy: y(test[n]), r: 4 }, svg);
    dot.addEventListener("pointerenter", () =>
      show(`${said[n]}: ${grouped(value, 2)} in training, ${grouped(test[n], 2)} in test`));
  });
}

if (data.time) keepDrawn({
  growth: bothCurves(data.growth, {
    label: "Growth of 100 out of sample", format: (v) => grouped(v, 1), tickFormat: plain,
  }),
  drawdown: bothCurves(data.drawdown, {
    label: "Drawdown out of sample", zero: true,
    format: (v) => `${grouped(100 * v, 1)}%`, tickFormat: (v) => `${plain(100 * v)}%`,
  }),
  scatter: scatterChart,
});
