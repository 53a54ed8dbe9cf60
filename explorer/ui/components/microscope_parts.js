// Parts of the microscope's page: equations, tables, the list of input maps.

const SYMBOLS = { relu: "ReLU", leaky_relu: "leaky ReLU", gelu: "GELU", tanh: "tanh", scaled_tanh: "LeCun's tanh", sigmoid: "sigmoid" };
const several = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
const bracket = (value) => (value < 0 ? `(${number(value, 4)})` : number(value, 4));

function formula(step) {
  const x = number(step.from, 4);
  switch (step.function) {
    case "relu": return `max(0, ${x})`;
    case "leaky_relu": return step.from >= 0 ? `${x}, as it is not negative` : `0.01 × ${bracket(step.from)}`;
    case "gelu": return `x × Φ(x), Φ the normal distribution: ${x} × ${number(phi(step.from), 4)}`;
    case "scaled_tanh": return `1.7159 × tanh(⅔ × ${bracket(step.from)})`;
    case "tanh": return `tanh(${x})`;
    default: return `1 ÷ (1 + e^−${bracket(step.from)})`;
  }
}

// The lines from a sum to the value: [layer, text, value], the text with its numbers filled in.
function lines(section, reading, first) {
  const found = [...first];
  for (const step of reading.steps) {
    if (step.op === "batch_norm") {
      const norm = `(${number(step.from, 4)} − ${bracket(step.mean)}) ÷ √(${number(step.variance, 4)} + ${number(step.epsilon, 1)})`;
      found.push([step.layer, `mean and variance off: ${norm}`, step.normal]);
      found.push([step.layer, `${number(step.normal, 4)} × ${bracket(step.scale)} + ${bracket(step.shift)}`, step.to]);
    } else if (step.op === "affine") {
      found.push([step.layer, `coefficient and bias: ${number(step.from, 4)} × ${bracket(step.scale)} + ${bracket(step.shift)}`, step.to]);
    } else if (step.op === "activation") {
      found.push([step.layer, `${SYMBOLS[step.function]}: ${formula(step)}`, step.to, step]);
    } else found.push([step.layer, "dropout does nothing outside of training", step.to]);
  }
  return found;
}

class Equations {
  constructor(parent) {
    this.element = make("div", "equations", parent);
    this.rows = [];
  }

  write(found, section, ink) {
    while (this.rows.length > found.length) this.rows.pop().line.remove();
    while (this.rows.length < found.length) {
      const line = make("div", "line", this.element);
      const name = make("span", "name", line);
      const text = make("span", "text", line);
      this.rows.push({ line, name, text, value: make("b", "", line), canvas: null, limits: null });
    }
    found.forEach(([layer, text, value, step], place) => {
      const row = this.rows[place];
      row.name.textContent = layer;
      row.text.textContent = `${text} =`;
      row.value.textContent = number(value, 4);
      row.line.dataset.value = value;
      row.line.dataset.layer = layer;
      row.line.classList.toggle("own", layer === section.layer);
      if (step && !row.canvas) {
        row.canvas = make("canvas", "curve", row.line);
        row.canvas.setAttribute("aria-hidden", "true");
        row.limits = make("span", "limits", row.line);
      }
      if (!step && row.canvas) {
        row.canvas.remove();
        row.limits.remove();
        row.canvas = row.limits = null;
      }
      if (!step) return;
      const { reach, low, high } = curve(row.canvas, step.function, step.from, step.to, ink);
      row.limits.textContent = `from ${number(-reach)} to ${number(reach)} across, ${number(low)} to ${number(high)} up`;
    });
  }
}

function table(parent, heads, caption) {
  const element = make("table", "", parent);
  make("caption", "", element).textContent = caption;
  const row = make("tr", "", make("thead", "", element));
  for (const head of heads) {
    const cell = make("th", "", row);
    cell.scope = "col";
    cell.textContent = head;
  }
  return make("tbody", "", element);
}

// Fills a table's body: texts as they are, numbers with four digits and in full in `data-value`.
function rows(body, found, chosen = -1) {
  const fresh = document.createDocumentFragment();
  found.forEach((cells, place) => {
    const row = make("tr", place === chosen ? "chosen" : "", fresh);
    for (const value of cells) {
      const cell = make("td", "", row);
      if (typeof value === "number") {
        cell.dataset.value = value;
        cell.textContent = number(value, 4);
      } else cell.textContent = value;
    }
  });
  body.replaceChildren(fresh);
}

// What scrolls by itself can be scrolled by the keyboard.
const scrolls = (element, label) => {
  element.tabIndex = 0;
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
};

// The same numbers as text, made only while it is open.
class TextTable {
  constructor(parent, fill) {
    this.element = make("details", "as-table", parent);
    make("summary", "", this.element).textContent = "As a table";
    this.body = make("div", "tables", this.element);
    scrolls(this.body, "The same as a table");
    this.fill = fill;
    this.element.addEventListener("toggle", () => this.write());
  }

  write() {
    clearTimeout(this.timer);
    if (this.element.open) this.fill(this.body);
  }

  // While the pointer moves the tables wait.
  later() {
    clearTimeout(this.timer);
    if (this.element.open) this.timer = setTimeout(() => this.write(), 120);
  }
}

// One row an input map: the map with its patch, patch ⊙ kernel slice = products, and their sum. Only what is in sight
// is drawn, on one canvas that stays in place while the list scrolls under it.
class Channels {
  constructor(parent) {
    this.caption = make("div", "caption", parent);
    this.list = make("div", "list", parent);
    this.list.tabIndex = 0;
    this.list.setAttribute("role", "group");
    this.list.setAttribute("aria-label", "Input maps, the largest contribution first");
    this.track = make("div", "", this.list); // as high as all rows, so that the list scrolls
    this.canvas = make("canvas", "", this.track);
    this.list.addEventListener("scroll", () => this.draw?.(), { passive: true });
  }

  // Sizes for the room there is.
  layout(section, { grow }, width) {
    const size = section.arrays.kernel.shape[1];
    const count = section.seen.length;
    const grown = (length) => Math.round(length * grow);
    const sum = grown(92);
    const thumb = (cell) => clamp(size * cell, grown(56), grown(count === 1 ? 220 : 110));
    let cell = grown(count === 1 ? 46 : 34);
    // On a phone kernels up to 5 × 5 keep their numbers and the list scrolls sideways; larger ones show colours.
    const least = size <= 5 ? READABLE + 2 : 9;
    while (cell > least && thumb(cell) + 3 * size * cell + 76 + sum > width) cell -= 1;
    const high = Math.max(size * cell, thumb(cell)) + 14;
    const seen = Math.min(count, Math.max(1, Math.floor(grown(400) / high)));
    Object.assign(this, { size, count, cell, thumb: thumb(cell), high, seen, sum });
    this.wide = this.thumb + 3 * size * cell + 76 + sum;
    this.list.style.height = `${Math.min(count, seen + 0.35) * high + 2}px`;
    this.drawn = Math.min(count, seen + 2);
    this.track.style.height = `${count * high}px`;
    this.list.classList.toggle("single", count === 1);
  }

  show(section, reading, maps, ink, row, column) {
    this.draw = () => this.drawRows(section, reading, maps, ink, row, column);
    this.draw();
  }

  drawRows(section, reading, maps, ink, row, column) {
    const { size, cell, high, thumb, count } = this;
    const pen = fit(this.canvas, this.wide, this.drawn * high);
    const first = Math.floor(this.list.scrollTop / high);
    const offset = this.list.scrollTop - first * high;
    const [top, left] = corner(section, row, column);
    const [, height, width] = section.arrays.inputs.shape;
    const after = (height, stride) => Math.max(0, (section.rows - 1) * stride + size - section.pad - height);
    const rim = section.pad + after(height, section.stride);
    const [full, margin] = [Math.max(height, width) + rim, section.pad];
    const edge = 3; // the ring's line, which the canvas would cut off
    const dot = (thumb - edge) / full;
    const most = Math.max(...reading.sums.map(Math.abs)) || 1;
    for (let place = 0; place < this.drawn && first + place < count; place++) {
      const channel = reading.order[first + place];
      const y = place * high - offset + 4;
      const { values, padding } = patch(section, channel, row, column);
      const weights = slice(section, channel);
      const products = values.map((value, index) => value * weights[index]);
      const middle = y + (high - 14) / 2;
      pen.drawImage(maps.bitmaps[channel], edge + margin * dot, y + margin * dot, width * dot, height * dot);
      if (rim > 0) {
        pen.setLineDash([2, 2]);
        frame(pen, edge + 0.5, y + 0.5, (width + rim) * dot - 1, (height + rim) * dot - 1, ink.muted, 1);
        pen.setLineDash([]);
      } else frame(pen, edge + 0.5, y + 0.5, width * dot - 1, height * dot - 1, ink.border, 1);
      ring(pen, edge + (left + margin) * dot, y + (top + margin) * dot, size * dot, size * dot, ink);
      let x = thumb + 14;
      const grid = (numbers, limit, scale, marks) => {
        cells(pen, x, middle - (size * cell) / 2, cell, size, numbers, { ink, scale, limit, padding: marks });
        x += size * cell;
      };
      const between = (text) => {
        sign(pen, text, x + 10, middle, ink);
        x += 20;
      };
      grid(values, maps.limit, maps.scale, padding);
      between("×");
      grid(Array.from(weights), maps.weight, "signed");
      between("=");
      grid(products, maps.product, "signed");
      between("Σ");
      const sum = reading.sums[channel];
      pen.font = `600 ${ink.size}px ${ink.font}`;
      pen.textAlign = "left";
      pen.fillStyle = ink.text;
      pen.fillText(number(sum), x, middle - Math.round(0.7 * ink.size));
      pen.fillStyle = `rgb(${shade(ink, "signed", Math.sign(sum), 1)})`;
      pen.fillRect(x, middle + 2, Math.max(1, (Math.abs(sum) / most) * (this.sum - 12)), 5);
      pen.font = `${ink.size - 2}px ${ink.font}`;
      pen.fillStyle = ink.muted;
      if (count > 1) pen.fillText(`input map ${channel}`, x, middle + Math.round(1.3 * ink.size));
    }
  }
}
