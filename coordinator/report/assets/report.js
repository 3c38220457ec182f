"use strict";
// The charts of one run's report.

const data = JSON.parse(document.getElementById("data").textContent);
const GUTTER = 58;

function hoursMatter(time) {
  return time.length > 1 && (time[time.length - 1] - time[0]) / time.length < 0.9 * DAY;
}

function shortMoney(value) {
  if (Math.abs(value) >= 1e6) return `${plain(value / 1e6)}m`;
  return Math.abs(value) >= 1e4 ? `${plain(value / 1e3)}k` : plain(value);
}

function equityChart(host, _detail, height) {
  const { time, equity, basket } = data.account;
  drawChart(host, {
    time, height, axis: true, gutter: GUTTER, label: "Equity and the equal-weight basket over time",
    hours: hoursMatter(time),
    format: (v) => `${grouped(v)} ${data.currency}`,
    tickFormat: shortMoney,
    series: [
      { label: "Basket", name: "basket", values: basket },
      { label: "Desk", name: "desk", values: equity },
    ],
  });
}

function drawdownChart(host, _detail, height) {
  const { time, drawdown } = data.account;
  drawChart(host, {
    time, height, axis: true, gutter: GUTTER, zero: true, spans: data.halts,
    label: "Drawdown over time", hours: hoursMatter(time),
    format: (v) => `${grouped(100 * v, 1)}%`, tickFormat: (v) => `${plain(100 * v)}%`,
    series: [{ label: "Drawdown", name: "loss", values: drawdown, area: true }],
  });
}

function largestOf(lists) {
  return Math.max(...lists.map((values) => Math.max(...values.map((v) => Math.abs(v || 0)))), 1e-9);
}

function tenthsUp(value) {
  return Math.ceil(value * 10 - 1e-9) / 10;
}

function exposureCharts(host, _detail, height) {
  const { time, rows } = data.exposure;
  const names = Object.keys(rows);
  const top = tenthsUp(largestOf(names.map((name) => rows[name])));
  host.replaceChildren();
  names.forEach((name, n) => {
    const row = element("div", "row", host);
    element("h3", "", row, name);
    const values = rows[name], last = n === names.length - 1;
    drawChart(element("div", "plot", row), {
      time, height, axis: last, gutter: 48, domain: [-1.35 * top, 1.35 * top], ticks: [-top, 0, top],
      label: `Net exposure to ${name} over equity`,
      tickFormat: (v) => v ? `${grouped(v, 1, true)}×` : "0",
      readout: (i) => [["", values[i] < 0 ? "loss" : "gain", `${grouped(values[i], 2, true)}×`]],
      series: [
        { name: "gain", values: values.map((v) => Math.max(v, 0)), area: true },
        { name: "loss", values: values.map((v) => Math.min(v, 0)), area: true },
      ],
    });
  });
}

function voteChart(host, agent, height) {
  const { time, rows } = data.votes;
  const top = tenthsUp(largestOf(Object.values(rows).flatMap((row) => [row.buy, row.sell])));
  const { buy, sell } = rows[agent];
  drawChart(host, {
    time, height, axis: true, gutter: 44, domain: [-top, top], ticks: [-top, 0, top],
    label: `Votes of ${agent} over time`,
    tickFormat: (v) => v ? grouped(Math.abs(v), 1) : "0",
    format: (v) => grouped(Math.abs(v), 2),
    series: [
      { label: "Buy", name: "gain", values: buy, area: true },
      { label: "Sell", name: "loss", values: sell, area: true },
    ],
  });
}

function varChart(host, _detail, height) {
  const { time, profit, hits } = data.var;
  drawChart(host, {
    time, height, axis: true, gutter: GUTTER, zero: true, spans: hits,
    label: "Profit of each bar and the VaR announced for it", hours: hoursMatter(time),
    format: (v) => `${grouped(v)} ${data.currency}`, tickFormat: shortMoney,
    series: [
      { label: "Profit", name: "basket", values: profit },
      { label: "VaR", name: "desk", values: data.var.var },
    ],
  });
}

keepDrawn({
  equity: equityChart, drawdown: drawdownChart, exposure: exposureCharts, votes: voteChart,
  var: varChart,
});
if (document.getElementById("trades")) tradeList(document.getElementById("trades"), data.trades);
