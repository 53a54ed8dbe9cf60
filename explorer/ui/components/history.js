// Which changes of the address are steps for the browser's back and forward buttons. history.py puts GIVEN in front.
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
  const completes = same && [...here].every(([name, value]) => to.searchParams.get(name) === value);
  (completes || (same && isMoment(here, to.searchParams)) ? this.replaceState : push).call(this, state, title, url);
};

// Streamlit does not hear the buttons before the first answer to a page that is opened or reloaded. Who was quicker is
// at another address then than Python is, and Streamlit is told again.
const OWN = ["embed", "embed_options"]; // Streamlit's names, of which Python hears nothing
let looked = false;

const inOrder = (query) => {
  const params = new URLSearchParams(query);
  OWN.forEach((name) => params.delete(name));
  params.sort();
  return params.toString();
};

export default function ({ data }) {
  if (!looked && inOrder(window.location.search) !== inOrder(data.address)) {
    window.dispatchEvent(new PopStateEvent("popstate", { state: window.history.state }));
  }
  looked = true;
}
