// The browser's back and forward buttons: the address that they bring is told to Python. history.py puts GIVEN in front.
//
// Streamlit would hear of them, too, and run the page with the session as it still is, which writes its own digit into the
// address again: one more entry of the history, in place of all that lay ahead. So on the same page only this speaks.
// Where they lead to another page, that page's first run takes its address by itself.

let send;
let { pathname: path, search } = window.location;
let left; // the address that was gone back from, until Python has answered
let asked; // what Python answers

window.addEventListener(
  "popstate",
  (event) => {
    const stays = window.location.pathname === path;
    if (stays && send) {
      event.stopImmediatePropagation();
      [left, asked] = [search, Date.now()];
      send({ asked, search: window.location.search });
    }
    ({ pathname: path, search } = window.location);
  },
  true
);

// When the run begins that this brings about, Streamlit writes the address that it still believes in: nobody's step.
//
// A link to a page leads to its bare address, to which the page adds network and digit, and perhaps a chapter. That is one
// step of the reader's, so it is one entry of the history: else each page would need several clicks to get back from.
// Nor is a moment of the training a step, which the time slider goes through by itself.
const push = window.history.pushState;
const isMoment = (here, to) =>
  [...new Set([...here.keys(), ...to.keys()])].every((name) => name === "snapshot" || here.get(name) === to.get(name));
window.history.pushState = function (state, title, url) {
  const to = new URL(url ?? "", window.location.href);
  const here = new URLSearchParams(window.location.search);
  const same = to.pathname === window.location.pathname;
  if (same && to.search === left) return;
  const completes = same && [...here].every(([name, value]) => to.searchParams.get(name) === value);
  (completes || (same && isMoment(here, to.searchParams)) ? this.replaceState : push).call(this, state, title, url);
  ({ pathname: path, search } = window.location);
};

export default function (component) {
  if (component.data.answered === asked) left = undefined;
  const mine = (went) => component.setTriggerValue("went", went);
  send = mine;
  return () => {
    if (send === mine) send = undefined;
  };
}
