"use strict";
// Scales, ticks and numbers.

const MINUS = "\u2212";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86400;

function grouped(value, digits = 0, sign = false) {
  if (value === null || !Number.isFinite(value)) return "–";
  const text = Math.abs(value).toLocaleString("en-US", {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
  const isZero = Number(text.replace(/,/g, "")) === 0;
  const lead = value < 0 && !isZero ? MINUS : sign && !isZero ? "+" : "";
  return lead + text;
}

/** With as many decimals, up to two, as the number has. */
function plain(value) {
  const digits = [0, 1].find((d) => Math.abs(value - Number(value.toFixed(d))) < 1e-6) ?? 2;
  return grouped(value, digits);
}

function dateOf(seconds, withHours = false) {
  const d = new Date(seconds * 1000);
  const day = `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
  if (!withHours) return day;
  const two = (n) => String(n).padStart(2, "0");
  return `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
}

function linear(from, to, start, end) {
  const slope = to === from ? 0 : (end - start) / (to - from);
  return (value) => start + (value - from) * slope;
}

/** Round numbers between low and high, about `count` of them. */
function niceTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  if (!(rough > 0)) return [low];
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++) ticks.push(n * step);
  return ticks;
}

/** Starts of years, months, days or hours between two times, at most `count` of them. */
function timeTicks(from, to, count) {
  const years = (to - from) / (365.25 * DAY);
  const label = { year: (d) => `${d.getUTCFullYear()}`,
    month: (d) => d.getUTCMonth() ? MONTHS[d.getUTCMonth()] : `${d.getUTCFullYear()}`,
    day: (d) => `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`,
    hour: (d) => d.getUTCHours() ? `${d.getUTCHours()}:00` : `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}` };
  const ticks = [];
  const push = (ms, kind) => {
    if (ms / 1000 >= from && ms / 1000 <= to) ticks.push({ at: ms / 1000, label: label[kind](new Date(ms)) });
  };
  const first = new Date(from * 1000);
  const yearStep = [1, 2, 5, 10, 20].find((s) => years / s <= count) || 50;
  if (years >= 2 && years / yearStep >= 2) {
    const start = Math.ceil(first.getUTCFullYear() / yearStep) * yearStep;
    for (let y = start; Date.UTC(y, 0) / 1000 <= to; y += yearStep) push(Date.UTC(y, 0), "year");
    return ticks;
  }
  const monthStep = [1, 2, 3, 6].find((s) => (years * 12) / s <= count) || 12;
  if (years * 12 >= 3) {
    for (let m = 0; m <= years * 12 + 2; m += 1) {
      const ms = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + m);
      if (new Date(ms).getUTCMonth() % monthStep === 0) push(ms, "month");
    }
    return ticks;
  }
  const days = (to - from) / DAY;
  const hourSteps = [1, 2, 3, 6, 12, 24, 48, 120, 168, 336];
  const step = hourSteps.find((h) => (days * 24) / h <= count) || 720;
  const start = Math.ceil(from / (step * 3600)) * step * 3600;
  for (let t = start; t <= to; t += step * 3600) push(t * 1000, step >= 24 ? "day" : "hour");
  return ticks;
}

/** Index of the time nearest to `at` in a rising list. */
function nearest(times, at) {
  let low = 0, high = times.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle; else high = middle;
  }
  return at - times[low] < times[high] - at ? low : high;
}
