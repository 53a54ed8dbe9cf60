// Scrolls to an element of the page when there is something new in it. into_view.py says when.

const PATIENCE = 60_000; // milliseconds until the element has to be there, with what stands below it: only then it can rise
const PAUSE = 250;
const seen = new Map(); // selector → what was in it last
let reader; // whoever scrolls meanwhile has the last word

for (const name of ["wheel", "pointerdown", "keydown"]) document.addEventListener(name, () => (reader = Date.now()), true);

const scroller = (element) =>
  /auto|scroll/.test(getComputedStyle(element).overflowY) || !element.parentElement
    ? element
    : scroller(element.parentElement);

const bring = (selector, began) => {
  const target = document.querySelector(selector);
  if (target) {
    const around = scroller(target.parentElement);
    const margin = parseFloat(getComputedStyle(target).scrollMarginTop);
    const top = target.getBoundingClientRect().top - around.getBoundingClientRect().top - margin;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (Math.abs(top) > 1) around.scrollBy({ top, behavior: still ? "auto" : "smooth" });
  }
  if (Date.now() < began + PATIENCE && !(reader > began)) setTimeout(() => bring(selector, began), PAUSE);
};

export default function ({ data: { selector, content, said }, parentElement }) {
  const status = parentElement.querySelector('[role="status"]');
  if (status.textContent !== said) status.textContent = said;
  const before = seen.get(selector);
  seen.set(selector, content);
  if (before !== undefined && content && content !== before) bring(selector, Date.now());
}
