// Walls beside one another, each with a heading, in one Streamlit element. strip.py puts GIVEN, pixels.js and tiles.js in
// front of this text.

const strips = new WeakMap(); // Streamlit's element → its Strip

class Strip {
  constructor(element) {
    this.root = element.querySelector(".strip");
    this.columns = [];
  }

  update({ data, setTriggerValue }) {
    const [given, walls] = unpack(data);
    // Another network has other columns; of the same one they stay, and with them the focus and what is scrolled.
    if (given.map(({ name }) => name).join() !== this.columns.map(({ name }) => name).join()) this.fill(given);
    let begin = 0;
    given.forEach(({ name, title, about, after, width, bytes }, index) => {
      const column = this.columns[index];
      column.element.style.width = `calc(${width}px * var(--ks-grow, 1))`;
      column.title.textContent = title;
      column.about.textContent = about;
      column.after.textContent = after;
      const send = (_, tile) => setTriggerValue("click", [name, tile]);
      column.wall.update({ data: walls.subarray(begin, begin + bytes), setTriggerValue: send });
      begin += bytes;
    });
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

export default function (component) {
  const element = component.parentElement;
  if (!strips.has(element)) strips.set(element, new Strip(element));
  const strip = strips.get(element);
  strip.update(component);
  return () => {
    strips.delete(element);
    strip.destroy();
  };
}
