// The microscope. microscope.py puts GIVEN, pixels.js, microscope_math.js, _draw.js and _parts.js in front of this text.

const scopes = new WeakMap(); // Streamlit's element → its Scope
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SHEET_CELL = 28; // CSS pixels, before they grow with the window
const STRIDE_MS = 140; // of Play, between two positions
const PLAY = "Play: slide over the whole map";
const UNIT_COLUMNS = 16;
const MOST_LISTED = 8;
// What has the focus, also within another component's shadow.
const holder = (within = document) => {
  const found = within.activeElement;
  return found?.shadowRoot ? holder(found.shadowRoot) ?? found : found ?? document.body;
};
const largest = (values) => {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
};

// A canvas with room for a line under it.
function part(parent, name) {
  const box = make("div", "part", parent);
  const canvas = make("canvas", name, box);
  make("div", "limits", box);
  return canvas;
}

class Scope {
  constructor(element) {
    this.root = element.querySelector(".scope");
    this.root.scope = this;
    this.observer = new ResizeObserver(() => this.schedule(true));
    this.observer.observe(this.root);
  }

  update({ data, setTriggerValue }) {
    this.send = (number) => setTriggerValue("choose", number);
    if (!same(this.bytes, data)) this.read(data); // Streamlit calls after every script run, changed or not
    this.schedule(true);
  }

  read(data) {
    this.bytes = data.slice();
    const [header, { buffer, byteOffset }] = unpack(this.bytes);
    const arrays = {};
    for (const [name, { shape, offset }] of Object.entries(header.arrays)) {
      const size = shape.reduce((one, other) => one * other, 1);
      arrays[name] = { shape, data: new Float32Array(buffer, byteOffset + offset, size) };
    }
    const before = this.section;
    this.section = { ...header, arrays };
    const { shape, data: values } = arrays.values;
    const flat = shape.length === 1;
    Object.assign(this.section, { flat, rows: flat ? 1 : shape[0], columns: flat ? 1 : shape[1] });
    const stays = before?.layer === header.layer && this.row < this.section.rows && this.column < this.section.columns;
    if (!stays) {
      this.picked = null;
      // What differs most from the rest: there is most to see.
      const middle = Float32Array.from(values).sort()[values.length >> 1];
      const far = (at) => Math.abs(values[at] - middle);
      const place = flat ? 0 : values.reduce((best, _, at) => (far(at) > far(best) ? at : best), 0);
      this.row = Math.floor(place / this.section.columns);
      this.column = place % this.section.columns;
    }
    this.stop();
    this.stale = true; // the reading is of the section before, until it is drawn
    this.build();
    // Its place is under tall walls: who opens it should see that something opened.
    if (header.reveal) {
      const behavior = still.matches ? "auto" : "smooth";
      const byKeyboard = holder().matches(":focus-visible");
      requestAnimationFrame(() => {
        this.root.scrollIntoView({ block: "start", behavior });
        if (byKeyboard) this.stage?.canvas.focus({ preventScroll: true });
      });
    }
  }

  // The page for this kind of layer; it is built anew only for another kind.
  build() {
    const { section } = this;
    const { kind, flat, arrays, layer, number: chosen, base } = section;
    const shape = [kind, flat, Boolean(arrays.logits)].join();
    if (this.shape !== shape) {
      this.shape = shape;
      this.root.replaceChildren();
      this.head = make("div", "head", this.root);
      this.title = make("div", "title", this.head);
      this.where = make("div", "where", this.head);
      this.where.setAttribute("role", "status");
      if (!flat) this.buttons();
      const body = make("div", "body", this.root);
      this.sheet = null;
      if (kind === "pixels") this.buildSheet(body);
      else this.buildParts(body);
    }
    this.drawn = null;
    if (this.sheet) return;
    this.title.textContent = flat ? `${layer}, unit ${chosen}` : `${layer}, map ${chosen}`;
    if (flat && kind === "pooling") this.title.textContent = `${layer}, mean of map ${chosen}`;
    const name = flat ? `Units of ${layer}: arrow keys choose another` : `${layer}, map ${chosen}: arrow keys move`;
    this.stage.canvas.setAttribute("aria-label", name);
    if (this.source) {
      this.source.nextSibling.textContent = "the map that goes in, with the window";
      this.window.nextSibling.textContent = section.mode === "max" ? "the window: one stays" : "the window: all count alike";
    }
    if (this.channels) {
      const count = section.seen.length;
      const from = section.first ? "the image, normalised as every network gets it" : `${several(count, "input map")}${count < arrays.inputs.shape[0] ? ` of ${arrays.inputs.shape[0]}` : ""}, the largest contribution first`;
      this.channels.caption.textContent = `What ${base} multiplies and adds here: patch × kernel = products, from ${from}`;
    }
  }

  buildParts(body) {
    const { kind } = this.section;
    this.stage = new Stage(body, this);
    this.source = this.window = null;
    if (kind === "pooling") this.source = part(body, "source");
    if (kind === "pooling") this.window = part(body, "window");
    this.equations = new Equations(body);
    this.channels = kind === "convolution" ? new Channels(this.root) : null;
    this.dense = kind === "dense" ? new Dense(this.root) : null;
    this.table = new TextTable(this.root, (body) => this.write(body));
  }

  // An image with its numbers over its pixels.
  buildSheet(body) {
    this.title.textContent = "The image as numbers";
    this.head.querySelector(".buttons").remove();
    body.classList.add("wide");
    this.sheet = new Stage(body, this);
    this.sheet.canvas.setAttribute("aria-label", "The image's pixels: arrow keys move");
    this.stage = this.sheet;
    this.equations = this.channels = this.dense = null;
    this.table = new TextTable(this.root, (place) => this.write(place));
  }

  drawSheet() {
    const { section, ink, row, column } = this;
    const { data, shape } = section.arrays.values;
    const dot = Math.round(SHEET_CELL * ink.grow);
    this.sheet.dot = dot;
    const pen = fit(this.sheet.canvas, shape[1] * dot + 8, shape[0] * dot + 8);
    cells(pen, 4, 4, dot, shape[1], data, { ink, scale: "brightness", limit: 255, text: String, share: 0.38 });
    ring(pen, 4 + column * dot, 4 + row * dot, dot - 1, dot - 1, ink);
    const value = data[row * shape[1] + column];
    this.reading = { row, column, value };
    this.where.textContent = `row ${row}, column ${column}: ${value} of 255`;
  }

  buttons() {
    const bar = make("div", "buttons", this.head);
    const button = (text, label, act) => {
      const element = make("button", "", bar);
      element.type = "button";
      element.textContent = text;
      element.setAttribute("aria-label", label);
      element.addEventListener("click", act);
      return element;
    };
    button("‹", "One step back", () => this.step(-1));
    this.playing = button("Play", PLAY, () => (this.timer ? this.stop() : this.play()));
    button("›", "One step on", () => this.step(1));
  }

  play() {
    this.playing.textContent = "Pause";
    this.playing.setAttribute("aria-label", "Pause");
    this.where.setAttribute("aria-live", "off"); // a step each moment is too much to be read out
    this.timer = setInterval(() => this.step(1, true), still.matches ? 3 * STRIDE_MS : STRIDE_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.where?.removeAttribute("aria-live");
    if (this.playing) {
      this.playing.textContent = "Play";
      this.playing.setAttribute("aria-label", PLAY);
    }
  }

  // Row by row, around at the end.
  step(by, goesOn = false) {
    if (!goesOn) this.stop();
    const count = this.section.rows * this.section.columns;
    const place = (this.row * this.section.columns + this.column + by + count) % count;
    this.move(Math.floor(place / this.section.columns), place % this.section.columns);
  }

  move(row, column) {
    row = clamp(row, 0, this.section.rows - 1);
    column = clamp(column, 0, this.section.columns - 1);
    if (row === this.row && column === this.column) return;
    Object.assign(this, { row, column });
    this.schedule();
  }

  // However often the pointer moves, one drawing a frame.
  schedule(resized = false) {
    this.resized ||= resized;
    this.request ??= requestAnimationFrame(() => {
      this.request = undefined;
      if (this.section && this.root.clientWidth) this.draw();
    });
  }

  draw() {
    const { section, row, column } = this;
    const width = this.root.clientWidth;
    if (this.resized) {
      this.ink = inks(this.root);
      const state = [width, this.ink.key, devicePixelRatio].join();
      if (this.drawn !== state) this.prepare(width);
      this.drawn = state;
      this.resized = false;
    }
    this.stale = false;
    if (this.sheet) return this.drawSheet();
    const reading = this.calculate(row, column);
    this.reading = { row, column, ...reading };
    this.equations.write(this.lines(reading), section, this.ink);
    this.where.textContent = section.flat
      ? `value ${number(reading.value, 4)}`
      : `row ${row}, column ${column}: ${number(reading.value, 4)}`;
    this.stage.draw(section, this.ink, row, column);
    if (this.channels) this.channels.show(section, reading, this.maps, this.ink, row, column);
    if (section.kind === "pooling") this.drawWindow(reading);
    if (this.dense) this.dense.draw(section, reading, this.ink, width);
    this.table.later();
  }

  // What changes with the section, the room or the theme, but not with the position.
  prepare(width) {
    const { section, ink } = this;
    if (this.sheet) return;
    this.stage.layout(section, ink, width);
    if (this.channels) this.channels.layout(section, ink, width);
    if (section.kind !== "convolution" && section.kind !== "pooling") return;
    const { data, shape } = section.arrays.inputs;
    const area = shape[1] * shape[2];
    const scale = data.some((value) => value < 0) ? "signed" : "brightness";
    const limit = largest(data);
    const weight = largest(section.arrays.kernel?.data ?? []);
    const bitmaps = Array.from({ length: shape[0] }, (_, channel) =>
      bitmap(data.subarray(channel * area, (channel + 1) * area), shape[2], limit, ink, scale),
    );
    this.maps = { bitmaps, limit, weight, product: limit * weight, scale };
  }

  calculate(row, column) {
    const { section } = this;
    switch (section.kind) {
      case "convolution": return convolve(section, row, column);
      case "pooling": return pool(section, row, column);
      case "dense": return connect(section);
      default: {
        const before = section.arrays.inputs.data[row * section.arrays.inputs.shape[2] + column];
        const steps = follow(before, section.steps);
        return { before, steps, value: own(section, before, steps) };
      }
    }
  }

  lines(reading) {
    const { section } = this;
    const bias = section.bias === null ? [] : [[section.base, `${number(reading.total, 4)} + bias ${bracket(section.bias)}`, reading.before]];
    switch (section.kind) {
      case "convolution": {
        const sums = section.seen.length;
        const products = (section.arrays.kernel.data.length / section.arrays.kernel.shape[0]) * sums;
        const what = sums === 1 ? `sum of ${products} products` : `sum of ${sums} input maps' sums, ${products.toLocaleString("en")} products`;
        return lines(section, reading, [[section.base, what, reading.total], ...bias]);
      }
      case "dense": {
        const what = `sum of ${reading.products.length.toLocaleString("en")} products, weight × input`;
        return lines(section, reading, [[section.base, what, reading.total], ...bias]);
      }
      case "pooling": {
        const count = reading.values.length;
        if (section.mode !== "max") return [[section.layer, `mean: ${number(reading.total, 4)} ÷ ${count}`, reading.value]];
        const [y, x] = [Math.floor(reading.winner / section.window[1]), reading.winner % section.window[1]];
        const at = `row ${reading.top + y}, column ${reading.left + x}`;
        const what = reading.equals === 1 ? "the largest" : `${reading.equals === count ? "all" : reading.equals} equally large, the first`;
        const from = `${what} of ${count}, from ${at}; ${several(count - 1, "other")} discarded`;
        return [[section.layer, from, reading.value]];
      }
      default:
        return lines(section, reading, [[section.base, "the number as it comes", reading.before]]);
    }
  }

  drawWindow(reading) {
    const { section, ink } = this;
    const { bitmaps, limit, scale } = this.maps;
    const [, height, width] = section.arrays.inputs.shape;
    const [high, wide] = section.window;
    const dot = Math.max(3, Math.floor((200 * ink.grow) / Math.max(height, width)));
    const pen = fit(this.source, width * dot + 8, height * dot + 8);
    pen.drawImage(bitmaps[0], 4, 4, width * dot, height * dot);
    frame(pen, 3.5, 3.5, width * dot + 1, height * dot + 1, ink.border, 1);
    ring(pen, 4 + reading.left * dot, 4 + reading.top * dot, wide * dot, high * dot, ink);
    const cell = clamp(Math.floor((180 * ink.grow) / Math.max(high, wide)), 8, Math.round(60 * ink.grow));
    const grid = fit(this.window, wide * cell + 8, high * cell + 8);
    cells(grid, 4, 4, cell, wide, reading.values, { ink, scale, limit, winner: reading.winner });
  }

  write(body) {
    if (this.stale) return; // drawing writes it
    const { section, reading } = this;
    body.replaceChildren();
    if (this.sheet) {
      const { data, shape } = section.arrays.values;
      const heads = ["Row", ...Array.from({ length: shape[1] }, (_, column) => `${column}`)];
      const lines = Array.from({ length: shape[0] }, (_, row) => [`${row}`, ...data.subarray(row * shape[1], (row + 1) * shape[1])]);
      return rows(table(body, heads, "Brightness of each pixel, 0 to 255"), lines);
    }
    const at = `row ${reading.row}, column ${reading.column}`;
    const steps = this.lines(reading).map(([layer, text, value]) => [layer, text, value]);
    rows(table(body, ["Layer", "Calculation", "Result"], section.flat ? this.title.textContent : `${this.title.textContent}, ${at}`), steps);
    if (section.kind === "convolution") {
      rows(table(body, ["Input map", "Sum of its products"], "Input maps, the largest first"), reading.order.map((channel) => [`${channel}`, reading.sums[channel]]));
      this.terms(body);
    }
    if (section.kind === "dense") this.inputs(body);
    if (section.kind === "pooling") {
      const wide = section.window[1];
      const cells = Array.from(reading.values, (value, place) => [
        `${reading.top + Math.floor(place / wide)}`, `${reading.left + (place % wide)}`, value,
        section.mode === "max" ? (place === reading.winner ? "kept" : "discarded") : "counts",
      ]);
      rows(table(body, ["Row", "Column", "Value", ""], "The window"), cells, reading.winner ?? -1);
    }
  }

  // A table of one map's products; which one, the reader chooses among `order`, and it stays while the pointer moves.
  ofOneMap(body, text, order, fill) {
    const label = make("label", "", body);
    label.textContent = text;
    const select = make("select", "", label);
    for (const channel of order) make("option", "", select).textContent = channel;
    if (order.includes(this.picked)) select.value = this.picked;
    const place = make("div", "", body);
    const write = () => {
      place.replaceChildren();
      fill(place, Number(select.value));
    };
    select.addEventListener("change", () => {
      this.picked = Number(select.value);
      write();
    });
    write();
  }

  // All products of a dense layer's unit: those of one map at a time where the inputs are maps' numbers.
  inputs(body) {
    const { section, reading } = this;
    const { weights, inputs } = section.arrays;
    const all = (parent, places, caption) =>
      rows(
        table(parent, ["From", "Weight", "Input", "Product"], caption),
        places.map((place) => [source(section, place), weights.data[place], inputs.data[place], reading.products[place]]),
      );
    if (!section.origin || section.origin.means) return all(body, reading.order, "All products, the largest first");
    const { sums, order } = backOnMaps(section, reading.products);
    rows(table(body, ["Map", "Sum of its products"], `Maps of ${section.origin.layer}, the largest first`), order.map((channel) => [`${channel}`, sums[channel]]));
    const [, height, width] = section.origin.shape;
    const area = height * width;
    this.ofOneMap(body, "Products of map ", order, (place, channel) =>
      all(place, Array.from({ length: area }, (_, inside) => channel * area + inside), `Map ${channel}`),
    );
  }

  // Each product of one input map of a convolution.
  terms(body) {
    const { section, reading } = this;
    const { row, column, order } = reading;
    this.ofOneMap(body, "Products of input map ", order, (place, channel) => {
      const size = section.arrays.kernel.shape[1];
      const [top, left] = corner(section, row, column);
      const { values, padding } = patch(section, channel, row, column);
      const weights = slice(section, channel);
      const found = Array.from(values, (value, index) => [
        padding[index] ? "padding" : `${top + Math.floor(index / size)}, ${left + (index % size)}`,
        value, weights[index], value * weights[index],
      ]);
      rows(table(place, ["Row, column", "Input", "Weight", "Product"], `Input map ${channel}`), found);
    });
  }

  destroy() {
    this.stop();
    cancelAnimationFrame(this.request);
    this.observer.disconnect();
    this.root.replaceChildren();
  }
}

// The layer's own map, or all of its units as a strip: where the reader points.
class Stage {
  constructor(parent, scope) {
    this.scope = scope;
    this.dot = 0; // CSS pixels a value
    this.element = make("div", "stage", parent);
    this.canvas = make("canvas", "", this.element);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.scale = make("div", "limits", this.element);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event, true));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  layout(section, ink, width) {
    const { data, shape } = section.arrays.values;
    this.wide = section.flat ? Math.min(UNIT_COLUMNS, shape[0]) : shape[1];
    this.high = section.flat ? Math.ceil(shape[0] / this.wide) : shape[0];
    const room = Math.min(280 * ink.grow, width - 16);
    const most = Math.floor((section.flat ? 17 : 56) * ink.grow);
    this.dot = clamp(Math.floor(room / Math.max(this.wide, section.flat ? 0 : this.high)), 3, most);
    const limit = largest(data) || 1;
    const filled = new Float32Array(this.wide * this.high).fill(NaN);
    filled.set(data);
    this.image = bitmap(filled, this.wide, limit, ink, section.scale);
    const low = section.scale === "signed" ? -limit : 0;
    this.scale.textContent = `${number(low)} to ${number(limit)}`;
  }

  draw(section, ink, row, column) {
    const [width, height] = [this.wide * this.dot, this.high * this.dot];
    const pen = fit(this.canvas, width + 8, height + 8);
    pen.drawImage(this.image, 4, 4, width, height);
    frame(pen, 3.5, 3.5, width + 1, height + 1, ink.border, 1);
    const place = section.flat ? section.number : row * this.wide + column;
    ring(pen, 4 + (place % this.wide) * this.dot, 4 + Math.floor(place / this.wide) * this.dot, this.dot, this.dot, ink);
  }

  point(event, pressed = false) {
    const { section } = this.scope;
    if (event.pointerType === "touch" || pressed) this.scope.stop();
    if (this.scope.timer) return; // while it plays, only a press takes over
    const bounds = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - bounds.left - 4) / this.dot);
    const row = Math.floor((event.clientY - bounds.top - 4) / this.dot);
    if (!section.flat) return this.scope.move(row, column);
    if (pressed && column >= 0 && column < this.wide) this.choose(row * this.wide + column);
  }

  choose(number) {
    const { section } = this.scope;
    if (number >= 0 && number < section.arrays.values.shape[0] && number !== section.number) this.scope.send(number);
  }

  key(event) {
    const { section } = this.scope;
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (section.flat && move) this.choose(section.number + move[0] * this.wide + move[1]);
    else if (move) {
      this.scope.stop();
      this.scope.move(this.scope.row + move[0], this.scope.column + move[1]);
    } else if (event.key === "Home" && !section.flat) this.scope.move(this.scope.row, 0);
    else if (event.key === "End" && !section.flat) this.scope.move(this.scope.row, section.columns - 1);
    else return;
    event.preventDefault();
  }
}

// A unit of a dense layer: the largest products for and against, all of them drawn on the maps they come from, and for
// the output layer the way from logits to probabilities.
class Dense {
  constructor(parent) {
    this.lists = make("div", "lists", parent);
    this.pro = table(this.lists, ["From", "Weight", "Input", "Product"], "Speaks for it");
    this.con = table(this.lists, ["From", "Weight", "Input", "Product"], "Speaks against it");
    this.soft = make("div", "softmax", parent);
    this.caption = make("div", "caption", parent);
    this.under = make("div", "under", parent);
    this.under.setAttribute("role", "status");
    this.maps = make("div", "back", parent);
    scrolls(this.maps, "What each map of the layer before adds");
    for (const kind of ["pointermove", "pointerdown"]) this.maps.addEventListener(kind, (event) => this.point(event));
    this.maps.addEventListener("pointerleave", () => this.tell());
  }

  draw(section, reading, ink, width) {
    const state = [width, ink.key].join();
    if (this.section === section && this.state === state) return; // nothing here moves with the pointer
    Object.assign(this, { section, state });
    const { products, order } = reading;
    const listed = (places) =>
      places.map((place) => [source(section, place), section.arrays.weights.data[place], section.arrays.inputs.data[place], products[place]]);
    const positive = order.filter((place) => products[place] > 0);
    const negative = order.filter((place) => products[place] < 0).reverse();
    for (const [body, places] of [[this.pro, positive], [this.con, negative]]) {
      const rest = places.slice(MOST_LISTED).reduce((sum, place) => sum + products[place], 0);
      const more = places.length > MOST_LISTED ? [[several(places.length - MOST_LISTED, "other"), "", "", rest]] : [];
      rows(body, [...listed(places.slice(0, MOST_LISTED)), ...more]);
    }
    this.softmax(section);
    this.back(section, products, ink);
  }

  softmax(section) {
    this.soft.replaceChildren();
    if (!section.arrays.logits) return;
    const logits = section.arrays.logits.data;
    const { largest: most, exponentials, sum, probabilities } = softmax(logits);
    const caption = `Softmax: e to the logit, less the largest (${number(most, 4)}), over the sum of all, ${number(sum, 4)}`;
    const body = table(this.soft, ["Class", "Logit", "Less the largest", "Exponential", "Probability"], caption);
    const found = Array.from(logits, (logit, place) => [
      section.classes[place] ?? `${place}`, logit, logit - most, exponentials[place], probabilities[place],
    ]);
    rows(body, found, section.number);
  }

  // Every product where its input lies in the maps before.
  back(section, products, ink) {
    this.maps.replaceChildren();
    this.caption.textContent = "";
    this.tell();
    if (!section.origin) return;
    const [, height, width] = section.origin.shape;
    const area = height * width;
    const { values, sums, order } = backOnMaps(section, products);
    const limit = largest(values) || 1;
    const { layer, means } = section.origin;
    const what = means ? `Each mean's product, shared out over its map of ${layer}` : `The products on the maps of ${layer} that they come from`;
    this.caption.textContent = `${what}, the largest sums first; −${number(limit)} to ${number(limit)}`;
    const dot = clamp(Math.round((96 * ink.grow) / Math.max(height, width)), 2, Math.round(24 * ink.grow));
    for (const channel of order) {
      const tile = make("figure", "", this.maps);
      const canvas = bitmap(values.subarray(channel * area, (channel + 1) * area), width, limit, ink, "signed");
      canvas.style.width = `${width * dot}px`;
      canvas.style.height = `${height * dot}px`;
      canvas.dataset.map = channel;
      canvas.setAttribute("aria-hidden", "true"); // its numbers are in the table
      tile.append(canvas);
      make("figcaption", "", tile).textContent = `map ${channel}: ${number(sums[channel])}`;
    }
  }

  // The product under the pointer, written out.
  point(event) {
    const canvas = event.target.closest("canvas");
    if (!canvas) return this.tell();
    const { section } = this;
    const [, height, width] = section.origin.shape;
    const bounds = canvas.getBoundingClientRect();
    const row = clamp(Math.floor(((event.clientY - bounds.top) / bounds.height) * height), 0, height - 1);
    const column = clamp(Math.floor(((event.clientX - bounds.left) / bounds.width) * width), 0, width - 1);
    this.tell(Number(canvas.dataset.map), row, column);
  }

  tell(channel, row, column) {
    const { section, under } = this;
    if (channel === undefined) {
      under.textContent = section.origin ? "Point at a place: its product is written here." : "";
      delete under.dataset.value;
      return;
    }
    const [, height, width] = section.origin.shape;
    const place = (channel * height + row) * width + column;
    const { means } = section.origin;
    const weight = section.arrays.weights.data[means ? channel : place];
    const value = (means ? section.arrays.maps : section.arrays.inputs).data[place];
    const share = means ? height * width : 1;
    const product = (weight * value) / share;
    const divided = means ? ` ÷ ${share}` : "";
    under.dataset.value = product;
    under.textContent = `map ${channel}, row ${row}, column ${column}: ${number(weight, 4)} × ${bracket(value)}${divided} = ${number(product, 4)}`;
  }
}

// The products on the maps they come from, each map's sum, and the maps by its size.
function backOnMaps(section, products) {
  const [count, height, width] = section.origin.shape;
  const area = height * width;
  const values = onMaps(section, products);
  const sums = Array.from({ length: count }, (_, channel) =>
    values.subarray(channel * area, (channel + 1) * area).reduce((one, other) => one + other, 0),
  );
  const order = [...sums.keys()].sort((one, other) => Math.abs(sums[other]) - Math.abs(sums[one]) || one - other);
  return { values, sums, order };
}

// Where an input of a dense layer comes from.
function source(section, place) {
  if (!section.origin) return `unit ${place}`;
  if (section.origin.means) return `mean of map ${place}`;
  const [, height, width] = section.origin.shape;
  const inside = place % (height * width);
  return `map ${Math.floor(place / (height * width))}, row ${Math.floor(inside / width)}, column ${inside % width}`;
}

export default function (component) {
  const element = component.parentElement;
  if (!scopes.has(element)) scopes.set(element, new Scope(element));
  const scope = scopes.get(element);
  scope.update(component);
  return () => {
    scopes.delete(element);
    scope.destroy();
  };
}
