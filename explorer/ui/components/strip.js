// Walls beside one another, each with a heading, in one Streamlit element. strip.py puts GIVEN, pixels.js and tiles.js in
// front of this text.

const strips = new Map(); // Streamlit's element → its Strip
const selected = new Map(); // a strip's key → the name of the column in which a tile is selected, and the tile; or null

class Strip {
  constructor(element) {
    this.root = element.querySelector(".strip");
    this.columns = [];
  }

  update({ data, setTriggerValue }) {
    const [{ strip, columns: given }, walls] = unpack(data);
    this.key = strip;
    // Another network has other columns; of the same one they stay, and with them the focus and what is scrolled.
    if (given.map(({ name }) => name).join() !== this.columns.map(({ name }) => name).join()) this.fill(given);
    let begin = 0;
    given.forEach(({ name, title, about, after, width, bytes }, index) => {
      const column = this.columns[index];
      column.element.style.width = `calc(${width}px * var(--ks-grow, 1))`;
      column.title.textContent = title;
      column.about.textContent = about;
      column.after.textContent = after;
      const send = (_, tile) => {
        select(this.key, [name, tile]); // at once; Python's answer confirms it
        setTriggerValue("click", [name, tile]);
      };
      column.wall.update({ data: walls.subarray(begin, begin + bytes), setTriggerValue: send });
      begin += bytes;
    });
    this.select();
  }

  // One tile of all the walls, or none.
  select() {
    const [chosen, tile] = selected.get(this.key) ?? [];
    for (const { name, wall } of this.columns) wall.select(name === chosen ? tile : null);
  }

  fill(given) {
    this.destroy();
    this.columns = given.map(({ name }) => {
      const element = make("section", "column", this.root);
      element.dataset.name = name;
      const [title, about] = [make("h2", "title", element), make("p", "about", element)];
      make("div", "wall", element);
      return { name, element, title, about, wall: new Wall(element), after: make("p", "after", element) };
    });
  }

  destroy() {
    for (const { wall } of this.columns) wall.destroy();
    this.columns = [];
    this.root.replaceChildren();
  }
}

function select(key, place) {
  selected.set(key, place);
  for (const strip of strips.values()) if (strip.key === key) strip.select();
}

// Python's word counts when it changes: Streamlit calls after every script run, also while the answer to a click is due.
const marks = new WeakMap(); // Streamlit's element → what it said last

function mark({ data, parentElement: element }) {
  const said = JSON.stringify(data);
  if (marks.get(element) !== said) select(data.strip, data.selected);
  marks.set(element, said);
}

export default function (component) {
  if (!ArrayBuffer.isView(component.data)) return mark(component);
  const element = component.parentElement;
  if (!strips.has(element)) strips.set(element, new Strip(element));
  const strip = strips.get(element);
  strip.update(component);
  return () => {
    strips.delete(element);
    strip.destroy();
  };
}
