// Many small maps side by side, in an element with a .wall. Python puts GIVEN and pixels.js in front of this text, and a
// script that is called by Streamlit after it.

const MARKS = { right: "✓", wrong: "✗" };
const TARGET = 44; // CSS pixels that a finger needs
const LINES = 3; // of a caption at most
const BAND = 2048; // device pixels; canvases much higher than that don't work everywhere
const coarse = matchMedia("(pointer: coarse)");

const WHOLE = /([>·] \S+|\p{L}+(?:-\p{L}+)+)/u; // "> 99%", "· 12" and "T-shirt" stay in one line

class Wall {
  constructor(element) {
    this.element = element;
    this.root = element.querySelector(".wall");
    this.box = make("div", "box", this.root);
    this.grid = make("div", "grid", this.box);
    // Maps are drawn on a few canvases behind the tiles: a canvas each would be a layer each, which makes browsers slow.
    this.bands = make("div", "bands", this.grid);
    this.scale = make("div", "scale", this.root);
    this.tip = make("div", "tip", this.root);
    this.tip.popover = "manual"; // in the top layer: cut off by nothing, moves nothing
    this.tip.setAttribute("aria-hidden", "true");
    this.here = make("div", "here");
    this.tiles = [];
    this.current = 0;
    this.observer = new ResizeObserver(() => this.render());
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
    this.render();
  }

  read(data) {
    this.bytes = data.slice(); // aligned, and ours
    const [header, { buffer, byteOffset }] = unpack(this.bytes);
    this.header = header;
    this.pixels = new (header.type === "uint8" ? Uint8Array : Float32Array)(buffer, byteOffset);
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
      this.tiles.push({ element, frame, caption: make("div", "caption", element) });
    }
    this.grid.append(fresh);
    this.tiles.forEach(({ element, caption }, index) => {
      element.setAttribute("role", clickable ? "option" : "img");
      element.setAttribute("aria-label", this.name(index));
      caption.hidden = !captions && !marks;
      caption.title = captions?.[index] ?? "";
      caption.replaceChildren();
      caption.title.split(WHOLE).forEach((part, place) => {
        if (place % 2) make("span", "whole", caption).textContent = part;
        else caption.append(part);
      });
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

  render() {
    if (!this.bytes) return; // nothing to show yet
    this.scale.hidden = !this.header.bar || !this.count;
    if (!this.count) return this.bands.replaceChildren();
    if (!this.root.clientWidth) return; // in a hidden tab: the observer calls again
    this.layout();
    const background = getComputedStyle(this.root).getPropertyValue("--st-background-color");
    const state = [background, this.ratio, this.grow, this.cell, this.columns, this.pitch].join(" ");
    if (this.drawn === this.bytes && this.state === state) return;
    Object.assign(this, { drawn: this.bytes, state });
    const levels = ramp(this.header.scale, background);
    this.draw(levels);
    if (this.header.bar) this.drawScale(levels);
  }

  // Pixels are squares of whole device pixels; where there is room, they grow.
  layout() {
    const { tile, columns: wanted, clickable } = this.header;
    const ratio = devicePixelRatio || 1;
    const gap = Math.round(10 * ratio) / ratio;
    const target = clickable && coarse.matches ? TARGET : 0;
    const grow = growth(this.root);
    const usual = Math.max(1, Math.round((Math.max(tile, target) * ratio) / this.width));
    const smallest = Math.round(usual * grow); // not the tile times it: 28 pixels of 72 and of 97 would be 3 wide
    const least = Math.max((smallest * this.width) / ratio, target);
    const room = this.root.clientWidth;
    const columns = wanted ?? Math.max(1, Math.floor((room + gap) / (least + gap)));
    const share = (room - (columns - 1) * gap) / columns;
    const largest = Math.floor((Math.min(share, wanted ? 2 * tile * grow : share) * ratio) / this.width);
    const cell = Math.max(smallest, largest);
    const [width, height] = [(cell * this.width) / ratio, (cell * this.height) / ratio];
    const column = Math.max(width, target);
    Object.assign(this, { ratio, grow, cell: cell / ratio, columns: Math.min(columns, this.count) });
    const sizes = { cell: this.cell, gap, width, height, least: target };
    for (const [name, size] of Object.entries(sizes)) this.grid.style.setProperty(`--${name}`, `${size}px`);
    this.grid.style.gridTemplateColumns = `repeat(${this.columns}, ${column}px)`;
    this.wrap();
    this.pitch = [column + gap, this.tiles[0].element.getBoundingClientRect().height + gap];
  }

  // Captions that are wider than their map break into lines, of which all tiles get as many: the rows stay even.
  wrap() {
    const { captions, marks } = this.header;
    if (!captions && !marks) return;
    this.root.classList.add("measured");
    const line = parseFloat(getComputedStyle(this.tiles[0].caption).lineHeight);
    const highest = Math.max(...this.tiles.map(({ caption }) => caption.scrollHeight));
    this.root.classList.remove("measured");
    const lines = clamp(Math.round(highest / line), 1, LINES);
    this.root.classList.toggle("wraps", lines > 1);
    this.grid.style.setProperty("--lines", lines);
  }

  draw(levels) {
    const device = (length) => Math.round(length * this.ratio);
    const cell = device(this.cell);
    const gap = this.cell >= 10 * this.grow ? Math.max(1, Math.floor(this.ratio)) : 0;
    const rows = Math.ceil(this.count / this.columns);
    const high = Math.max(1, Math.floor(BAND / device(this.pitch[1])));
    const wide = device((this.columns - 1) * this.pitch[0]) + cell * this.width;
    // Ink may be as white as the page: what is no part of a picture must look like neither ink nor paper.
    const [red, green, blue] = rgb(getComputedStyle(this.root).getPropertyValue("--st-primary-color"));
    const nothing = this.header.scale === "brightness" ? ((96 << 24) | (blue << 16) | (green << 8) | red) >>> 0 : 0;
    const bands = [];
    for (let first = 0; first < rows; first += high) {
      const top = device(first * this.pitch[1]);
      const last = Math.min(first + high, rows) - 1;
      const image = new ImageData(wide, device(last * this.pitch[1]) - top + cell * this.height);
      const out = new Uint32Array(image.data.buffer);
      for (let index = first * this.columns; index < Math.min((last + 1) * this.columns, this.count); index++) {
        const x = device((index % this.columns) * this.pitch[0]);
        const y = device(Math.floor(index / this.columns) * this.pitch[1]) - top;
        paint(out, wide, x, y, cell, gap, this.values(index), this.width, this.limits(index), levels, nothing);
      }
      const canvas = this.bands.children[bands.length] ?? make("canvas");
      show(canvas, image);
      canvas.style.cssText = `top: ${top / this.ratio}px; width: ${wide / this.ratio}px; height: ${image.height / this.ratio}px`;
      bands.push(canvas);
    }
    this.bands.replaceChildren(...bands);
  }

  drawScale(levels) {
    const shared = typeof this.header.limits[0] === "number";
    const [low, high] = shared ? this.header.limits.map((end) => number(end)) : ["lowest", "highest of each map"];
    this.scale.replaceChildren(low, scaleBar(levels), high);
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
    const unit = this.header.units && place ? place[0] * this.width + place[1] : null;
    if (place && !(unit !== null && Number.isNaN(this.values(index)[unit]))) {
      const [row, column] = place;
      const value = make("em");
      value.textContent = number(this.values(index)[row * this.width + column], 4);
      const line = make("span");
      const where = unit === null ? `row ${row}, column ${column}` : `unit ${unit}`;
      line.append(text || unit !== null ? `${where}: ` : `map ${index}, ${where}: `, value);
      lines.push(line);
      if (typeof this.header.limits[0] !== "number") {
        const range = make("span");
        range.textContent = `its scale: ${this.limits(index).map((end) => number(end)).join(" to ")}`;
        lines.push(range);
      }
    }
    this.tip.replaceChildren(...lines);
    tipAt(this.tip, x, y);
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
    if (!element.matches(":focus-visible")) return;
    element.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (!this.header.details) return;
    requestAnimationFrame(() => {
      // after the scrolling that the focus causes
      const bounds = frame.getBoundingClientRect();
      if (element.matches(":focus")) this.say(index, null, bounds.left - 14, bounds.top + 6);
    });
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
    const next = { Home: 0, End: this.count - 1 }[event.key] ?? (step && this.current + step);
    if (next !== undefined) this.tiles[next]?.element.focus();
    else if (event.key === "Enter" || event.key === " ") this.choose(this.current);
    else if (event.key === "Escape") return this.hush();
    else return;
    event.preventDefault();
  }

  // Another tile than the data say, or none.
  select(index) {
    if (index === this.selected) return;
    this.selected = index;
    this.current = index ?? this.current;
    this.show();
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
