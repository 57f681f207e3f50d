// Formatting of numbers, times and sizes.

import { labels } from "./labels.js";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const NONE = "–";

/** @param {number} value */
export function count(value) {
  return whole.format(value);
}

/**
 * 1234567 -> "1.23 M"
 * @param {number} value
 */
export function short(value) {
  if (value >= 999_500_000) return `${(value / 1e9).toPrecision(3)} G`;
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 99_950) return `${Math.round(value / 1e3)} k`;
  if (value >= 9_995) return `${(value / 1e3).toFixed(1)} k`;
  return count(Math.round(value));
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
  return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  const { units } = labels;
  // Rounded first, or 59.6 would become 60 s. Non-breaking spaces join numbers and units.
  const rounded = Math.max(1, Math.round(seconds));
  if (rounded < 60) return units.seconds(rounded);
  if (rounded < 600) return `${units.minutes(Math.floor(rounded / 60))}\u00a0${units.seconds(rounded % 60)}`;
  if (seconds < 5400) return units.minutes(Math.round(seconds / 60));
  if (seconds < 172_800) return units.hours((seconds / 3600).toFixed(1));
  return units.days(Math.round(seconds / 86_400));
}

/** An estimated duration, in round figures: "40 s", "4 min", "1.5 h".
 * @param {number} seconds */
export function roughly(seconds) {
  if (seconds < 10) return duration(seconds);
  if (seconds < 55) return duration(10 * Math.round(seconds / 10));
  return seconds < 5400 ? labels.units.minutes(Math.max(1, Math.round(seconds / 60))) : duration(seconds);
}

/** @param {number} seconds */
export function ago(seconds) {
  const { units } = labels;
  if (seconds < 90) return units.justNow;
  if (seconds < 5400) return units.minutesAgo(Math.round(seconds / 60));
  if (seconds < 129_600) return units.hoursAgo(Math.round(seconds / 3600));
  return units.daysAgo(Math.round(seconds / 86_400));
}

/** The time of day of a moment: "15:42:07".
 * @param {number} milliseconds  since 1970 */
export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString("en-GB");
}

/** @param {number} value */
export function loss(value) {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 3 : 2) : NONE;
}

/** A fraction as a percentage.
 * @param {number} fraction */
export function percent(fraction) {
  return Number.isFinite(fraction) ? `${(100 * fraction).toFixed(fraction > 0.99 && fraction < 1 ? 1 : 0)} %` : NONE;
}

/**
 * A number of any size, to three digits: 0.00312, 1.73e-5.
 * @param {number} value
 */
export function number(value) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1000) return short(value);
  return size < 1e-4 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

/** @param {string} words */
export function sentence(words) {
  return words && `${capitalized(words)}${words.endsWith(".") ? "" : "."}`;
}

const CODE = /^\S*[:._=][^\s:._=]/; // a first word such as "task:sort" or "metrics.jsonl" stays as it is written

/** @param {string} words */
export function capitalized(words) {
  return CODE.test(words) ? words : words.charAt(0).toUpperCase() + words.slice(1);
}

/** The name of a text as the page shows it: of "task:sort,length=4,examples=100", "sort (length 4, questions 100)".
 * @param {string} name */
export function textName(name) {
  if (!name.startsWith("task:")) return name;
  const { text: words } = labels;
  const [task = "", ...settings] = name.slice("task:".length).split(",");
  const shown = settings.map((setting) => {
    const [key = "", value = ""] = setting.split("=");
    return `${words.taskSettings[key] ?? key} ${/^\d+$/.test(value) ? count(Number(value)) : value}`;
  });
  return shown.length ? words.taskWith(task, shown.join(", ")) : task;
}

/** The name of a preset. @param {string} preset */
export function presetName(preset) {
  return labels.model.names[preset] ?? capitalized(preset);
}

/** The name of a setting, such as "model.n_layer".
 * @param {string} field */
export function fieldName(field) {
  return labels.fields[field] ?? field.split(".").pop() ?? field;
}

/** "Learning rate" as it stands in a sentence; "RoPE base" and "MLP ratio" stay.
 * @param {string} name */
export function inSentence(name) {
  return name.replace(/^[A-Z](?=[a-z/-]+( |$))/, (first) => first.toLowerCase());
}

// What a message quotes, as Python or the page does, to its end if it is cut short; an apostrophe within a word opens none.
const QUOTED = /(?<!\w)'(?:[^'\\]|\\.)*(?:'(?!\w)|$)|(?<!\w)"(?:[^"\\]|\\.)*(?:"|$)|“[^”]*”|\u2068[^\u2069]*\u2069/;
const QUOTED_OR_FIELD = new RegExp(`${QUOTED.source}|\\b(?:data|model|optim|train)\\.\\w+`, "g");

/**
 * A message of the package with the page's names of settings: "choose a multiple of Heads" instead of model.n_head. What
 * it quotes stays.
 * @param {string} message
 */
export function withFieldNames(message) {
  return message.replace(QUOTED_OR_FIELD, (found) => labels.fields[found] ?? found);
}
