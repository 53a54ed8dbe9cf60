// Which chapters are done, kept by the reader's own browser. navigation.py says what Python knows of, and hears the rest.

const NAME = "kernelscope-chapters-done";
let told = ""; // what Python was told of last: names that it does not take are not told again

const kept = () => {
  try {
    const names = JSON.parse(localStorage.getItem(NAME));
    return Array.isArray(names) ? names : [];
  } catch {
    return []; // nothing is kept there, or nothing may be
  }
};

const keep = (names) => {
  try {
    localStorage.setItem(NAME, JSON.stringify(names));
  } catch {} // the session still has them
};

export default function ({ data: { done }, setTriggerValue }) {
  const before = kept();
  const all = [...new Set([...before, ...done])];
  if (all.length > before.length) keep(all);
  const news = all.filter((name) => !done.includes(name)).join();
  if (news && news !== told) setTriggerValue("kept", all);
  told = news;
}
