// The arithmetic of the microscope, in double precision on PyTorch's own float32 numbers. No drawing here.

// Complementary error function with a relative error below 1.2e-7 everywhere (Press et al., Numerical Recipes, 6.2.2).
function erfc(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
    -1.26551223,
  ].reduce((sum, factor) => sum * t + factor);
  const value = t * Math.exp(-x * x + series);
  return x >= 0 ? value : 2 - value;
}

// The share of the normal distribution below x.
const phi = (x) => 0.5 * erfc(-x / Math.SQRT2);

const FUNCTIONS = {
  relu: (x) => Math.max(0, x),
  leaky_relu: (x) => (x >= 0 ? x : 0.01 * x),
  gelu: (x) => x * phi(x), // the exact form
  tanh: Math.tanh,
  scaled_tanh: (x) => 1.7159 * Math.tanh((2 / 3) * x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

// What batch normalisation, affine, activation and dropout make of a number, step by step.
function follow(value, steps) {
  return steps.map((step) => {
    const from = value;
    if (step.op === "batch_norm") {
      const spread = Math.sqrt(step.variance + step.epsilon);
      value = ((from - step.mean) / spread) * step.scale + step.shift;
      return { ...step, from, spread, normal: (from - step.mean) / spread, to: value };
    }
    if (step.op === "affine") value = from * step.scale + step.shift;
    if (step.op === "activation") value = FUNCTIONS[step.function](from);
    return { ...step, from, to: value };
  });
}

const last = (value, steps) => (steps.length ? steps[steps.length - 1].to : value);

// The value that the section's layer itself has: later steps are shown, but belong to the next layers.
function own(section, before, steps) {
  const place = steps.findIndex((step) => step.layer === section.layer);
  return place < 0 ? before : steps[place].to;
}

// Where the window of an output position begins in the input, in rows and columns; negative in the padding.
const corner = (section, row, column) => [row * section.stride - section.pad, column * section.stride - section.pad];

// The window over one input map, row by row: values, and whether they are padding.
function patch(section, channel, row, column) {
  const { data, shape } = section.arrays.inputs;
  const [, height, width] = shape;
  const size = section.arrays.kernel.shape[1];
  const [top, left] = corner(section, row, column);
  const values = new Float64Array(size * size);
  const padding = new Uint8Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const [y, x] = [top + i, left + j];
      if (y >= 0 && y < height && x >= 0 && x < width) values[i * size + j] = data[(channel * height + y) * width + x];
      else padding[i * size + j] = 1;
    }
  }
  return { values, padding };
}

function slice(section, channel) {
  const { data, shape } = section.arrays.kernel;
  const area = shape[1] * shape[2];
  return data.subarray(channel * area, (channel + 1) * area);
}

function channelSum(section, channel, row, column) {
  const { data, shape } = section.arrays.inputs;
  const [, height, width] = shape;
  const size = section.arrays.kernel.shape[1];
  const weights = slice(section, channel);
  const [top, left] = corner(section, row, column);
  let sum = 0;
  for (let i = Math.max(0, -top); i < Math.min(size, height - top); i++) {
    const line = (channel * height + top + i) * width + left;
    for (let j = Math.max(0, -left); j < Math.min(size, width - left); j++) sum += data[line + j] * weights[i * size + j];
  }
  return sum;
}

// One output position of a convolution: what each input map that its kernel sees adds, by size, and what becomes of the sum.
function convolve(section, row, column) {
  const sums = new Float64Array(section.arrays.inputs.shape[0]);
  let total = 0;
  for (const channel of section.seen) {
    sums[channel] = channelSum(section, channel, row, column);
    total += sums[channel];
  }
  const order = [...section.seen].sort((one, other) => Math.abs(sums[other]) - Math.abs(sums[one]) || one - other);
  const before = total + (section.bias ?? 0);
  const steps = follow(before, section.steps);
  return { sums, order, total, before, steps, value: own(section, before, steps) };
}

// One window of a pooling layer: its values, the winner's place (max) and the result.
function pool(section, row, column) {
  const { data, shape } = section.arrays.inputs;
  const [, , width] = shape;
  const [high, wide] = section.window;
  const [top, left] = [row * section.stride, column * section.stride];
  const values = new Float64Array(high * wide);
  for (let i = 0; i < high; i++) {
    for (let j = 0; j < wide; j++) values[i * wide + j] = data[(top + i) * width + left + j];
  }
  if (section.mode === "max") {
    const winner = values.reduce((best, value, place) => (value > values[best] ? place : best), 0);
    const equals = values.reduce((count, value) => count + (value === values[winner]), 0); // the winner itself, too
    return { values, winner, equals, total: null, value: values[winner], top, left };
  }
  const total = values.reduce((sum, value) => sum + value, 0);
  return { values, winner: null, equals: 0, total, value: total / values.length, top, left };
}

// A unit of a dense layer: every input's weight × value, by size, and what becomes of the sum.
function connect(section) {
  const inputs = section.arrays.inputs.data;
  const weights = section.arrays.weights.data;
  const products = Float64Array.from(inputs, (value, place) => value * weights[place]);
  const order = [...products.keys()].sort((one, other) => products[other] - products[one] || one - other);
  const total = products.reduce((sum, value) => sum + value, 0);
  const before = total + (section.bias ?? 0);
  const steps = follow(before, section.steps);
  return { products, order, total, before, steps, value: own(section, before, steps) };
}

// A unit's products on the maps that its inputs come from, (C, H, W): of a mean each place has its share.
function onMaps(section, products) {
  if (!section.origin.means) return products;
  const [, height, width] = section.origin.shape;
  const area = height * width;
  const weights = section.arrays.weights.data;
  return Float64Array.from(section.arrays.maps.data, (value, place) => (weights[Math.floor(place / area)] * value) / area);
}

// Logits to probabilities; the largest is taken off first, which changes no probability and keeps the numbers small.
function softmax(logits) {
  const largest = Math.max(...logits);
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((one, other) => one + other, 0);
  return { largest, exponentials, sum, probabilities: exponentials.map((value) => value / sum) };
}
