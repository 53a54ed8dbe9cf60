// Make it fit puts other blocks in the place of those that it mends, and brings back the drawing above them, for which
// the browser's own scroll anchoring has nothing to hold on to. The block that one looks at stays where it is on the
// screen. GIVEN.within finds the blocks, GIVEN.mends the buttons; drag.py puts GIVEN in front.

const LASTS = 5_000; // milliseconds, in which the server's answer comes
let reader; // whoever scrolls meanwhile has the last word

for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  document.addEventListener(name, () => (reader = Date.now()), { capture: true, passive: true });
}

const blocks = () => [...document.querySelectorAll(GIVEN.within)];
const top = (block) => block.getBoundingClientRect().top;

document.addEventListener("click", ({ target }) => {
  if (!target.closest?.(GIVEN.mends)) return;
  const began = Date.now();
  const there = blocks();
  const own = target.closest(GIVEN.within);
  const at = own ? there.indexOf(own) : there.findIndex((block) => top(block) >= 0);
  if (at < 0) return;
  const place = top(there[at]);
  const page = there[at].closest('[data-testid="stMain"]');
  page.style.overflowAnchor = "none";
  const stay = () => {
    if (reader > began || Date.now() > began + LASTS) {
      page.style.overflowAnchor = "";
      return;
    }
    const block = blocks()[at];
    const off = block ? top(block) - place : 0;
    if (Math.abs(off) > 1) page.scrollBy({ top: off, behavior: "instant" });
    requestAnimationFrame(stay);
  };
  stay();
});
