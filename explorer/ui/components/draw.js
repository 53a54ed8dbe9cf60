// Paper to draw a digit on, and the answer beside it. draw.py puts GIVEN, pixels.js and tiles.js in front of this text.

const papers = new WeakMap(); // Streamlit's element → its Paper
const kept = new Map(); // name → strokes and tools, for when the element goes and comes back
const SIDE = 840; // canvas pixels; strokes are in shares of the side, so that they don't depend on it
const PAPER = 420; // the side in CSS pixels that the pen's width is counted in
const [THINNEST, THICKEST, USUAL] = [6, 44, 24]; // the pen's width in such pixels
const PAUSE = 100; // milliseconds between two pictures while one draws
const LATE = 400; // milliseconds after which Python's run is not kept waiting for the answer
const STEP = 0.025; // of the side: a press of an arrow key
const INK = 250; // a grey below this is ink
const [HINT, KEYS] = [
  "Mouse, finger or pen. With the keyboard: Tab to the paper, arrow keys move, Space puts the pen down and up, Ctrl+Z undoes.",
  "Arrow keys move it, Shift makes small steps, Space lifts or lowers it.",
];

class Paper {
  constructor(element) {
    this.root = element.querySelector(".draw");
    this.at = [0.5, 0.5]; // where the keyboard's pen is
    this.dirty = false; // changed since a picture was made of it
    this.build();
    this.buildAnswer();
  }

  build() {
    const place = make("div", "place", this.root);
    this.paper = make("div", "paper", make("div", "frame", place));
    this.paper.tabIndex = 0;
    this.paper.setAttribute("role", "application");
    this.canvas = make("canvas", "", this.paper);
    this.canvas.width = this.canvas.height = SIDE;
    this.ink = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.cursor = make("div", "cursor", this.paper);
    this.cursor.hidden = true;
    // What was drawn before the stroke that is being drawn.
    this.before = make("canvas");
    this.before.width = this.before.height = SIDE;

    const tools = make("div", "tools", place);
    const button = (text, act) => {
      const made = make("button", "", tools);
      made.type = "button";
      made.textContent = text;
      made.addEventListener("click", act);
      return made;
    };
    this.pen = button("Pen", () => this.choose(false));
    this.eraser = button("Eraser", () => this.choose(true));
    this.undoButton = button("Undo", () => this.undo());
    this.redoButton = button("Redo", () => this.redo());
    this.clearButton = button("Clear", () => this.clear());
    const label = make("label", "", tools);
    label.append("Width");
    this.slider = make("input", "slide", label);
    Object.assign(this.slider, { type: "range", min: THINNEST, max: THICKEST, step: 1 });
    this.slider.addEventListener("input", () => {
      this.width = this.slider.valueAsNumber;
      this.showTools();
    });
    const preview = make("span", "preview", label);
    preview.setAttribute("aria-hidden", "true");
    this.dot = make("span", "dot", preview);
    this.hint = make("p", "hint", place);
    this.hint.setAttribute("role", "status");

    const listen = (name, act) => this.paper.addEventListener(name, act);
    listen("pointerdown", (event) => this.down(event));
    listen("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) listen(name, (event) => this.up(event));
    listen("contextmenu", (event) => event.preventDefault()); // a long touch is a stroke
    listen("blur", () => this.leave());
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.showTools());
    this.observer.observe(this.paper);
  }

  buildAnswer() {
    const answer = make("div", "answer", this.root);
    this.said = make("div", "said", answer);
    this.said.setAttribute("aria-live", "polite");
    this.bars = make("div", "bars", answer);
    this.because = make("p", "because", answer);
    this.more = make("details", "", answer);
    make("summary", "", this.more).textContent = "How that is known";
    this.help = make("p", "", this.more);
    const maps = make("div", "maps", this.root);
    this.title = make("p", "", maps);
    make("div", "wall", maps);
    this.wall = new Wall(maps);
  }

  update({ data, setStateValue }, files) {
    const [given, reply] = unpack(data);
    const address = new URL(`../../${given.address}`, files);
    if (address.href !== this.address?.href) this.running?.abort(); // another network's answer, or of another preparation
    this.address = address;
    this.send = (message) => setStateValue("drawing", message);
    this.paper.setAttribute("aria-label", given.label);
    this.help.textContent = given.help;
    const fresh = this.name !== given.name; // Streamlit calls after every script run
    if (fresh) {
      this.name = given.name;
      const nothing = { strokes: [], undone: [], width: USUAL, erase: false, number: 0 };
      if (!kept.has(given.name)) kept.set(given.name, nothing);
      this.state = kept.get(given.name);
      this.slider.value = this.state.width;
      this.replay();
    }
    this.show(reply, given.number);
    if (fresh && this.state.strokes.length) this.again(); // Python has forgotten it while the element was away
  }

  get width() {
    return this.state?.width ?? USUAL;
  }

  set width(pixels) {
    this.state.width = pixels;
  }

  // --- strokes ---

  begin(point, erase) {
    this.before.getContext("2d").drawImage(this.canvas, 0, 0);
    this.stroke = { points: [point], width: this.width / PAPER, erase };
    this.paint(this.stroke, 0);
    this.changed();
  }

  extend(point) {
    const { points } = this.stroke;
    const [x, y] = points.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < 0.001) return;
    points.push(point);
    this.paint(this.stroke, points.length - 1);
    this.changed();
  }

  finish() {
    if (!this.stroke) return;
    this.state.strokes.push(this.stroke);
    this.state.undone = [];
    this.stroke = undefined;
    this.pointer = undefined;
    this.showTools();
    this.flush();
    this.tell();
  }

  // The stroke from its point number `from` on: a dot, or round-ended pieces from each point to the next one.
  paint({ points, width, erase, clear }, from) {
    const { ink } = this;
    if (clear) {
      ink.fillStyle = "#fff";
      ink.fillRect(0, 0, SIDE, SIDE);
      return;
    }
    ink.strokeStyle = ink.fillStyle = erase ? "#fff" : "#000";
    ink.lineCap = "round";
    for (let index = from; index < points.length; index++) {
      const [x, y, force] = points[index];
      const [left, top] = points[Math.max(0, index - 1)];
      ink.lineWidth = width * force * SIDE;
      ink.beginPath();
      if (!index) {
        ink.arc(x * SIDE, y * SIDE, ink.lineWidth / 2, 0, 2 * Math.PI);
        ink.fill();
      } else {
        ink.moveTo(left * SIDE, top * SIDE);
        ink.lineTo(x * SIDE, y * SIDE);
        ink.stroke();
      }
    }
  }

  replay() {
    this.paint({ clear: true }, 0);
    for (const stroke of this.state.strokes) this.paint(stroke, 0);
    this.showTools();
  }

  undo() {
    if (this.stroke || !this.state.strokes.length) return;
    this.state.undone.push(this.state.strokes.pop());
    this.again();
  }

  redo() {
    if (this.stroke || !this.state.undone.length) return;
    this.state.strokes.push(this.state.undone.pop());
    this.again();
  }

  clear() {
    if (this.stroke) this.finish();
    if (this.blank()) return;
    this.state.strokes.push({ clear: true });
    this.state.undone = [];
    this.again();
  }

  again() {
    this.replay();
    this.dirty = true;
    this.flush();
    this.tell();
  }

  blank() {
    const last = this.state.strokes.at(-1);
    return !last || Boolean(last.clear);
  }

  choose(erase) {
    this.state.erase = erase;
    this.showTools();
  }

  // --- the answer ---

  // While one draws, the next picture waits for the answer to the one before; a lifted pen does not.
  changed() {
    this.dirty = true;
    if (!this.asked) this.timer ??= setTimeout(() => this.flush(), PAUSE);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.dirty) return;
    this.dirty = false;
    this.state.number += 1;
    this.newest = { number: this.state.number, picture: this.picture() };
    this.ask(this.newest);
  }

  async ask({ number, picture }) {
    this.running?.abort();
    const asked = new AbortController();
    this.asked = this.running = asked;
    const late = setTimeout(() => this.free(asked), LATE);
    try {
      const response = await fetch(this.address, { method: "POST", body: picture, signal: asked.signal });
      if (!response.ok) throw new Error(await response.text());
      this.show(new Uint8Array(await response.arrayBuffer()), number);
    } catch (error) {
      if (!asked.signal.aborted) console.warn(error); // then Python's run answers
    }
    clearTimeout(late);
    this.free(asked);
  }

  // Nothing waits for that answer any more.
  free(asked) {
    if (this.asked !== asked) return;
    this.asked = undefined;
    if (this.dirty && this.stroke) this.changed();
    this.tell();
  }

  // To Python, for all that is not beside the paper: once the pen is up, and after the answer.
  tell() {
    if (this.stroke || this.asked || !this.newest) return;
    const { newest } = this;
    this.newest = undefined;
    this.send(newest);
  }

  // What Python or the server's address has made of the drawing with that number, unless a later one is answered.
  show(reply, number) {
    if (number < (this.shown ?? 0)) return;
    this.shown = number;
    const [{ answer, bars, because, maps }, wall] = unpack(reply);
    if (this.answer !== answer) this.said.innerHTML = this.answer = answer; // Python has escaped what is no markup
    this.bars.innerHTML = bars;
    this.because.textContent = because;
    this.more.hidden = !because;
    this.title.textContent = maps;
    this.wall.root.hidden = !wall.length;
    if (wall.length) this.wall.update({ data: wall, setTriggerValue: () => {} });
  }

  // What is drawn as a small PNG in a data URL; empty where there is no ink.
  picture() {
    const small = make("canvas");
    small.width = small.height = GIVEN.side;
    const pen = small.getContext("2d", { alpha: false, willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.canvas, 0, 0, GIVEN.side, GIVEN.side);
    const { data } = pen.getImageData(0, 0, GIVEN.side, GIVEN.side);
    for (let index = 0; index < data.length; index += 4) if (data[index] < INK) return small.toDataURL("image/png");
    return "";
  }

  // --- pointer ---

  place({ clientX, clientY, pointerType, pressure }) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const force = pointerType === "pen" && pressure > 0 ? 0.5 + pressure : 1; // others have no pressure to tell
    return [clamp((clientX - left) / width, 0, 1), clamp((clientY - top) / width, 0, 1), force];
  }

  down(event) {
    if (this.pointer !== undefined || (event.button !== 0 && event.button !== 5)) return;
    event.preventDefault(); // or the browser selects text
    this.leave();
    this.paper.focus({ preventScroll: true });
    this.cursor.hidden = true;
    this.pointer = event.pointerId;
    this.paper.setPointerCapture(event.pointerId);
    this.begin(this.place(event), this.state.erase || event.button === 5); // 5: a stylus's own eraser
  }

  move(event) {
    if (event.pointerId !== this.pointer || !this.stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) this.extend(this.place(one));
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.at = this.stroke?.points.at(-1).slice(0, 2) ?? this.at;
    this.finish();
  }

  // --- keyboard ---

  key(event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey) {
      const name = event.key.toLowerCase();
      if (name === "z") event.shiftKey ? this.redo() : this.undo();
      else if (name === "y") this.redo();
      else return;
      event.preventDefault();
      return;
    }
    if (event.target !== this.paper || event.altKey || this.pointer !== undefined) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      const size = event.shiftKey ? STEP / 5 : STEP;
      this.at = this.at.map((value, axis) => clamp(value + size * step[axis], 0, 1));
      if (this.stroke) this.extend([...this.at, 1]);
    } else if (event.key === " ") {
      if (event.repeat) return event.preventDefault();
      if (this.stroke) this.finish();
      else this.begin([...this.at, 1], this.state.erase);
    } else if (event.key === "Escape" && this.stroke) this.finish();
    else return;
    event.preventDefault();
    this.cursor.hidden = false;
    this.showTools();
  }

  // The keyboard's stroke ends where the paper loses the focus.
  leave() {
    if (this.pointer === undefined) this.finish();
    this.cursor.hidden = true;
    if (this.state) this.showTools();
  }

  // --- tools ---

  showTools() {
    if (!this.state) return;
    const { strokes, undone, erase } = this.state;
    this.pen.setAttribute("aria-pressed", !erase);
    this.eraser.setAttribute("aria-pressed", erase);
    const focused = [this.undoButton, this.redoButton, this.clearButton].find((button) => button.matches(":focus-visible"));
    this.undoButton.disabled = !strokes.length;
    this.redoButton.disabled = !undone.length;
    this.clearButton.disabled = this.blank();
    if (focused?.disabled) this.paper.focus({ preventScroll: true }); // or the keyboard would be nowhere
    this.root.classList.toggle("erase", erase);
    const size = (this.width * this.paper.clientWidth) / PAPER;
    Object.assign(this.dot.style, { width: `${size}px`, height: `${size}px` });
    Object.assign(this.cursor.style, { left: `${this.at[0] * 100}%`, top: `${this.at[1] * 100}%` });
    const down = Boolean(this.stroke) && this.pointer === undefined;
    this.cursor.classList.toggle("down", down);
    const tool = erase ? "eraser" : "pen";
    const text = this.cursor.hidden ? HINT : `The ${tool} is ${down ? "down" : "up"}. ${KEYS}`;
    if (this.hint.textContent !== text) this.hint.textContent = text;
  }

  destroy() {
    this.send = () => {}; // nobody listens any more; the strokes are kept
    this.finish();
    clearTimeout(this.timer);
    this.running?.abort();
    this.observer.disconnect();
    this.wall.destroy();
    this.root.replaceChildren();
  }
}

export default function (component, files) {
  const element = component.parentElement;
  if (!papers.has(element)) papers.set(element, new Paper(element));
  const paper = papers.get(element);
  paper.update(component, files);
  return () => {
    papers.delete(element);
    paper.destroy();
  };
}
