// One Plotly figure in one lasting element. chart.py puts GIVEN in front of this text.

const charts = new WeakMap(); // Streamlit's element → its Chart
// plotly.js offers by default to send the figure to its maker's cloud.
const DEFAULTS = { displaylogo: false, doubleClick: "reset", showTips: false, showSendToCloud: false };
const UNUSED = ["autoScale2d", "zoomIn2d", "zoomOut2d"];
const SELECTING = ["select2d", "lasso2d"];
const SPRITE = 84; // CSS pixels a picture beside a point is wide
const BESIDE = 24; // the bar of buttons stands beside a plot whose legend is where it would be otherwise
const GAP = 26; // between them: the hover text stands beside the point
const coarse = matchMedia("(pointer: coarse)");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let plotly;
function loadPlotly(files) {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(GIVEN.plotly, files);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotly = undefined; // so that the next update tries again
      script.remove();
      reject(new Error(`${script.src} could not be loaded`));
    };
    document.head.append(script);
  });
  return plotly;
}

const canvas = document.createElement("canvas").getContext("2d");
function hex(colour) {
  canvas.fillStyle = "#000000";
  canvas.fillStyle = colour; // any opaque CSS colour reads back as #rrggbb
  return canvas.fillStyle;
}

function isDark(background) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(background.slice(at, at + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

// Figures and template are written in the light palette: other themes are a matter of replacing colours in their text.
function translator(style) {
  const background = hex(style.getPropertyValue("--st-background-color"));
  const table = {
    ...(isDark(background) ? GIVEN.translation : {}),
    [GIVEN.background]: background,
    [GIVEN.surface]: hex(style.getPropertyValue("--st-secondary-background-color")),
    [GIVEN.text]: hex(style.getPropertyValue("--st-text-color")),
  };
  return (text) => JSON.parse(text.replace(/#[0-9a-f]{6}/g, (colour) => table[colour] ?? colour));
}

function legendOnTop(data, { orientation, y }, shown) {
  const named = data.filter(({ type, showlegend }) => showlegend ?? type !== "heatmap");
  return (shown ?? (named.length > 1 || named.some(({ showlegend }) => showlegend))) && orientation === "h" && y > 0.5;
}

const plain = (value) => (ArrayBuffer.isView(value) ? Array.from(value) : (value ?? null));

class Chart {
  constructor(element, files) {
    this.frame = element.querySelector(".ks-chart");
    this.plot = element.querySelector(".ks-plot");
    this.sprite = element.querySelector(".ks-sprite");
    this.fault = element.querySelector(".ks-fault");
    this.files = files;
    this.more = 0; // CSS pixels that the chart is higher than asked for
    this.observer = new ResizeObserver(() => this.schedule());
    this.observer.observe(this.frame);
  }

  update(component) {
    this.data = component.data;
    this.send = (name, value) => component.setTriggerValue(name, value);
    this.hideSprite(); // what it belonged to may be gone
    this.reserve();
    this.schedule(true);
  }

  // Streamlit's element has the height that was asked for, and would scroll; that of what grows has its content's.
  reserve() {
    const { height, grows } = this.data;
    const high = `calc(${height}px${grows ? " * var(--ks-grow, 1)" : ""} + ${this.more}px)`;
    this.frame.style.height = high;
    const element = this.frame.closest(".stElementContainer");
    if (element) element.style.minHeight = this.more && !grows ? high : "";
  }

  // Whatever comes within one frame is drawn once.
  schedule(changed = false) {
    this.changed ||= changed;
    this.request ??= requestAnimationFrame(() => {
      this.request = undefined;
      this.draw().catch((error) => {
        console.warn(error);
        this.fault.hidden = false;
      });
    });
  }

  async draw() {
    const Plotly = await loadPlotly(this.files);
    const { clientWidth: width, clientHeight: height } = this.frame;
    if (!width || !height || !this.frame.isConnected) return; // in a hidden tab: the observer calls again
    if (!this.changed && width === this.width && height === this.height) return;
    Object.assign(this, { changed: false, width, height });

    const style = getComputedStyle(this.frame);
    // A live page sends each figure again with every refresh, also those that have nothing new.
    const theme = ["--st-background-color", "--st-secondary-background-color", "--st-text-color", "--st-font"];
    const { figure: json, alt, name, selectable } = this.data;
    const drawn = [json, alt, name, selectable, width, height, innerWidth, ...theme.map((each) => style.getPropertyValue(each))].join();
    if (drawn === this.drawn) return;

    const translate = translator(style);
    const template = translate(GIVEN.template);
    const family = style.getPropertyValue("--st-font") || template.layout.font.family;
    const size = innerWidth >= 1900 ? 15 : 13;
    Object.assign(template.layout.font, { family, size });
    Object.assign(template.layout.hoverlabel.font, { family, size });
    const { data, layout } = translate(this.data.figure);
    // What would not be readable in less room is drawn smaller, as far as its letters stay readable, or else as wide as
    // it needs, and scrolls inside its frame.
    const { min_width: needed = 0, smallest = 1 } = layout.meta ?? {};
    const fits = width >= needed * smallest;
    if (fits && width < needed) for (const { textfont } of data) if (textfont) textfont.size *= width / needed;
    const wide = fits ? width : needed;
    this.plot.style.width = `${wide}px`;
    if (wide > width) this.frame.tabIndex = 0;
    else this.frame.removeAttribute("tabindex");
    Object.assign(layout, { template, width: wide, height, autosize: false });
    layout.uirevision ??= this.data.name;
    if (coarse.matches) layout.dragmode ??= false; // a finger scrolls the page
    if (selectable) layout.dragmode ??= "lasso";
    if (still.matches) layout.transition = { duration: 0 };
    const image = { format: "png", scale: 2, filename: this.data.name };
    const unused = selectable ? UNUSED : [...SELECTING, ...UNUSED];
    // A finger chooses the lasso first, so its button is always there.
    const bar = selectable ? true : coarse.matches ? false : "hover";
    const onTop = legendOnTop(data, { ...template.layout.legend, ...layout.legend }, layout.showlegend);
    if (bar && onTop) {
      const margin = { ...template.layout.margin, ...layout.margin };
      layout.margin = { ...margin, r: margin.r + BESIDE };
      layout.modebar = { ...layout.modebar, orientation: "v" };
    }
    const buttons = { displayModeBar: bar, modeBarButtonsToRemove: unused };
    const config = { ...DEFAULTS, ...buttons, toImageButtonOptions: image };
    // On a busy machine Plotly tells while it draws that nothing is selected any more: that is nobody's choice.
    this.drawing = true;
    try {
      await Plotly.react(this.plot, data, layout, config);
    } finally {
      this.drawing = false;
    }
    this.drawn = drawn;
    this.listen();
    this.describe();
    this.makeRoom(onTop);
    this.frame.dataset.drawn = "";
    this.fault.hidden = true;
  }

  // Where a legend breaks into several rows, Plotly takes their height from the plot: the chart gets it in addition.
  makeRoom(onTop) {
    const tops = [...this.plot.querySelectorAll(".infolayer > .legend .traces")].map((row) => row.getBoundingClientRect().top);
    const more = onTop && tops.length ? Math.round(Math.max(...tops) - Math.min(...tops)) : 0;
    if (more === this.more) return;
    this.more = more;
    this.reserve(); // the observer has it drawn in its new height
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_click", ({ points: [point], event }) => {
      if (!this.data.clickable || !point || event?.button) return;
      this.send("click", {
        x: plain(point.x),
        y: plain(point.y),
        z: plain(point.z),
        curve: point.curveNumber,
        point: plain(point.pointNumber ?? point.pointIndex),
        customdata: plain(point.customdata),
      });
    });
    this.plot.on("plotly_hover", ({ points: [point] }) => {
      this.frame.toggleAttribute("data-over", this.data.clickable);
      this.showSprite(point);
    });
    this.plot.on("plotly_unhover", () => {
      this.frame.removeAttribute("data-over");
      this.hideSprite();
    });
    const select = (points) => {
      if (this.data.selectable && !this.drawing) this.send("select", points.map((point) => [point.curveNumber, point.pointNumber]));
    };
    // Without points: the drag was too short to be one.
    this.plot.on("plotly_selected", (event) => event?.points && select(event.points));
    this.plot.on("plotly_deselect", () => select([]));
  }

  showSprite(point) {
    const { sprites } = this.data;
    const number = [point?.customdata].flat()[0];
    if (!sprites || !point.bbox || !Number.isInteger(number)) return this.hideSprite();
    const { sheet, columns, rows, width, height } = sprites;
    const scale = Math.max(1, Math.floor(SPRITE / width));
    const [wide, high] = [width * scale, height * scale];
    const { x0, x1, y0, y1 } = point.bbox; // of the mark, in the plot
    const above = y0 - high - GAP;
    Object.assign(this.sprite.style, {
      width: `${wide}px`,
      height: `${high}px`,
      left: `${Math.min(Math.max(0, (x0 + x1 - wide) / 2), this.plot.clientWidth - wide)}px`,
      top: `${above < 0 ? y1 + GAP : above}px`,
      backgroundImage: `url(${sheet})`,
      backgroundSize: `${wide * columns}px ${high * rows}px`,
      backgroundPosition: `${-wide * (number % columns)}px ${-high * Math.floor(number / columns)}px`,
    });
    this.sprite.dataset.number = number;
    this.sprite.hidden = false;
  }

  hideSprite() {
    this.sprite.hidden = true;
  }

  // The drawing is one picture to a screen reader; the buttons beside it stay buttons.
  describe() {
    this.plot.querySelectorAll("svg.main-svg").forEach((svg, index) => {
      if (index) return svg.setAttribute("aria-hidden", "true");
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", this.data.alt);
    });
  }

  destroy() {
    this.observer.disconnect();
    cancelAnimationFrame(this.request);
    window.Plotly?.purge(this.plot);
  }
}

export default function (component, files) {
  const element = component.parentElement;
  if (!charts.has(element)) charts.set(element, new Chart(element, files));
  const chart = charts.get(element);
  chart.update(component);
  return () => {
    charts.delete(element);
    chart.destroy();
  };
}
