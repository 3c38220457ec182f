"use strict";
// The list of trades: sorts by any column, filters, shows a page at a time, saves as CSV.

const PAGE = 25;

function wordsOf(code) {
  const text = code.replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function pricesOf(value) {
  return value === null ? "–" : grouped(value, value >= 20 ? 3 : 5);
}

function tradeColumns(t) {
  return [
    { title: "Opened", key: (i) => t.opened[i], text: (i) => dateOf(t.opened[i]), left: true },
    { title: "Closed", key: (i) => t.closed[i] ?? Infinity, left: true, wide: true,
      text: (i) => t.closed[i] === null ? "open" : dateOf(t.closed[i]) },
    { title: "Instrument", key: (i) => t.symbols[t.symbol[i]], text: (i) => t.symbols[t.symbol[i]], left: true },
    { title: "Side", key: (i) => t.long[i], text: (i) => t.long[i] ? "Long" : "Short", left: true },
    { title: "Units", key: (i) => t.units[i], text: (i) => grouped(t.units[i]), wide: true },
    { title: "Entry", key: (i) => t.entry[i], text: (i) => pricesOf(t.entry[i]), wide: true },
    { title: "Exit", key: (i) => t.exit[i] ?? -1, text: (i) => pricesOf(t.exit[i]), wide: true },
    { title: `P&L ${t.currency}`, key: (i) => t.pnl[i], text: (i) => grouped(t.pnl[i], 0, true), signed: true },
    { title: "Costs", key: (i) => t.costs[i], text: (i) => grouped(t.costs[i], 2), wide: true },
    { title: "Days", key: (i) => t.days[i], text: (i) => grouped(t.days[i], t.days[i] < 10 ? 1 : 0), wide: true },
    { title: "Ended by", key: (i) => t.exits[t.reason[i]], text: (i) => wordsOf(t.exits[t.reason[i]]), left: true },
  ];
}

function chooser(parent, label, options, changed) {
  const wrapper = element("label", "", parent, label);
  const select = element("select", "", wrapper);
  for (const [value, text] of [["", "All"], ...options]) {
    const option = element("option", "", select, text);
    option.value = value;
  }
  select.addEventListener("change", changed);
  return select;
}

function csvOf(t, rows) {
  const iso = (s) => s === null ? "" : new Date(s * 1000).toISOString();
  const head = "opened,closed,instrument,side,units,entry_price,exit_price,days,ended_by,costs,pnl,decision";
  return [head, ...rows.map((i) => [iso(t.opened[i]), iso(t.closed[i]), t.symbols[t.symbol[i]],
    t.long[i] ? "LONG" : "SHORT", t.units[i], t.entry[i], t.exit[i] ?? "", t.days[i],
    t.exits[t.reason[i]], t.costs[i], t.pnl[i], t.decision[i]].join(","))].join("\n") + "\n";
}

function tradeList(host, t) {
  const columns = tradeColumns(t);
  let sorted = { column: 0, falling: true }, shown = PAGE;
  host.replaceChildren();
  const controls = element("div", "controls", host);
  const again = () => { shown = PAGE; render(); };
  const named = (names) => names.map((name, n) => [String(n), name.includes("_") && name === name.toUpperCase() && name.length > 8 ? wordsOf(name) : name]);
  const symbol = chooser(controls, "Instrument", named(t.symbols), again);
  const side = chooser(controls, "Side", [["1", "Long"], ["0", "Short"]], again);
  const reason = chooser(controls, "Ended by", t.exits.map((name, n) => [String(n), wordsOf(name)]), again);
  const result = chooser(controls, "Result", [["won", "Won"], ["lost", "Lost"]], again);
  const save = element("button", "", controls, "Save as CSV");
  const summary = element("p", "note", host);
  const table = element("table", "trades", element("div", "scroll", host));
  const head = element("tr", "", element("thead", "", table));
  const body = element("tbody", "", table);
  const more = element("button", "more", host);
  columns.forEach((column, n) => {
    const cell = element("th", `${column.left ? "left" : "right"}${column.wide ? " wide" : ""}`, head);
    cell.scope = "col";
    element("button", "", cell, column.title).addEventListener("click", () => {
      sorted = { column: n, falling: sorted.column === n ? !sorted.falling : !column.left };
      render();
    });
  });
  const passing = () => t.opened.map((_, i) => i).filter((i) =>
    (symbol.value === "" || t.symbol[i] === Number(symbol.value)) &&
    (side.value === "" || t.long[i] === Number(side.value)) &&
    (reason.value === "" || t.reason[i] === Number(reason.value)) &&
    (result.value === "" || (result.value === "won") === t.pnl[i] > 0));
  const ordered = () => {
    const key = columns[sorted.column].key, turn = sorted.falling ? -1 : 1;
    return passing().sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a - b) * turn);
  };
  const render = () => {
    const rows = ordered();
    const total = rows.reduce((sum, i) => sum + t.pnl[i], 0);
    const open = rows.filter((i) => t.closed[i] === null).length;
    summary.textContent = `${grouped(rows.length)} trades${open ? `, ${open} of them still open` : ""}; ` +
      `together ${grouped(total, 0, true)} ${t.currency}.`;
    [...head.children].forEach((cell, n) => cell.setAttribute("aria-sort",
      n !== sorted.column ? "none" : sorted.falling ? "descending" : "ascending"));
    body.replaceChildren();
    for (const i of rows.slice(0, shown)) {
      const row = element("tr", "", body);
      for (const column of columns) {
        const colour = column.signed && t.pnl[i] < 0 ? " loss" : "";
        element("td", `${column.left ? "left" : "right"}${column.wide ? " wide" : ""}${colour}`, row, column.text(i));
      }
    }
    const left = rows.length - shown;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(left, 100)} more of ${grouped(left)}`;
  };
  more.addEventListener("click", () => { shown += 100; render(); });
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csvOf(t, ordered())], { type: "text/csv" }));
    link.download = "trades.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  render();
}
