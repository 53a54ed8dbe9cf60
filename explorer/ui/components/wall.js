// Many small maps side by side. wall.py puts GIVEN in front of this text.

const walls = new WeakMap(); // Streamlit's element → its Wall
const LEVELS = 511; // odd, so that the middle of a signed scale is exactly its neutral colour
const MARKS = { right: "✓", wrong: "✗" };
const TARGET = 44; // CSS pixels that a finger needs
const GAP = 10;
const coarse = matchMedia("(pointer: coarse)");

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

function make(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

// Three significant digits like explorer.figures.theme.significant; whole numbers as they are.
function number(value, digits = 3) {
  if (Number.isNaN(value)) return "no value";
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (!Number.isFinite(size)) return `${sign}∞`;
  if (size === 0 || (Number.isInteger(size) && size < 1e6)) return sign + size;
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
  if (exponent < -4 || exponent >= 12) {
    return `${sign}${mantissa} × 10${[...String(+exponent)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("")}`;
  }
  const places = Math.max(0, digits - 1 - exponent);
  return sign + Number(`${mantissa}e${exponent}`).toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
}

const context = make("canvas").getContext("2d", { willReadFrequently: true });
function rgb(colour) {
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

// The scale as LEVELS colours, each a pixel's four bytes in one number, for the theme that shows now.
function ramp(name, background) {
  const [r, g, b] = rgb(background);
  const palette = GIVEN.palettes[0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light"][name];
  const stops = palette.map((colour, index) =>
    rgb(name === "signed" && index === (palette.length - 1) / 2 ? background : colour),
  );
  const levels = new Uint8ClampedArray(4 * LEVELS);
  for (let level = 0; level < LEVELS; level++) {
    const place = (level / (LEVELS - 1)) * (stops.length - 1);
    const index = Math.min(Math.floor(place), stops.length - 2);
    for (let channel = 0; channel < 3; channel++) {
      const [low, high] = [stops[index][channel], stops[index + 1][channel]];
      levels[4 * level + channel] = low + (high - low) * (place - index);
    }
    levels[4 * level + 3] = 255;
  }
  return new Uint32Array(levels.buffer);
}

function paint(canvas, pixels, width, height, [low, high], levels) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  const factor = high > low ? (LEVELS - 1) / (high - low) : 0;
  const flat = low < 0 ? (LEVELS - 1) / 2 : 0;
  for (let index = 0; index < out.length; index++) {
    const value = pixels[index];
    if (Number.isNaN(value)) continue; // stays transparent
    out[index] = levels[factor ? Math.round(clamp((value - low) * factor, 0, LEVELS - 1)) : flat];
  }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}

function same(one, other) {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}

class Wall {
  constructor(element) {
    this.element = element;
    this.root = element.querySelector(".wall");
    this.box = make("div", "box", this.root);
    this.grid = make("div", "grid", this.box);
    this.scale = make("div", "scale", this.root);
    this.tip = make("div", "tip", this.root);
    this.tip.popover = "manual"; // in the top layer: cut off by nothing, moves nothing
    this.tip.setAttribute("aria-hidden", "true");
    this.here = make("div", "here");
    this.tiles = [];
    this.current = 0;
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.root);
    const listen = (name, act) => this.grid.addEventListener(name, act);
    listen("pointermove", (event) => this.point(event));
    listen("pointerdown", (event) => this.point(event));
    listen("pointerleave", () => this.hush());
    listen("pointercancel", () => this.hush());
    listen("click", (event) => this.choose(this.indexOf(event)));
    listen("keydown", (event) => this.key(event));
    listen("focusin", (event) => this.focus(this.indexOf(event)));
    listen("focusout", () => this.hush());
    this.scrolled = () => this.hush();
    addEventListener("scroll", this.scrolled, { capture: true, passive: true });
  }

  update({ data, setTriggerValue }) {
    this.send = (index) => setTriggerValue("click", index);
    if (!same(this.bytes, data)) this.read(data); // Streamlit calls after every script run, changed or not
    this.draw();
    this.layout();
  }

  read(data) {
    this.bytes = data.slice(); // aligned, and ours
    const length = new DataView(this.bytes.buffer).getUint32(0, true);
    this.header = JSON.parse(new TextDecoder().decode(this.bytes.subarray(4, 4 + length)));
    this.pixels = new (this.header.type === "uint8" ? Uint8Array : Float32Array)(this.bytes.buffer, 4 + length);
    [this.count, this.height, this.width] = this.header.shape;
    this.selected = this.header.selected;
    this.current = clamp(this.selected ?? this.current, 0, Math.max(0, this.count - 1));
    this.fill();
    this.hush();
  }

  // As many tiles as maps; those that exist stay, and with them the focus.
  fill() {
    const { clickable, label, marks, captions } = this.header;
    this.root.classList.toggle("clickable", clickable);
    this.grid.setAttribute("role", clickable ? "listbox" : "group");
    this.grid.setAttribute("aria-label", label);
    while (this.tiles.length > this.count) this.tiles.pop().element.remove();
    const fresh = document.createDocumentFragment();
    while (this.tiles.length < this.count) {
      const element = make("div", "tile", fresh);
      element.dataset.index = this.tiles.length;
      const frame = make("div", "pixels", element);
      this.tiles.push({ element, frame, canvas: make("canvas", "", frame), caption: make("div", "caption", element) });
    }
    this.grid.append(fresh);
    this.tiles.forEach(({ element, caption }, index) => {
      element.setAttribute("role", clickable ? "option" : "img");
      element.setAttribute("aria-label", this.name(index));
      caption.hidden = !captions && !marks;
      caption.textContent = captions?.[index] ?? "";
      caption.title = caption.textContent;
      const mark = marks?.[index];
      if (mark) {
        const sign = make("span", mark);
        sign.textContent = `${MARKS[mark]} `;
        caption.prepend(sign);
      }
    });
    this.show();
  }

  name(index) {
    const { captions, details, marks } = this.header;
    const parts = [captions?.[index], details?.[index], marks?.[index]].filter(Boolean);
    return parts.length ? parts.join(", ") : `map ${index}`;
  }

  // Which map is selected, which one the tabulator reaches.
  show() {
    this.tiles.forEach(({ element }, index) => {
      element.tabIndex = index === this.current ? 0 : -1;
      if (this.header.clickable || this.selected !== null) element.ariaSelected = String(index === this.selected);
      else element.ariaSelected = null;
    });
  }

  limits(index) {
    return typeof this.header.limits[0] === "number" ? this.header.limits : this.header.limits[index];
  }

  values(index) {
    const size = this.width * this.height;
    return this.pixels.subarray(index * size, (index + 1) * size);
  }

  draw() {
    const background = getComputedStyle(this.root).getPropertyValue("--st-background-color");
    const state = `${background} ${this.header.scale}`;
    if (this.drawn === this.bytes && this.state === state) return;
    Object.assign(this, { drawn: this.bytes, state });
    const levels = ramp(this.header.scale, background);
    this.tiles.forEach(({ canvas }, index) => {
      paint(canvas, this.values(index), this.width, this.height, this.limits(index), levels);
    });
    this.drawScale(levels);
  }

  drawScale(levels) {
    this.scale.hidden = !this.header.bar || !this.count;
    if (this.scale.hidden) return this.scale.replaceChildren();
    const bar = make("canvas");
    paint(bar, Float32Array.from(levels, (_, level) => level), LEVELS, 1, [0, LEVELS - 1], levels);
    const shared = typeof this.header.limits[0] === "number";
    const [low, high] = shared ? this.header.limits : ["lowest", "highest"];
    const text = (value) => (typeof value === "number" ? number(value) : value);
    const after = shared ? text(high) : "highest of each map";
    this.scale.replaceChildren(text(low), bar, after);
    if (this.header.scale === "signed") bar.title = "0 in the middle";
  }

  // Pixels are squares of whole device pixels; where there is room, they grow.
  layout() {
    const room = this.root.clientWidth;
    if (!room || !this.count) return;
    const { tile, columns: wanted, clickable } = this.header;
    const ratio = devicePixelRatio || 1;
    const target = clickable && coarse.matches ? TARGET : 0;
    const width = (cell) => (cell * this.width) / ratio;
    const smallest = Math.max(1, Math.round((Math.max(tile, target) * ratio) / this.width));
    const least = Math.max(width(smallest), target);
    const columns = wanted ?? Math.max(1, Math.floor((room + GAP) / (least + GAP)));
    const share = (room - (columns - 1) * GAP) / columns;
    const largest = Math.floor((Math.min(share, wanted ? 2 * tile : share) * ratio) / this.width);
    const cell = Math.max(smallest, largest);
    this.columns = Math.min(columns, this.count);
    this.cell = cell / ratio;
    const size = Math.max(width(cell), target);
    this.grid.style.cssText =
      `grid-template-columns: repeat(${this.columns}, ${size}px); --cell: ${this.cell}px; --gap: ${GAP}px; --least: ${target}px;`;
    this.grid.classList.toggle("gaps", this.cell >= 10);
    for (const { frame } of this.tiles) {
      frame.style.width = `${width(cell)}px`;
      frame.style.height = `${(cell * this.height) / ratio}px`;
    }
  }

  indexOf(event) {
    const tile = event.target.closest?.(".tile");
    return tile ? Number(tile.dataset.index) : null;
  }

  point(event) {
    const index = this.indexOf(event);
    if (index === null) return this.hush();
    const { frame } = this.tiles[index];
    const bounds = frame.getBoundingClientRect();
    const column = Math.floor((event.clientX - bounds.left) / this.cell);
    const row = Math.floor((event.clientY - bounds.top) / this.cell);
    const inside = column >= 0 && row >= 0 && column < this.width && row < this.height;
    if (inside && this.cell >= 5) {
      this.here.style.translate = `${column * this.cell}px ${row * this.cell}px`;
      this.here.style.inset = "0 auto auto 0";
      frame.append(this.here);
    } else this.here.remove();
    this.say(index, inside ? [row, column] : null, event.clientX, event.clientY);
  }

  // The details of a map, and where a pixel is pointed at its place and value.
  say(index, place, x, y) {
    const lines = [];
    const text = this.header.details?.[index] ?? this.header.captions?.[index];
    if (text) {
      const title = make("b");
      title.textContent = text;
      lines.push(title);
    }
    if (place) {
      const [row, column] = place;
      const value = make("em");
      value.textContent = number(this.values(index)[row * this.width + column], 4);
      const line = make("span");
      line.append(`map ${index}, row ${row}, column ${column}: `, value);
      lines.push(line);
      if (typeof this.header.limits[0] !== "number") {
        const range = make("span");
        range.textContent = `its scale: ${this.limits(index).map((end) => number(end)).join(" to ")}`;
        lines.push(range);
      }
    }
    this.tip.replaceChildren(...lines);
    if (!this.tip.matches(":popover-open")) this.tip.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this.tip;
    this.tip.style.left = `${clamp(x + 14, 4, innerWidth - width - 4)}px`;
    this.tip.style.top = `${y - height - 14 > 4 ? y - height - 14 : y + 22}px`;
  }

  hush() {
    this.here.remove();
    if (this.tip.matches(":popover-open")) this.tip.hidePopover();
  }

  focus(index) {
    if (index === null) return;
    this.current = index;
    this.show();
    const { element, frame } = this.tiles[index];
    if (!element.matches(":focus-visible") || !this.header.details) return;
    requestAnimationFrame(() => {
      // after the scrolling that the focus causes
      const bounds = frame.getBoundingClientRect();
      if (element.matches(":focus")) this.say(index, null, bounds.left - 14, bounds.top + 6);
    });
  }

  key(event) {
    const step = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -this.count, End: this.count,
    }[event.key];
    if (step) {
      const next = this.current + step;
      if (Math.abs(step) === this.count || (next >= 0 && next < this.count)) {
        this.tiles[clamp(next, 0, this.count - 1)].element.focus();
      }
    } else if (event.key === "Enter" || event.key === " ") this.choose(this.current);
    else if (event.key === "Escape") return this.hush();
    else return;
    event.preventDefault();
  }

  // Shown at once; Python's answer confirms it.
  choose(index) {
    if (index === null || !this.header.clickable) return;
    this.selected = index;
    this.current = index;
    this.show();
    this.send(index);
  }

  destroy() {
    this.observer.disconnect();
    removeEventListener("scroll", this.scrolled, { capture: true });
    this.root.replaceChildren();
  }
}

export default function (component) {
  const element = component.parentElement;
  if (!walls.has(element)) walls.set(element, new Wall(element));
  const wall = walls.get(element);
  wall.update(component);
  return () => {
    walls.delete(element);
    wall.destroy();
  };
}
