// How the microscope's numbers become cells, maps and curves on a canvas.

const READABLE = 22; // CSS pixels; in smaller cells numbers are left to the table

// How many decimals the numbers of a grid need, so that the larger ones have two digits at least.
const decimals = (limit) => (limit > 0 ? clamp(1 - Math.floor(Math.log10(limit)), 2, 5) : 2);

// A number in a cell: enough places to follow a sum by eye, the table has them all. Only what is exactly zero is "0".
function brief(value, places) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text = size >= 99.95 ? Math.round(size).toString() : size >= 9.995 ? size.toFixed(1) : size.toFixed(places);
  if (places > 2) text = text.replace(/^0\./, "."); // a cell has room for three digits
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

// All colours for the theme that shows now. A canvas knows no light-dark(): the browser's style works each one out.
function inks(element) {
  const probe = make("span", "", element);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const background = colour("--st-background-color");
  const found = {
    background,
    text: colour("--st-text-color"),
    border: colour("--st-border-color"),
    muted: colour("--ks-muted"),
    accent: colour("--ks-accent"),
    font: getComputedStyle(element).fontFamily,
    size: parseFloat(getComputedStyle(element).fontSize),
    grow: growth(element),
    signed: ramp("signed", background),
    brightness: ramp("brightness", background),
  };
  found.key = [background, found.text, found.size, found.grow].join();
  probe.remove();
  return found;
}

// A value's colour on a scale from −limit (signed) or 0 to limit.
function shade(ink, scale, value, limit) {
  const share = limit ? value / limit : 0;
  const place = scale === "signed" ? (share + 1) / 2 : share;
  return bytes(ink[scale][Math.round(clamp(place, 0, 1) * (LEVELS - 1))]);
}

// Draws in CSS pixels, crisp on every screen.
function fit(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) {
    Object.assign(canvas, { width: wide, height: high });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingEnabled = false;
  return pen;
}

// A map as a small canvas, one pixel a value, to be drawn in any size.
function bitmap(values, width, limit, ink, scale) {
  const image = new ImageData(width, values.length / width);
  const limits = [scale === "signed" ? -limit : 0, limit];
  paint(new Uint32Array(image.data.buffer), width, 0, 0, 1, 0, values, width, limits, ink[scale]);
  const canvas = make("canvas");
  show(canvas, image);
  return canvas;
}

function frame(pen, x, y, width, height, colour, line = 2) {
  pen.lineWidth = line;
  pen.strokeStyle = colour;
  pen.strokeRect(x, y, width, height);
}

// Where the reader is: a ring that shows on dark and on light.
function ring(pen, x, y, width, height, ink) {
  frame(pen, x - 1, y - 1, width + 2, height + 2, ink.background, 4);
  frame(pen, x - 1, y - 1, width + 2, height + 2, ink.accent, 2);
}

// A grid of numbers. `padding` marks zeros from outside of the map, `winner` the only one that counts: the others are
// crossed out, in their own colours and readable.
function cells(pen, x, y, size, columns, values, { ink, scale, limit, padding = null, winner = null, text = null, share = 0.32 }) {
  const places = decimals(limit);
  text ??= (value) => brief(value, places);
  const room = size - 3; // longer numbers are set narrower where they have to be
  const readable = size >= READABLE;
  pen.font = `${Math.round(clamp(size * share, 9, ink.size))}px ${ink.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  values.forEach((value, place) => {
    const left = x + (place % columns) * size;
    const top = y + Math.floor(place / columns) * size;
    const outside = padding?.[place];
    const lost = winner !== null && winner !== place;
    const rgb = shade(ink, scale, value, limit);
    const dark = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 140;
    const contrast = dark ? "#ffffff" : "#14171c";
    if (!outside) {
      pen.fillStyle = `rgb(${rgb})`;
      pen.fillRect(left, top, size - 1, size - 1);
      if (lost) cross(pen, left, top, size - 1, contrast);
    } else {
      pen.setLineDash([2, 2]);
      frame(pen, left + 0.5, top + 0.5, size - 2, size - 2, ink.muted, 1);
      pen.setLineDash([]);
    }
    if (!readable) return;
    pen.fillStyle = outside ? ink.muted : contrast;
    pen.fillText(outside ? "0" : text(value), left + (size - 1) / 2, top + size / 2, room);
  });
  const rows = Math.ceil(values.length / columns);
  frame(pen, x - 0.5, y - 0.5, columns * size, rows * size, ink.border, 1);
  if (winner !== null) {
    ring(pen, x + (winner % columns) * size, y + Math.floor(winner / columns) * size, size - 1, size - 1, ink);
  }
}

// One thin diagonal under the number.
function cross(pen, left, top, size, colour) {
  pen.globalAlpha = 0.4;
  pen.lineWidth = 1;
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(left, top + size);
  pen.lineTo(left + size, top);
  pen.stroke();
  pen.globalAlpha = 1;
}

function sign(pen, text, x, y, ink, size = 16) {
  pen.font = `${size}px ${ink.font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = ink.muted;
  pen.fillText(text, x, y);
}

// An activation function with the current value marked. Returns the scale: the ends of both axes.
function curve(canvas, name, from, to, ink) {
  const [width, height] = [112, 64].map((side) => Math.round(side * ink.grow));
  const pen = fit(canvas, width, height);
  const reach = Math.max(3, Math.abs(from) * 1.15);
  const bounded = { tanh: [-1.1, 1.1], scaled_tanh: [-1.9, 1.9], sigmoid: [-0.1, 1.1] };
  const [low, high] = bounded[name] ?? [-0.35 * reach, reach];
  const x = (value) => ((value + reach) / (2 * reach)) * width;
  const y = (value) => height - 2 - ((value - low) / (high - low)) * (height - 4);
  pen.lineWidth = 1;
  pen.strokeStyle = ink.border;
  pen.beginPath();
  pen.moveTo(0, y(0));
  pen.lineTo(width, y(0));
  pen.moveTo(x(0), 0);
  pen.lineTo(x(0), height);
  pen.stroke();
  pen.lineWidth = 1.5;
  pen.strokeStyle = ink.text;
  pen.beginPath();
  for (let place = 0; place <= width; place++) pen.lineTo(place, y(FUNCTIONS[name]((place / width) * 2 * reach - reach)));
  pen.stroke();
  pen.fillStyle = ink.accent;
  pen.beginPath();
  pen.arc(x(from), y(to), 4, 0, 2 * Math.PI);
  pen.fill();
  return { reach, low, high };
}
