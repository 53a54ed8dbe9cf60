// How numbers become texts and pixels, for the wall and the microscope: their Python puts GIVEN in front of this text
// and their own script after it.

const LEVELS = 511; // odd, so that the middle of a signed scale is exactly its neutral colour

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

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

// The header and the bytes that frames.py has put into one piece.
function unpack(data) {
  const begin = 4 + new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(data.subarray(4, begin))), data.subarray(begin)];
}

// How many times larger maps are drawn than in a laptop's window: style.css says it of wide ones.
const growth = (element) => Number(getComputedStyle(element).getPropertyValue("--ks-grow")) || 1;

function make(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  parent?.append(element);
  return element;
}

function same(one, other) {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}

const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function rgb(colour) {
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

const bytes = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];

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

// One map into `out`, an image of `stride` pixels a row, from (left, top) on: each value a square of `cell` pixels, less
// a gap to the next one. NaN gets the colour `nothing`, by default it leaves the pixels transparent.
function paint(out, stride, left, top, cell, gap, values, width, [low, high], levels, nothing = 0) {
  const factor = high > low ? (LEVELS - 1) / (high - low) : 0;
  const flat = low < 0 ? (LEVELS - 1) / 2 : 0;
  const height = values.length / width;
  for (let row = 0; row < height; row++) {
    const start = (top + row * cell) * stride + left;
    for (let column = 0; column < width; column++) {
      const value = values[row * width + column];
      const level = factor ? Math.round(clamp((value - low) * factor, 0, LEVELS - 1)) : flat;
      const from = start + column * cell;
      out.fill(Number.isNaN(value) ? nothing : levels[level], from, from + cell - (column < width - 1 ? gap : 0));
    }
    const lines = cell - (row < height - 1 ? gap : 0);
    for (let line = 1; line < lines; line++) out.copyWithin(start + line * stride, start, start + width * cell);
  }
}

// The scale itself, one pixel high.
function scaleBar(levels) {
  const bar = make("canvas");
  const image = new ImageData(LEVELS, 1);
  new Uint32Array(image.data.buffer).set(levels);
  show(bar, image);
  return bar;
}

// A hint beside the pointer: above it where there is room, never beyond the window.
function tipAt(tip, x, y) {
  if (!tip.matches(":popover-open")) tip.showPopover();
  const { offsetWidth: width, offsetHeight: height } = tip;
  const left = clamp(x + 14, 4, innerWidth - width - 4);
  const top = y - height - 14 > 4 ? y - height - 14 : y + 22;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function show(canvas, image) {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}
