// The time line of runs: a slider over the checkpoints of one of them, what each run wrote at that step, and a branch.

import { placeOfStep, writtenAt } from "../../state/time_line.js";
import { element, setAttribute, setText, show } from "../../ui/dom.js";
import { count } from "../../ui/format.js";
import { labels } from "../../ui/labels.js";

/** @typedef {import("../../transport/messages.js").RunReadEvent} RunRead */
/** @typedef {{read: RunRead, name: string, place: number}} Shown  a run; `place` is that of its colour */

const { timeLine: words } = labels;

/**
 * `branch` begins a run with the weights of a step; `turn` is told which step of which run is looked at.
 * @param {{branch: (copy: string, step: number) => void, turn: () => void}} acts
 */
export function timeLineView({ branch, turn }) {
  const slider = element("input", { type: "range", id: "time-line", min: 0, step: 1, oninput() {
    step = leader?.read.checkpoints[Number(slider.value)] ?? null;
    if (Number(slider.value) === Number(slider.max)) step = null;
    draw();
    turn();
  } });
  const run = element("select", { id: "time-line-run", onchange() {
    chosen = run.value;
    sync(shown);
    turn();
  } });
  const whose = element("label", { class: "time-line-run" }, element("span", {}, words.run), run);
  const at = element("output", { class: "time-line-step", for: "time-line" });
  const go = element("button", { class: "button", onclick: () => leader && branch(leader.read.copy, stepNow()) });
  const track = element("div", { class: "time-line-track" }, element("label", { for: "time-line", class: "unseen" }, words.slider), slider);
  const texts = element("div", { class: "side-by-side written" });
  const dom = element("section", { class: "time-line", "aria-label": words.title, hidden: true },
    element("div", { class: "time-line-top" }, element("h3", {}, words.title), whose),
    element("div", { class: "time-line-top" }, at, track, go), element("p", { class: "hint" }, words.about), texts);
  /** @type {Shown[]} */
  let shown = [];
  /** @type {Shown|undefined} the run whose checkpoints the slider has */
  let leader;
  let chosen = ""; // its folder, if one was chosen
  /** @type {number|null} the step that is looked at; null is the newest, also when there is a newer one */
  let step = null;

  function stepNow() {
    const checkpoints = leader?.read.checkpoints ?? [];
    return checkpoints[placeOfStep(checkpoints, step)] ?? 0;
  }

  function draw() {
    if (!leader) return;
    const { checkpoints } = leader.read;
    const now = stepNow();
    slider.max = String(checkpoints.length - 1);
    slider.value = String(placeOfStep(checkpoints, step));
    setAttribute(slider, "aria-valuetext", words.step(count(now)));
    setText(at, words.at(count(now)));
    setText(go, words.branch(count(now)));
    texts.replaceChildren(...shown.map(({ read, name, place }) => {
      const sample = writtenAt(read, now);
      return element("section", {}, element("h3", { "data-colour": place, class: "coloured", dir: "auto" },
        sample ? words.written(name, count(sample.step)) : name), element("p", { class: "prose", dir: "auto", translate: "no" }, sample?.text.trim() ?? ""));
    }));
  }

  /** @param {Shown[]} runs */
  function sync(runs) {
    shown = runs;
    leader = shown.find(({ read }) => read.copy === chosen) ?? shown[0];
    show(dom, leader !== undefined);
    show(whose, shown.length > 1);
    show(track, (leader?.read.checkpoints.length ?? 0) > 1);
    run.replaceChildren(...shown.map(({ read, name }) => element("option", { value: read.copy, selected: read === leader?.read }, name)));
    draw();
  }

  return {
    dom,
    /** The runs whose time line is shown. */
    sync,
    /** The step that is looked at and its run; null while that is the newest. */
    mark: () => (leader && step !== null ? { read: leader.read, step: stepNow() } : null),
  };
}
