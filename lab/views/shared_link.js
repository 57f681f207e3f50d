// A link that was shared: what it sets, the button that takes it, and how far a run agrees with the sender's.

import { fieldsThatDiffer } from "../state/difference.js";
import { element, setText, show } from "../ui/dom.js";
import { capitalized, count, fieldName, inSentence, presetName, textName } from "../ui/format.js";
import { labels } from "../ui/labels.js";

/** @typedef {import("../state/state.js").State} State */
/** @typedef {import("../state/state.js").SharedLink} SharedLink */

const { link: words } = labels;
const HASH_SHOWN = 12; // letters of a SHA-256

/**
 * @param {import("../state/state.js").Controller} controller
 * @param {(link: SharedLink) => void} take  makes the settings of a link those of the next run
 * @param {() => void} dismissed  called when the visitor does not want them
 */
export function sharedLinkView(controller, take, dismissed) {
  const sets = element("p", { id: "link-sets" });
  const text = element("p", { id: "link-text", class: "hint" });
  const next = element("p", { class: "hint" });
  const agreement = element("p", { id: "agreement" });
  const yes = element("button", { id: "take-link", class: "button small primary", onclick: () => arrived && take(arrived) }, words.take);
  const no = element("button", { id: "dismiss-link", class: "button small", onclick: dismiss }, words.dismiss);
  const dom = element("section", { id: "shared-link", class: "notice shared-link", "aria-label": words.title, hidden: true },
    element("div", {}, sets, text, agreement, next), element("div", { class: "buttons" }, yes, no));
  /** @type {SharedLink|null} */
  let arrived = null;

  function dismiss() {
    controller.dispatch({ type: "link_dismissed" });
    dismissed();
    document.getElementById("run")?.focus();
  }

  return {
    dom: element("div", { class: "notices" }, dom),
    /** @param {State} state */
    sync(state) {
      const { link, about, run } = state;
      arrived = link;
      // A link that was taken is of interest for its text and its curve.
      const shown = link !== null && about !== null && (!link.taken || link.text === "own" || link.facts.curve !== "");
      show(dom, shown);
      if (!shown || !link || !about) return;
      const { taken, facts } = link;
      const compared = run !== null && state.agreement?.run_id === run.id ? state.agreement : null;
      setText(sets, describe(about, link));
      show(sets, !taken);
      setText(text, textNote(state, link));
      show(text, text.textContent !== "");
      setText(agreement, compared?.sentence ?? "");
      show(agreement, compared !== null);
      const changed = taken && state.draft && facts.curve ? fieldsThatDiffer(link.draft, state.draft) : [];
      const names = changed.map(({ field }) => inSentence(fieldName(field)));
      setText(next, names.length ? words.changed(names) : !facts.curve ? "" : taken ? words.trainNow : words.hasCurve);
      show(next, next.textContent !== "" && (compared === null || names.length > 0));
      show(yes, !taken);
    },
  };
}

/** What a link sets, in words.
 * @param {NonNullable<State["about"]>} about @param {SharedLink} link */
function describe(about, { preset, draft, text, facts }) {
  const base = about.presets[preset];
  const settings = [inSentence(presetName(preset)), ...(base ? fieldsThatDiffer(base, draft) : [])
    .filter(({ field }) => field !== "data.layout" && field !== "train.steps")
    .map(({ field, after }) => words.setting(inSentence(fieldName(field)), shownValue(after)))];
  const name = text === "own" ? words.theirText : capitalized(labels.text.names[text] ?? textName(text));
  const version = facts.pygpt === about.version ? "" : ` ${words.otherVersion(about.version)}`;
  return `${words.sets(settings, name)} ${words.made(facts.pygpt, count(draft.train["steps"]))}${version}`;
}

/** @param {string|number|boolean} value */
function shownValue(value) {
  return typeof value === "boolean" ? (value ? labels.changes.yes : labels.changes.no) : String(value);
}

/** What there is to say about the text of a link and the chosen one.
 * @param {State} state @param {SharedLink} link */
function textNote({ text }, { text: name, facts, taken }) {
  const theirs = facts.sha256.slice(0, HASH_SHOWN);
  const here = taken ? text.facts : null;
  if (!here) return name === "own" ? words.needsText(theirs) : "";
  if (!theirs || here.sha256 === facts.sha256) return name === "own" ? words.isText : "";
  return words.otherText(here.sha256.slice(0, HASH_SHOWN), theirs);
}
