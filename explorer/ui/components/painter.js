// A kernel to paint and its map. painter.py puts GIVEN and pixels.js in front of this text.

const painters = new WeakMap(); // Streamlit's element → its Painter
const kept = new Map(); // name → what was painted last, for when the element goes and comes back
const STEP = 0.1;
// CSS pixels: below NARROW the pictures stand under the kernel, above it beside its column; each at most LARGEST wide.
const [NARROW, COLUMN, GAP, LARGEST] = [760, 336, 28, 420];
const HINT =
  "Click or drag to paint. Arrow keys move, + and − change by 0.1, digits type a value, a − after them turns its sign, " +
  "Space paints.";

function labelled(tag, name, parent, text) {
  const element = make(tag, name, parent);
  element.textContent = text;
  return element;
}

const tidy = (value) => Math.round(clamp(value, -GIVEN.most, GIVEN.most) * 1000) / 1000 + 0; // + 0: no negative zero
const brief = (value, places) => String(Number(value.toFixed(places)) + 0).replace("-", "−");

// A kernel (from × from) in the middle of one of (to × to): zeros around it, or its rim cut off.
function resized(kernel, from, to) {
  const out = new Array(to * to).fill(0);
  const shift = Math.floor((to - from) / 2);
  for (let row = 0; row < from; row++) {
    for (let column = 0; column < from; column++) {
      const [r, c] = [row + shift, column + shift];
      if (r >= 0 && r < to && c >= 0 && c < to) out[r * to + c] = kernel[row * from + column];
    }
  }
  return out;
}

// Valid cross-correlation of an image (height × width) with a kernel (size × size).
function correlate(image, height, width, kernel, size) {
  const [rows, columns] = [Math.max(0, height - size + 1), Math.max(0, width - size + 1)];
  const values = new Float64Array(rows * columns);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const weight = kernel[y * size + x];
      if (!weight) continue;
      for (let row = 0; row < rows; row++) {
        const from = (row + y) * width + x;
        for (let column = 0; column < columns; column++) values[row * columns + column] += weight * image[from + column];
      }
    }
  }
  return { values, rows, columns };
}

class Painter {
  constructor(element) {
    this.root = element.querySelector(".painter");
    this.cells = [];
    this.current = 0;
    this.brush = 1;
    this.typed = "";
    this.build();
    this.observer = new ResizeObserver(() => this.render());
    this.observer.observe(this.root);
    this.hidden = () => this.hush();
    addEventListener("scroll", this.hidden, { capture: true, passive: true });
  }

  build() {
    const tools = make("div", "tools", this.root);
    const label = labelled("label", "", tools, "Brush");
    this.slider = make("input", "slide", label);
    Object.assign(this.slider, { type: "range", min: -1, max: 1, step: STEP });
    this.field = make("input", "field", tools);
    Object.assign(this.field, { type: "number", step: STEP, min: -GIVEN.most, max: GIVEN.most });
    this.field.setAttribute("aria-label", "Brush value");
    const take = (value) => {
      if (!Number.isFinite(value)) return;
      this.brush = tidy(value);
      this.showBrush();
    };
    this.slider.addEventListener("input", () => take(this.slider.valueAsNumber));
    this.field.addEventListener("change", () => take(this.field.valueAsNumber));
    const clear = labelled("button", "", tools, "Clear");
    clear.type = "button";
    clear.addEventListener("click", () => {
      this.kernel.fill(0);
      this.changed();
    });
    this.showBrush();

    const panes = make("div", "panes", this.root);
    const pane = (name) => {
      const figure = make("figure", name, panes);
      const title = make("figcaption", "", figure);
      return { figure, title };
    };
    this.kernelPane = pane("kernel");
    this.grid = make("div", "grid", this.kernelPane.figure);
    this.grid.setAttribute("role", "grid");
    const below = make("div", "below", panes);
    labelled("p", "hint", below, HINT);
    this.use = labelled("button", "use", below, "Use in first layer");
    this.use.type = "button";
    this.use.addEventListener("click", () => this.send(this.rows()));
    this.digit = this.picture(pane("digit"));
    this.map = this.picture(pane("map"));
    this.scale = make("div", "scale", this.map.figure);
    this.tip = make("div", "tip", this.root);
    this.tip.popover = "manual"; // in the top layer: cut off by nothing, moves nothing
    this.tip.setAttribute("aria-hidden", "true");

    const listen = (name, act) => this.grid.addEventListener(name, act);
    listen("pointerdown", (event) => this.down(event));
    listen("pointermove", (event) => this.move(event));
    listen("pointerup", () => (this.painting = false));
    listen("pointercancel", () => (this.painting = false));
    listen("keydown", (event) => this.key(event));
    listen("focusin", (event) => this.focused(this.cells.indexOf(event.target)));
    listen("focusout", () => this.stopTyping());
    for (const { frame } of [this.digit, this.map]) {
      for (const name of ["pointermove", "pointerdown"]) frame.addEventListener(name, (event) => this.point(frame, event));
      for (const name of ["pointerleave", "pointercancel"]) frame.addEventListener(name, () => this.hush());
    }
  }

  picture({ figure, title }) {
    const frame = make("div", "frame", figure);
    const canvas = make("canvas", "", frame);
    canvas.setAttribute("role", "img");
    const box = make("div", "mark", frame);
    box.hidden = true;
    return { figure, title, frame, canvas, mark: box };
  }

  update({ data, setTriggerValue }) {
    this.send = (rows) => setTriggerValue("use", rows);
    const text = JSON.stringify(data);
    if (text !== this.text) this.read(data, text); // Streamlit calls after every script run, changed or not
    this.render();
  }

  read(data, text) {
    this.text = text;
    const before = this.kernel ? { kernel: this.kernel, size: this.size, stamp: this.stamp } : kept.get(data.name);
    this.name = data.name;
    if (before?.stamp !== data.stamp || before.size !== data.size) {
      this.kernel = data.kernel ?? (before ? resized(before.kernel, before.size, data.size) : new Array(data.size ** 2).fill(0));
    } else this.kernel = before.kernel;
    Object.assign(this, { stamp: data.stamp, size: data.size });
    const [channels, height, width] = data.shape;
    this.image = new Float64Array(height * width);
    data.pixels.forEach((pixel, index) => (this.image[index % this.image.length] += pixel / 255));
    Object.assign(this, { channels, height, width });
    this.fill();
    this.keep();
  }

  keep() {
    kept.set(this.name, { kernel: this.kernel, size: this.size, stamp: this.stamp });
  }

  // As many cells as numbers.
  fill() {
    if (this.cells.length !== this.size ** 2) {
      this.cells = [];
      const rows = Array.from({ length: this.size }, () => {
        const row = make("div", "row");
        row.setAttribute("role", "row");
        for (let column = 0; column < this.size; column++) {
          const cell = make("div", "cell", row);
          cell.setAttribute("role", "gridcell");
          this.cells.push(cell);
        }
        return row;
      });
      this.grid.replaceChildren(...rows);
      this.current = Math.floor(this.cells.length / 2);
      this.painting = false;
    }
    this.typed = "";
    this.kernelPane.title.textContent = `kernel, ${this.size} × ${this.size}`;
    this.grid.setAttribute("aria-label", `Kernel, ${this.size} × ${this.size}`);
    this.digit.title.textContent = `image, ${this.height} × ${this.width}`;
  }

  rows() {
    return Array.from({ length: this.size }, (_, row) => this.kernel.slice(row * this.size, (row + 1) * this.size));
  }

  // --- what is shown ---

  changed() {
    this.keep();
    // Many cells may change before the browser draws.
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.render();
    });
  }

  render() {
    if (!this.kernel || !this.root.clientWidth) return; // in a hidden tab: the observer calls again
    const wide = this.root.clientWidth;
    this.narrow = wide < NARROW;
    this.root.classList.toggle("narrow", this.narrow);
    this.room = Math.min(LARGEST, Math.floor((this.narrow ? wide - GAP : wide - COLUMN - 2 * GAP) / 2) - 2);
    const levels = ramp("signed", getComputedStyle(this.root).getPropertyValue("--st-background-color"));
    this.renderKernel(levels);
    this.renderMap(levels);
  }

  renderKernel(levels) {
    const room = Math.min(COLUMN, this.root.clientWidth - 2);
    const cell = Math.floor(clamp(room / this.size, 20, 60));
    this.grid.style.setProperty("--cell", `${cell}px`);
    this.grid.style.setProperty("--text", `${clamp(cell * 0.32, 9, 15)}px`);
    const limit = Math.max(1, ...this.kernel.map(Math.abs));
    this.cells.forEach((element, index) => {
      const value = this.kernel[index];
      const [red, green, blue] = bytes(levels[Math.round((value / limit + 1) * 0.5 * (LEVELS - 1))]);
      element.style.background = `rgb(${red}, ${green}, ${blue})`;
      element.style.color = luminance(red, green, blue) > 0.179 ? "#000" : "#fff";
      element.textContent = this.typed && index === this.current ? this.typed.replace("-", "−") : brief(value, cell >= 50 ? 3 : 2);
      element.tabIndex = index === this.current ? 0 : -1;
      const [row, column] = this.place(index);
      element.setAttribute("aria-label", `row ${row}, column ${column}: ${number(value, 4)}`);
    });
  }

  renderMap(levels) {
    const { values, rows, columns } = correlate(this.image, this.height, this.width, this.kernel, this.size);
    Object.assign(this, { values, rowsOut: rows, columnsOut: columns });
    // For tests and for whoever looks with the browser's tools: what is on the screen, unrounded.
    this.root.shown = { kernel: this.kernel, values, shape: [rows, columns] };
    let [low, high] = [0, 0];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const limit = Math.max(-low, high) || 1;
    const ratio = devicePixelRatio || 1;
    this.pixel = Math.max(1, Math.floor((this.room * ratio) / this.width)) / ratio;
    const brightness = ramp("brightness", "#000");
    this.draw(this.digit, this.image, this.height, this.width, [0, this.channels], brightness, ratio);
    this.digit.canvas.setAttribute("aria-label", "The current image");
    this.map.title.textContent = values.length ? `map, ${rows} × ${columns}` : "no map: the kernel is larger than the image";
    this.draw(this.map, values, rows, columns, [-limit, limit], levels, ratio);
    const range = `from ${number(low)} to ${number(high)}`;
    this.map.canvas.setAttribute("aria-label", `The kernel's map of the image, ${rows} × ${columns}, ${range}`);
    this.scale.replaceChildren(number(-limit), scaleBar(levels), number(limit));
  }

  draw({ canvas, frame }, values, height, width, limits, levels, ratio) {
    frame.hidden = !values.length;
    if (!values.length) return;
    const cell = Math.round(this.pixel * ratio);
    const image = new ImageData(width * cell, height * cell);
    paint(new Uint32Array(image.data.buffer), image.width, 0, 0, cell, 0, values, width, limits, levels);
    show(canvas, image);
    canvas.style.width = frame.style.width = `${width * this.pixel}px`;
    canvas.style.height = frame.style.height = `${height * this.pixel}px`;
  }

  showBrush() {
    this.slider.value = this.brush;
    this.field.value = this.brush;
  }

  // --- pointing at the digit and the map ---

  point(frame, event) {
    const bounds = frame.getBoundingClientRect();
    const column = Math.floor((event.clientX - bounds.left) / this.pixel);
    const row = Math.floor((event.clientY - bounds.top) / this.pixel);
    const onMap = frame === this.map.frame;
    const [height, width] = onMap ? [this.rowsOut, this.columnsOut] : [this.height, this.width];
    if (row < 0 || column < 0 || row >= height || column >= width) return this.hush();
    const value = onMap ? this.values[row * width + column] : this.image[row * width + column];
    mark((onMap ? this.map : this.digit).mark, row, column, 1, this.pixel);
    if (onMap) mark(this.digit.mark, row, column, this.size, this.pixel);
    else this.map.mark.hidden = true;
    const line = labelled("span", "", null, `${onMap ? "map" : "image"}, row ${row}, column ${column}: `);
    labelled("em", "", line, number(value, 4));
    this.tip.replaceChildren(line);
    tipAt(this.tip, event.clientX, event.clientY);
  }

  hush() {
    this.digit.mark.hidden = this.map.mark.hidden = true;
    if (this.tip.matches(":popover-open")) this.tip.hidePopover();
  }

  // --- painting ---

  place(index) {
    return [Math.floor(index / this.size), index % this.size];
  }

  set(index, value) {
    const next = tidy(value);
    if (this.kernel[index] === next) return;
    this.kernel[index] = next;
    this.changed();
  }

  down(event) {
    if (event.button) return;
    this.painting = true;
    this.stopTyping();
    this.grid.setPointerCapture(event.pointerId);
    this.stroke(event);
    this.cells[this.current].focus({ preventScroll: true });
    event.preventDefault(); // or the browser would focus what lies under the pointer, and select text
  }

  move(event) {
    if (!this.painting) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) this.stroke(one);
  }

  stroke({ clientX, clientY }) {
    const bounds = this.grid.getBoundingClientRect();
    const column = Math.floor(((clientX - bounds.left) / bounds.width) * this.size);
    const row = Math.floor(((clientY - bounds.top) / bounds.height) * this.size);
    if (row < 0 || column < 0 || row >= this.size || column >= this.size) return;
    this.current = row * this.size + column;
    this.set(this.current, this.brush);
  }

  focused(index) {
    if (index < 0 || index === this.current) return;
    this.stopTyping();
    this.current = index;
    this.changed();
  }

  stopTyping() {
    if (!this.typed) return;
    this.typed = "";
    this.changed();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = this.place(this.current);
    const last = this.size - 1;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const value = this.kernel[this.current];
    if (step) {
      const next = clamp(row + step[0], 0, last) * this.size + clamp(column + step[1], 0, last);
      this.cells[next].focus();
    } else if (event.key === "Home") this.cells[row * this.size].focus();
    else if (event.key === "End") this.cells[row * this.size + last].focus();
    else if (/^[0-9.,]$/.test(event.key)) this.type(this.typed + event.key.replace(",", "."));
    else if (event.key === "-" && this.typed) this.type(this.typed.startsWith("-") ? this.typed.slice(1) : `-${this.typed}`);
    else if (event.key === "Backspace" && this.typed) this.type(this.typed.slice(0, -1));
    else if (event.key === "+" || event.key === "=") this.nudge(value + STEP);
    else if (event.key === "-" || event.key === "−") this.nudge(value - STEP);
    else if (event.key === "Backspace" || event.key === "Delete") this.nudge(0);
    else if (event.key === " ") this.nudge(this.brush);
    else if (event.key === "Enter" || event.key === "Escape") this.stopTyping();
    else return;
    event.preventDefault();
  }

  nudge(value) {
    this.stopTyping();
    this.set(this.current, value);
  }

  // Each key counts at once, so there is nothing to confirm.
  type(text) {
    if (!/^-?\d{0,3}(\.\d{0,3})?$/.test(text)) return;
    this.typed = text;
    this.set(this.current, Number.parseFloat(text) || 0);
    this.changed();
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.waiting);
    removeEventListener("scroll", this.hidden, { capture: true });
    this.root.replaceChildren();
  }
}

// A square of `size` pixels from (row, column) on.
function mark(element, row, column, size, pixel) {
  element.hidden = false;
  const [left, top, side] = [column, row, size].map((count) => `${count * pixel}px`);
  Object.assign(element.style, { left, top, width: side, height: side });
}


// WCAG's relative luminance.
function luminance(...rgb) {
  const [red, green, blue] = rgb.map((byte) => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export default function (component) {
  const element = component.parentElement;
  if (!painters.has(element)) painters.set(element, new Painter(element));
  const painter = painters.get(element);
  painter.update(component);
  return () => {
    painters.delete(element);
    painter.destroy();
  };
}
