"use strict";
// The charts of a comparison.

const data = JSON.parse(document.getElementById("data").textContent);
const NAMES = [["Run A", "desk"], ["Run B", "basket"]];

function bothRuns(values, options) {
  return (host, _detail, height) => drawChart(host, {
    time: data.time, height, axis: true, gutter: 58,
    series: values.map((v, n) => ({ label: NAMES[n][0], name: NAMES[n][1], values: v })),
    ...options,
  });
}

keepDrawn({
  growth: bothRuns(data.growth, {
    label: "Growth of 100 in both runs", format: (v) => grouped(v, 1), tickFormat: plain,
  }),
  drawdown: bothRuns(data.drawdown, {
    label: "Drawdown of both runs", zero: true,
    format: (v) => v === null ? "–" : `${grouped(100 * v, 1)}%`, tickFormat: (v) => `${plain(100 * v)}%`,
  }),
});
