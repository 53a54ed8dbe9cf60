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
    const stays = window.location.pathname === path;
    path = window.location.pathname;
    if (stays) send?.(window.location.search);
  },
  true
);

// A link to a page leads to its bare address, to which the page adds network and digit, and perhaps a chapter. That is one
// step of the reader's, so it is one entry of the history: else each page would need several clicks to get back from.
const push = window.history.pushState;
window.history.pushState = function (state, title, url) {
  const to = new URL(url ?? "", window.location.href);
  const here = [...new URLSearchParams(window.location.search)];
  const same = ([name, value]) => to.searchParams.get(name) === value;
  const completes = to.pathname === window.location.pathname && here.every(same);
  (completes ? this.replaceState : push).call(this, state, title, url);
  path = window.location.pathname;
};

export default function (component) {
  send = (search) => component.setTriggerValue("went", search);
}
