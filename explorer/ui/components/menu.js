// What Streamlit leaves to the reader: on a phone the menu lies over the page, and choosing one of its pages closes it;
// who opens or closes something by the keyboard goes on in what was opened.

const NARROW = 768; // CSS pixels, below which Streamlit lays the sidebar over the page
const LATEST = 3000; // milliseconds that what is opened may take: it comes with the server's answer
const FIRST = ':is(button, a[href], input, textarea, select, [tabindex="0"]):not(:disabled)';

const part = (name, more = "") => document.querySelector(`[data-testid="${name}"]${more}`);

// Focuses what `find` gives as soon as that is there.
const goTo = (find, until = Date.now() + LATEST) => {
  const element = find();
  if (element) element.focus();
  else if (Date.now() < until) requestAnimationFrame(() => goTo(find, until));
};

document.addEventListener("click", ({ target, detail }) => {
  const within = (name) => target.closest?.(`[data-testid="${name}"]`);
  if (innerWidth < NARROW && within("stSidebarNavLink")) part("stSidebarCollapseButton", " button")?.click();
  if (detail !== 0) return; // a pointer's
  const opener = within("stPopoverButton");
  if (opener) goTo(() => opener.ariaExpanded === "true" && part("stPopoverBody", ` ${FIRST}`));
  if (within("stExpandSidebarButton")) goTo(() => part("stSidebarNavLink", '[aria-current="page"]') ?? part("stSidebarNavLink"));
  if (within("stSidebarCollapseButton")) goTo(() => part("stExpandSidebarButton"));
});

document.addEventListener("keydown", ({ key, target, defaultPrevented }) => {
  if (key !== "Escape" || defaultPrevented || innerWidth >= NARROW) return;
  if (target.closest?.('[data-testid="stSidebar"]')) part("stSidebarCollapseButton", " button")?.click();
});
