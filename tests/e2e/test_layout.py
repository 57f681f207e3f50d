"""The lab fits its window and its visitor: narrow windows, large text, long names, other scripts, forced colours."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import FLAGS
from tests.e2e.controls import press, put, reveal
from tests.e2e.test_lab import PICTURES, TINY, choose, choose_device, open_lab, wait_for

CENTRED = """(pill) => {
  const range = document.createRange();
  range.selectNodeContents(pill);
  const [text, box] = [range.getBoundingClientRect(), pill.getBoundingClientRect()];
  return [text.top - box.top, box.bottom - text.bottom];
}"""
LONG_NAME = "שלום-" + "a_very_long_name_" * 10 + "of.txt"  # 180 letters, none of them a space
HEBREW = "בראשית ברא אלהים את השמים ואת הארץ. " * 30
WINDOWS = ((320, 256), (320, 640), (360, 640), (390, 844), (640, 512), (1280, 800))
# The focused control, and what covers it: an element of a fixed or sticky bar that the control is not in.
FOCUSED = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const focused = document.activeElement;
  if (!focused || focused === document.body) return null;
  const seen = focused.matches(".choice input") ? focused.closest(".choice")
    : focused.matches(".hidden-file") ? focused.nextElementSibling : focused;
  const bar = (node) => {
    for (; node && node !== document.body; node = node.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(node).position)) return node;
    }
    return null;
  };
  const box = seen.getBoundingClientRect();
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  const covers = [0.1, 0.5, 0.9].map((share) => bar(document.elementFromPoint(
    Math.min(innerWidth - 1, box.left + box.width / 2), top + share * (bottom - top))))
    .filter((found) => found && !found.contains(focused));
  focused.dataset.visited = Number(focused.dataset.visited ?? 0) + 1;
  return { name: focused.id || focused.value || focused.textContent.slice(0, 20), again: focused.dataset.visited > 1,
           // Of a text field or a list, a part is enough.
           covered: covers.length > (box.height > 100 ? 2 : 0) ? covers[0].className : "",
           visible: bottom - top >= Math.min(box.height, 20) };
}"""

WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((node) => !node.closest(".uplot, .scrolling") && node.getClientRects().length
    && node.getBoundingClientRect().right > innerWidth + 0.5)
  .map((node) => `${node.tagName}.${node.className}#${node.id}`)"""
NOTE_SCROLLING = """window.scrolled = [];
  const scroll = Element.prototype.scrollIntoView;
  Element.prototype.scrollIntoView = function (options) {
    window.scrolled.push(options.behavior);
    scroll.call(this, options);
  };"""
NOTE_TITLES = """() => {
  window.requestAnimationFrame = () => 1;
  window.titles = [];
  const title = document.querySelector("title");
  new MutationObserver(() => window.titles.push(document.title)).observe(title, { childList: true });
}"""
NOTE_LABELS = r"""(() => {
  const write = CanvasRenderingContext2D.prototype.fillText;
  window.labels = new Set();
  CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
    const width = this.measureText(text).width;
    if (this.textAlign === "center" && x + width / 2 > this.canvas.width) window.cut = text;
    if (this.textAlign === "right" && /^[\d.]+$/.test(text)) window.labels.add(text);
    write.call(this, text, x, ...rest);
  };
})()"""


def tab_through(page, start: str = ".skip") -> list[dict]:
    """Press Tab from a place on the page until it leaves the page or starts again; describe each focused control."""
    page.evaluate(
        """(start) => {
      scrollTo(0, 0);
      document.querySelector(start).focus();
      for (const node of document.querySelectorAll("[data-visited]")) delete node.dataset.visited;
    }""",
        start,
    )
    controls = []
    for _ in range(200):
        page.keyboard.press("Tab")
        control = page.evaluate(FOCUSED)
        if control is None or control["again"]:
            break
        controls.append(control)
    return controls


@pytest.mark.slow
def test_the_page_fits_its_window(page, site):
    """At every width, with a name of 180 letters and with text of twice the size: no wider than the window, Train in
    view, and no focused control behind a bar."""
    PICTURES.mkdir(exist_ok=True)
    open_lab(page, site, TINY, device="")
    choose(page, "text", "own")
    page.set_input_files("#text-file", {"name": LONG_NAME, "mimeType": "text/plain", "buffer": HEBREW.encode()})
    wait_for(page, "#text-place .facts", "characters")
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    wait_for(page, "#summary", "a_very_long_name")
    page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    put(page, "#optim-learning_rate", "0.1")
    press(page, "#close-settings")
    expect(page.locator(".changes")).to_be_visible()
    sizes = page.context.new_cdp_session(page)
    for text in (16, 32):
        sizes.send("Page.setFontSizes", {"fontSizes": {"standard": text, "fixed": text}})
        # A window of 320 x 256 is a desktop at 400 %; text of twice the size there would be 800 %.
        for width, height in WINDOWS if text == 16 else WINDOWS[1:4]:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(200)
            where = f"{width} x {height}, text of {text}"
            assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == text
            wide = page.evaluate(WIDER)
            assert page.evaluate("document.documentElement.scrollWidth") <= width and wide == [], where
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=PICTURES / f"layout-{width}-{text}.png")
            if page.evaluate("getComputedStyle(document.querySelector('.controls')).position") != "fixed":
                page.locator("#train").scroll_into_view_if_needed()
            expect(page.locator("#train"), where).to_be_in_viewport(ratio=1)
            if text == 16 or width <= 640:
                controls = tab_through(page)
                press(page, "#change-model")
                controls += tab_through(page, "#settings")
                press(page, "#write-tab")
                controls += tab_through(page)
                press(page, "#train-tab")
                assert {"train", "prompt", "samples", "model-n_layer"} <= {one["name"] for one in controls}, where
                hidden = [control for control in controls if control["covered"] or not control["visible"]]
                assert not hidden, where


def test_the_fixed_bar_leaves_the_window_to_the_page(page, site):
    """After a run with changes and a name of 180 letters: the bar's buttons stand in one row, and the name is cut."""
    PICTURES.mkdir(exist_ok=True)
    open_lab(page, site, TINY, device="")
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    choose(page, "text", "own")
    page.set_input_files("#text-file", {"name": LONG_NAME, "mimeType": "text/plain", "buffer": HEBREW.encode()})
    wait_for(page, ".changes p", "a_very_long_name")
    assert "a_very_long_name" in page.get_attribute(".changes p", "title")
    for width, height in ((320, 640), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        page.screenshot(path=PICTURES / f"bar-{width}.png")
        tops = {page.locator(f"#{name}").bounding_box()["y"] for name in ("train", "more-1000", "more-5000")}
        assert len(tops) == 1 and page.locator(".controls").bounding_box()["height"] <= 0.3 * height


def test_large_text_leaves_the_bar_a_third_of_a_phone(browser, chromium, site, tmp_path):
    """With a browser whose text is twice as large: Undo and Train are whole, names are centred, no skip link shows."""
    settings = {"webkit": {"webprefs": {"default_font_size": 32}}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    context = browser.browser_type.launch_persistent_context(tmp_path, executable_path=chromium, args=FLAGS)
    page = context.new_page()
    open_lab(page, site, TINY, device="")
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    choose(page, "text", "python")
    wait_for(page, "#changes", "text tales → python")
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") == 32
    for width, height in ((320, 640), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)
        page.screenshot(path=PICTURES / f"large-{width}.png")
        bar = page.locator(".controls").bounding_box()
        assert bar["height"] <= height / 3
        for name in ("undo-changes", "train"):
            box = page.locator(f"#{name}").bounding_box()
            assert bar["y"] <= box["y"] and box["y"] + box["height"] <= height, name
            assert 0 <= box["x"] and box["x"] + box["width"] <= width, name
        skip = page.locator(".skip").bounding_box()
        assert skip["y"] + skip["height"] <= 0
        above, below = page.locator(".choice span").first.evaluate(CENTRED)
        assert abs(above - below) <= 2
    context.close()


def test_text_reads_in_its_own_direction_and_is_not_translated(page, site):
    """Hebrew reads right to left wherever the visitor or the model writes it; translators leave it alone."""
    open_lab(page, site, TINY, device="")
    choose(page, "text", "own")
    put(page, "#own-text", HEBREW)
    wait_for(page, "#text-place .facts", "characters")
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    put(page, "#prompt", "ברא ")
    put(page, "#length", "20")
    # The Enter that ends a composition: in Chromium and Firefox a part of it, in Safari after it.
    for how in ({"isComposing": True}, {"keyCode": 229}):
        page.locator("#prompt").dispatch_event("keydown", {"key": "Enter", **how})
    expect(page.locator("#answer")).to_be_hidden()
    reveal(page, "#prompt")
    page.press("#prompt", "Enter")
    wait_for(page, "#live", "sample is complete")
    for selector in ("#own-text", "#prompt", "#answer", "#samples .prose"):
        found = page.locator(selector).first
        assert found.evaluate("(node) => getComputedStyle(node).direction") == "rtl", selector
        assert found.evaluate("(node) => getComputedStyle(node).unicodeBidi") == "plaintext", selector
        assert not found.evaluate("(node) => node.translate"), selector
    for selector in ("#loss", "#device-name", "#chart-place .readout", "#model-mlp"):
        assert not page.locator(selector).evaluate("(node) => node.translate"), selector
    assert page.locator("#train").evaluate("(node) => node.translate")


def test_forced_colours_show_progress_and_choice(page, site):
    """Where the visitor's colours replace the page's, progress and the chosen text are still seen."""
    page.emulate_media(forced_colors="active")
    open_lab(page, site, TINY, device="")
    press(page, "#train")
    wait_for(page, "#where", "Finished")
    # A copy of the bar: the page sets the value of its own with each event.
    page.locator(".controls progress").evaluate("(bar) => bar.after(Object.assign(bar.cloneNode(), { id: 'bar' }))")
    bar = page.locator("#bar")
    seen = set()
    for value in (0, 0.5, 1):
        bar.evaluate("(bar, value) => { bar.value = value; }", value)
        page.wait_for_timeout(300)
        seen.add(bar.screenshot())
    assert len(seen) == 3
    colours = "(node) => getComputedStyle(node).backgroundColor"
    chosen, other = (page.locator(f"input[value={name}] + span").evaluate(colours) for name in ("tales", "words"))
    assert chosen != other
    PICTURES.mkdir(exist_ok=True)
    for width, height in ((1440, 900), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        page.screenshot(path=PICTURES / f"forced-colours-{width}.png")


def test_the_page_scrolls_at_once_with_reduced_motion(page, site):
    """Scripts scroll smoothly, or at once if the visitor prefers less motion."""
    page.add_init_script(NOTE_SCROLLING)
    page.set_viewport_size({"width": 390, "height": 844})
    open_lab(page, site, TINY, device="")
    for count, motion in ((1, "no-preference"), (3, "reduce")):
        page.emulate_media(reduced_motion=motion)
        put(page, "#model-n_head", "2")
        page.wait_for_selector("#model-n_embd-mistake", state="hidden")
        press(page, "#train")
        page.wait_for_function(f"window.scrolled.length === {count}")  # to the chart
        wait_for(page, "#where", "Finished")
        put(page, "#model-n_head", "3")
        wait_for(page, "#model-n_embd-mistake", "cannot be divided")
        press(page, "#train")
        page.wait_for_function(f"window.scrolled.length === {count + 1}")  # to the mistake
    assert page.evaluate("window.scrolled") == ["smooth", "smooth", "instant", "instant"]


def test_the_title_goes_on_where_no_frames_are_drawn(page, site):
    """A hidden tab draws no frames; its title still says how far training is, and that it is done."""
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=1000"), device="")
    page.evaluate(NOTE_TITLES)
    page.evaluate("document.querySelector('#train').click()")
    page.wait_for_function("document.title === 'Done · pygpt lab'")
    titles = page.evaluate("window.titles")
    shares = [int(found[1]) for found in map(re.compile(r"(\d+) % · pygpt lab").fullmatch, titles) if found]
    assert titles[0] == "Preparing · pygpt lab" and len(shares) > 3 and shares == sorted(shares)


GROW = """async ([text, size]) => {
  const { growingText } = await import(new URL("ui/growing_text.js", document.baseURI).href);
  const grown = growingText("made");
  const answer = document.createElement("p");
  answer.className = "prose answer";
  answer.append("Once", grown.dom);
  document.body.append(answer);
  const times = [];
  for (let end = size; end <= text.length; end += size) {
    grown.set(text.slice(0, end));
    const began = performance.now();
    answer.getBoundingClientRect();
    times.push(performance.now() - began);
  }
  const height = answer.offsetHeight;
  const same = grown.dom.textContent === text;
  grown.set("other");
  const other = grown.dom.textContent;
  answer.replaceChildren("Once" + text);
  return { same, other, height, plain: answer.offsetHeight, middle: times.sort((a, b) => a - b)[times.length >> 1] };
}"""


def test_a_long_answer_grows_smoothly_and_looks_as_one_text(page, site):
    page.goto(site.url)
    text = ("A line of words that is wide enough to be broken on a phone, and more of it.\n" * 60 + "\n\nEnd\n") * 87
    text = text[: len(text) // 2000 * 2000]
    assert len(text) > 390_000
    found = page.evaluate(GROW, [text, 2000])
    assert found["same"] and found["other"] == "other" and found["height"] == found["plain"], found
    assert found["middle"] < 8, "milliseconds to lay out 2,000 more characters"


BLANK = """(event) => {
  const canvas = document.querySelector(".chart canvas");
  canvas.getContext("2d").reset();
  if (event) canvas.dispatchEvent(new Event(event));
}"""
DRAWN = """() => {
  const canvas = document.querySelector(".chart canvas");
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
}"""


def test_the_chart_is_drawn_again_after_the_loss_of_the_gpu(page, site):
    """The drawing is gone, although training on NumPy goes on; a device that is opened again has it drawn, too."""
    open_lab(page, site, TINY, device="numpy")
    press(page, "#train")
    wait_for(page, "#where", "Finished 40")
    for event in ("contextlost", "contextrestored"):
        page.wait_for_function(DRAWN)
        page.evaluate(BLANK, event)
        page.wait_for_function(DRAWN)
    page.evaluate(BLANK, "")
    assert not page.evaluate(DRAWN)
    choose_device(page, "webgpu")
    page.wait_for_function(DRAWN)


NAMES = """async (baselines) => {
  const from = (path) => import(new URL(path, document.baseURI).href);
  const [{ chartView }, { Curves }, { INITIAL }] = await Promise.all(
    ["views/train/chart.js", "state/curves.js", "state/state.js"].map(from));
  const names = {};
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, ...rest) {
    if (["frequencies", "pairs", "triples"].includes(text)) names[text] = x / this.canvas.width;
    write.call(this, text, x, ...rest);
  };
  const curves = new Curves();
  for (let step = 1; step <= 400; step += 1) curves.append(step, 2.5 + 1.5 * Math.exp(-step / 60));
  const view = chartView(curves);
  document.body.replaceChildren(view.dom);
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  await drawn();
  const experiment = { train: { steps: 400 } };
  view.sync({ ...INITIAL, run: { experiment, vocabulary: 60, baselines } });
  await drawn();
  return names;
}"""


def test_the_names_of_the_chart_cover_no_curve(page, site):
    """One that would stand on the end of the curve stands further left, or nowhere; the others at the right edge."""
    open_lab(page, site, TINY, device="")  # a page that closes while it starts may log errors
    names = page.evaluate(NAMES, {"unigram": 3.2, "bigram": 2.42, "trigram": 1.5})
    assert names["frequencies"] > 0.9 and names["triples"] > 0.9
    assert names.get("pairs", 0) < 0.6


def test_the_chart_keeps_its_scale_and_remembers_its_axes(page, site):
    """The labels of the loss axis stay while the loss falls; logarithmic axes are chosen here and remembered."""
    page.add_init_script(NOTE_LABELS)
    open_lab(page, site, TINY.replace("train.steps=40", "train.steps=1000000"), device="")
    choose_device(page, "webgpu")
    page.evaluate("window.labels.clear()")
    press(page, "#train")
    page.wait_for_function("Number(document.querySelector('#loss').textContent) < 3")
    labels = sorted(page.evaluate("[...window.labels].map(Number)"))
    assert labels in ([0, 1, 2, 3, 4], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5])
    assert page.evaluate("window.cut ?? ''") == ""  # 1,000,000 is the longest label, at the edge
    reveal(page, "#log-losses")
    page.check("#log-losses")
    page.evaluate("window.labels.clear()")
    page.wait_for_function("window.labels.has('1') && !window.labels.has('0')")
    press(page, "#stop")
    page.reload()
    page.wait_for_selector("#log-losses", state="attached")
    assert page.is_checked("#log-losses") and not page.is_checked("#log-steps")
