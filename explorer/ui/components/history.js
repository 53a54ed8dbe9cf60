// The browser's back and forward buttons: the address that they bring is told to Python. history.py puts GIVEN in front.
//
// Streamlit also hears of them and runs the page, but a run's address may just as well be an old one, sent with a click
// that was quicker than the last change. Only the event itself tells the two apart, so it is caught before Streamlit's
// own listener, whose run then finds the session changed. Where they lead to another page, that page's first run takes
// its address by itself.

let send;
let path = window.location.pathname;

window.addEventListener(
  "popstate",
  () => {
    if (window.location.pathname === path) send?.(window.location.search);
  },
  true
);

// A link to a page leads to its bare address, to which the page adds network and digit. That is one step of the reader's,
// so it is one entry of the history: else each page would need two clicks to get back from.
const push = window.history.pushState;
window.history.pushState = function (state, title, url) {
  const to = new URL(url ?? "", window.location.href);
  const completes = to.pathname === window.location.pathname && !window.location.search && to.search;
  (completes ? this.replaceState : push).call(this, state, title, url);
};

export default function (component) {
  path = window.location.pathname;
  send = (search) => component.setTriggerValue("went", search);
}
