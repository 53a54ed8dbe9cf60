// Streamlit's sliders tell their value when they are let go. This tells it while they are held: of those inside of an
// element that GIVEN.within finds. What they change is in GIVEN.stage. drag.py puts GIVEN in front.
//
// At most one value is on its way: the next one, the newest by then, goes when Python has answered.

const PATIENCE = 2_000; // milliseconds after which an answer is no longer waited for, but asked for again

let send; // the component's that is on the page
let held; // { input, key, first, told, spoke } while a slider is held
let asked = 0; // when the last value was told, which is its number, too
let answered = 0;

const tell = (done) => {
  const { input, key } = held;
  held.told = input.value;
  held.spoke = true;
  asked = Date.now();
  send({ asked, key, value: Number(input.value), done });
};

const look = () => {
  if (!held) return;
  const open = asked !== answered;
  const waits = open && Date.now() - asked < PATIENCE;
  // A run that is broken off answers nothing: then the value is told once more.
  if (send && !waits && (held.input.value !== held.told || (open && held.spoke))) tell(false);
  requestAnimationFrame(look);
};

const hold = ({ target }) => {
  const slider = target.closest?.(GIVEN.within)?.contains(target) && target.closest(".stSlider");
  const input = slider?.querySelector('input[type="range"]');
  const name = input && /(?:^|\s)st-key-(\S+)/.exec(slider.closest('[class*="st-key-"]').className);
  if (!name) return;
  held = { input, key: name[1], first: input.value, told: input.value };
  requestAnimationFrame(look);
};

const release = () => {
  if (!held) return;
  // Streamlit says nothing where a slider ends where it began: then what was told meanwhile has to be taken back.
  const { input, first, spoke } = held;
  if (send && spoke && input.value === first) tell(true);
  held = undefined;
};

// Whoever changes the network wants to see it, also where the run below the drawing was looked at.
const show = ({ target }) => {
  if (target.closest?.(GIVEN.within)) document.querySelector(GIVEN.stage)?.scrollTo({ top: 0, behavior: "smooth" });
};

document.addEventListener("focusin", show);
document.addEventListener("pointerdown", hold, true);
document.addEventListener("pointerup", release, true);
document.addEventListener("pointercancel", release, true);

export default function (component) {
  if (component.data.answered === asked) answered = asked;
  const mine = (value) => component.setTriggerValue("held", value);
  send = mine;
  return () => {
    if (send === mine) send = undefined;
  };
}
