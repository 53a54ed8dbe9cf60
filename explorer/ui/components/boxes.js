// A picture with a box around each digit. boxes.py puts GIVEN and pixels.js in front of this text.

const views = new WeakMap(); // Streamlit's element → its View
const kept = new Map(); // name → stamp, boxes, history, for when the element goes and comes back
const PAUSE = 200; // milliseconds after the last key until Python hears of a change
const SIDES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const SMALLEST = 6; // pixels on the screen, a box's sides
const HINT = "Choose a box to correct it; drag it, or its corners. Add, then drag on the picture, makes a new one.";
const KEYS =
  "Arrow keys move it, Shift with an arrow resizes it, a number key says what it is, Delete removes it, S splits, M merges, A adds, Ctrl+Z undoes.";

class View {
  constructor(element) {
    this.root = element.querySelector(".boxes");
    this.items = new Map(); // box number → its element
    this.build();
  }

  build() {
    this.root.setAttribute("role", "group");
    const tools = make("div", "tools", this.root);
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "Correct the boxes");
    const button = (text, act) => {
      const made = make("button", "", tools);
      made.type = "button";
      made.textContent = text;
      made.addEventListener("click", act);
      return made;
    };
    // Without a pointer there is nothing to drag with: then a box is put there, to be moved by arrow keys.
    this.addButton = button("Add", (event) => (event.detail ? this.toggleAdding() : this.addBeside()));
    this.addButton.title = "Then drag on the picture";
    this.deleteButton = button("Delete", () => this.remove());
    this.splitButton = button("Split", () => this.split());
    this.mergeButton = button("Merge with next", () => this.merge());
    const label = make("label", "", tools);
    label.append("It is");
    this.select = make("select", "field", label);
    this.select.addEventListener("change", () => this.relabel(this.select.value === "" ? null : +this.select.value));
    this.undoButton = button("Undo", () => this.undo());
    this.redoButton = button("Redo", () => this.redo());
    this.stage = make("div", "stage", make("div", "frame", this.root));
    this.picture = make("img", "", this.stage);
    this.picture.draggable = false;
    this.picture.alt = "";
    this.drawn = make("div", "drawn", this.stage);
    this.drawn.hidden = true;
    this.hint = make("p", "hint", this.root);
    this.hint.setAttribute("role", "status");
    this.stage.addEventListener("pointerdown", (event) => this.down(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, (event) => this.up(event));
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  update({ data, setStateValue }) {
    this.data = data;
    this.send = (message) => setStateValue("boxes", message);
    this.root.setAttribute("aria-label", data.label);
    if (this.picture.getAttribute("src") !== data.picture) this.picture.src = data.picture;
    this.stage.style.aspectRatio = `${data.size[0]} / ${data.size[1]}`;
    let state = kept.get(data.name);
    if (state?.stamp !== data.stamp) {
      state = { stamp: data.stamp, boxes: data.boxes, past: [], future: [], next: 0, chosen: null };
      state.next = 1 + Math.max(-1, ...data.boxes.map(({ id }) => id));
      kept.set(data.name, state);
    } else if (this.name !== data.name && state.past.length) {
      this.state = state;
      this.flush(); // Python has forgotten them while the element was away
    }
    this.name = data.name;
    this.state = state;
    const options = ["", ...data.classes];
    if (this.options !== options.join("\n")) {
      this.options = options.join("\n");
      this.select.replaceChildren(
        ...options.map((text, index) => new Option(index ? text : "as read", index ? String(index - 1) : "")),
      );
    }
    this.show();
  }

  // --- boxes ---

  get chosen() {
    return this.state.boxes.find(({ id }) => id === this.state.chosen);
  }

  // Replaces the boxes; what was before can be undone.
  set(boxes, chosen = this.state.chosen) {
    this.state.past.push(this.state.boxes);
    this.state.future = [];
    this.state.boxes = boxes;
    this.state.chosen = chosen;
    this.changed();
  }

  changed() {
    if (!this.chosen) this.state.chosen = null;
    this.show();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE);
  }

  flush() {
    clearTimeout(this.timer);
    const boxes = this.state.boxes.map(({ id, box, label }) => ({ id, box: box.map(Math.round), label: label ?? null }));
    this.send({ stamp: this.state.stamp, boxes });
  }

  replace(changed) {
    return this.state.boxes.map((one) => (one.id === changed.id ? changed : one));
  }

  remove() {
    const { boxes, chosen } = this.state;
    const index = boxes.findIndex(({ id }) => id === chosen);
    if (index < 0) return;
    const left = boxes.filter(({ id }) => id !== chosen);
    this.set(left, left[Math.min(index, left.length - 1)]?.id ?? null);
    this.focus();
  }

  split() {
    const one = this.chosen;
    if (!one) return;
    const [left, top, right, bottom] = one.box;
    const at = this.gap(one.box);
    const other = { id: this.state.next++, box: [at, top, right, bottom], label: null };
    const boxes = this.state.boxes.flatMap((box) =>
      box.id === one.id ? [{ id: one.id, box: [left, top, at, bottom], label: null }, other] : [box],
    );
    this.set(boxes);
  }

  // The column with the least ink in the middle of a box.
  gap([left, top, right, bottom]) {
    const { size, dark } = this.data;
    const canvas = make("canvas");
    const [width, height] = [Math.max(8, Math.min(200, right - left)), 64].map(Math.round);
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const scale = this.picture.naturalWidth / size[0];
    pen.drawImage(this.picture, left * scale, top * scale, (right - left) * scale, (bottom - top) * scale, 0, 0, width, height);
    const { data } = pen.getImageData(0, 0, width, height);
    let best = width / 2;
    let least = Infinity;
    for (let x = Math.round(0.25 * width); x < 0.75 * width; x++) {
      let ink = 0;
      for (let y = 0; y < height; y++) {
        const place = 4 * (y * width + x);
        const grey = (data[place] + data[place + 1] + data[place + 2]) / 765;
        ink += (dark ? 1 - grey : grey) ** 2;
      }
      ink += 0.02 * height * Math.abs(x / width - 0.5);
      if (ink < least) [least, best] = [ink, x];
    }
    return left + ((best + 0.5) / width) * (right - left);
  }

  merge() {
    const index = this.state.boxes.findIndex(({ id }) => id === this.state.chosen);
    const [one, other] = [this.state.boxes[index], this.state.boxes[index + 1]];
    if (!one || !other) return;
    const box = one.box.map((side, place) => (place < 2 ? Math.min : Math.max)(side, other.box[place]));
    this.set(this.state.boxes.filter(({ id }) => id !== other.id).map((b) => (b.id === one.id ? { ...one, box, label: null } : b)));
  }

  relabel(label) {
    const one = this.chosen;
    if (one && (one.label ?? null) !== label) this.set(this.replace({ ...one, label }));
  }

  // A new box takes its place in reading order: behind the last one that is above it or left of it in its row.
  add(box) {
    if (this.state.boxes.length >= GIVEN.most) return;
    const one = { id: this.state.next++, box, label: null };
    const middle = (box[1] + box[3]) / 2;
    let place = 0;
    this.state.boxes.forEach((other, index) => {
      const row = other.box[1] < middle && middle < other.box[3];
      if (row ? other.box[0] < box[0] : other.box[3] <= middle) place = index + 1;
    });
    this.set(this.state.boxes.toSpliced(place, 0, one), one.id);
    this.focus();
  }

  undo() {
    this.step(this.state.past, this.state.future);
  }

  redo() {
    this.step(this.state.future, this.state.past);
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.state.boxes);
    this.state.boxes = from.pop();
    this.changed();
  }

  choose(id) {
    if (this.state.chosen === id) return;
    this.state.chosen = id;
    this.show();
  }

  focus() {
    this.items.get(this.state.chosen)?.focus({ preventScroll: true });
  }

  toggleAdding() {
    this.adding = !this.adding;
    this.show();
  }

  // --- pointer ---

  place({ clientX, clientY }) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    const [wide, high] = this.data.size;
    return [clamp(((clientX - left) / width) * wide, 0, wide), clamp(((clientY - top) / height) * high, 0, high)];
  }

  down(event) {
    if (event.button !== 0 || this.drag) return;
    const item = event.target.closest?.(".box");
    const at = this.place(event);
    if (item && !this.adding) {
      const id = +item.dataset.id;
      this.choose(id);
      item.focus({ preventScroll: true });
      this.drag = { id, at, side: event.target.dataset.side ?? "", before: this.chosen.box, moved: false };
    } else if (this.adding || event.pointerType !== "touch") this.drag = { at, moved: false };
    else return this.choose(null);
    event.preventDefault();
    this.drag.pointer = event.pointerId;
    this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    const { drag } = this;
    if (drag?.pointer !== event.pointerId) return;
    const at = this.place(event);
    const scale = this.data.size[0] / this.stage.clientWidth;
    if (!drag.moved && Math.hypot(at[0] - drag.at[0], at[1] - drag.at[1]) < 3 * scale) return;
    drag.moved = true;
    if (drag.id === undefined) {
      drag.box = [Math.min(at[0], drag.at[0]), Math.min(at[1], drag.at[1]), Math.max(at[0], drag.at[0]), Math.max(at[1], drag.at[1])];
      this.drawn.hidden = false;
      this.lay(this.drawn, drag.box);
      return;
    }
    drag.box = this.shifted(drag.before, drag.side, at[0] - drag.at[0], at[1] - drag.at[1]);
    this.lay(this.items.get(drag.id), drag.box);
  }

  up(event) {
    const { drag } = this;
    if (drag?.pointer !== event.pointerId) return;
    this.drag = undefined;
    this.drawn.hidden = true;
    if (event.type === "pointercancel" || !drag.box) {
      if (drag.id === undefined && !drag.moved) this.choose(null);
      return this.show();
    }
    const least = (SMALLEST * this.data.size[0]) / this.stage.clientWidth;
    if (drag.id !== undefined) this.set(this.replace({ ...this.chosen, box: drag.box }));
    else if (drag.box[2] - drag.box[0] > least && drag.box[3] - drag.box[1] > least) {
      this.adding = false;
      this.add(drag.box);
    }
  }

  // A box moved as a whole (side ""), or its sides alone, inside the picture.
  shifted([left, top, right, bottom], side, dx, dy) {
    const [wide, high] = this.data.size;
    if (!side) {
      dx = clamp(dx, -left, wide - right);
      dy = clamp(dy, -top, high - bottom);
      return [left + dx, top + dy, right + dx, bottom + dy];
    }
    const least = (SMALLEST * wide) / this.stage.clientWidth;
    return [
      side.includes("w") ? clamp(left + dx, 0, right - least) : left,
      side.includes("n") ? clamp(top + dy, 0, bottom - least) : top,
      side.includes("e") ? clamp(right + dx, left + least, wide) : right,
      side.includes("s") ? clamp(bottom + dy, top + least, high) : bottom,
    ];
  }

  // --- keyboard ---

  key(event) {
    const name = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      if (name === "z") event.shiftKey ? this.redo() : this.undo();
      else if (name === "y") this.redo();
      else return;
      return event.preventDefault();
    }
    const focused = event.target.closest(".box");
    if (event.altKey || !focused) return;
    if (!this.chosen) this.choose(+focused.dataset.id); // it was let go by a click beside it
    const step = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] }[name];
    if (step) {
      const size = Math.max(1, this.data.size[0] / 200);
      const box = this.shifted(this.chosen.box, event.shiftKey ? "es" : "", step[0] * size, step[1] * size);
      this.set(this.replace({ ...this.chosen, box }));
    } else if (/^[0-9]$/.test(name) && +name < this.data.classes.length) this.relabel(+name);
    else if (name === "delete" || name === "backspace") this.remove();
    else if (name === "s") this.split();
    else if (name === "m") this.merge();
    else if (name === "a") this.addBeside();
    else return;
    event.preventDefault();
  }

  addBeside() {
    const [wide, high] = this.data.size;
    if (!this.chosen) return this.add([0.45 * wide, 0.4 * high, 0.55 * wide, 0.6 * high]);
    const [left, top, right, bottom] = this.chosen.box;
    const away = Math.min(right - left + 4, wide - right);
    this.add([left + away, top, right + away, bottom]);
  }

  // --- what shows ---

  lay(item, [left, top, right, bottom]) {
    const [wide, high] = this.data.size;
    const share = (value, most) => `${(100 * value) / most}%`;
    Object.assign(item.style, {
      left: share(left, wide), top: share(top, high), width: share(right - left, wide), height: share(bottom - top, high),
    });
  }

  show() {
    const { boxes, chosen, past, future } = this.state;
    for (const [id, item] of this.items) {
      if (boxes.some((one) => one.id === id)) continue;
      item.remove();
      this.items.delete(id);
    }
    let before = null;
    boxes.forEach((one, index) => {
      const item = this.items.get(one.id) ?? this.made(one.id);
      const said = this.data.answers[one.id];
      const own = one.label ?? null;
      const text = own === null ? (said?.text ?? "…") : this.data.classes[own];
      item.querySelector(".tag").textContent = own === null ? text : `${text} ✎`;
      const detail = own === null ? (said?.detail ?? "not read yet") : `${text}, as you said`;
      item.title = detail;
      item.setAttribute("aria-label", `Box ${index + 1} of ${boxes.length}: ${detail}`);
      item.setAttribute("aria-pressed", String(one.id === chosen));
      item.classList.toggle("chosen", one.id === chosen);
      item.classList.toggle("doubtful", own === null && Boolean(said?.doubtful));
      item.classList.toggle("own", own !== null);
      this.lay(item, one.box);
      // in reading order, without moving one that has the focus
      if (before ? before.nextElementSibling !== item : this.drawn.nextElementSibling !== item) {
        const focused = item.getRootNode().activeElement === item;
        (before ?? this.drawn).after(item);
        if (focused) item.focus({ preventScroll: true });
      }
      before = item;
    });
    const one = this.chosen;
    for (const tool of [this.deleteButton, this.splitButton, this.select]) tool.disabled = !one;
    this.mergeButton.disabled = !one || boxes.at(-1) === one;
    this.undoButton.disabled = !past.length;
    this.redoButton.disabled = !future.length;
    this.select.value = one?.label === undefined || one?.label === null ? "" : String(one.label);
    this.addButton.setAttribute("aria-pressed", String(Boolean(this.adding)));
    this.stage.classList.toggle("adding", Boolean(this.adding));
    const text = this.adding ? "Drag on the picture, around what is to be read." : one ? KEYS : HINT;
    if (this.hint.textContent !== text) this.hint.textContent = text;
  }

  made(id) {
    const item = make("button", "box", this.stage);
    item.type = "button";
    item.dataset.id = id;
    make("span", "tag", item);
    for (const side of SIDES) make("span", `handle ${side}`, item).dataset.side = side;
    item.addEventListener("focus", () => this.choose(id));
    this.items.set(id, item);
    return item;
  }

  destroy() {
    clearTimeout(this.timer);
    this.root.replaceChildren();
  }
}

export default function (component) {
  const element = component.parentElement;
  if (!views.has(element)) views.set(element, new View(element));
  const view = views.get(element);
  view.update(component);
  return () => {
    views.delete(element);
    view.destroy();
  };
}
