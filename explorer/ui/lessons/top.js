// A new chapter begins at the top of the page, and its name is in sight in the row; anything else leaves the page as it is.
let shown;
const rows = new WeakMap(); // Streamlit's element → its Row

// Keeps the open chapter's name in the middle of the row. The row comes, gets its width and its letters when Streamlit
// has fetched what it needs for them, which may be after this script ran: so it is watched, not looked at once.
class Row {
  constructor() {
    this.sizes = new ResizeObserver(() => this.center());
    this.changes = new MutationObserver(() => this.follow());
    this.changes.observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-checked"] });
    this.follow();
  }

  follow() {
    const name = document.querySelector('.st-key-chapters [aria-checked="true"]');
    if (name === this.name && name?.isConnected) return;
    this.name = name;
    this.sizes.disconnect();
    if (!name) return;
    // Called once at once, and again with each new size: of the row, or of a name in it, which moves those after it.
    for (const element of [name.parentElement, ...name.parentElement.children]) this.sizes.observe(element);
  }

  center() {
    const { name } = this;
    const row = name?.parentElement;
    if (row) row.scrollLeft = name.offsetLeft - row.offsetLeft - (row.clientWidth - name.offsetWidth) / 2;
  }

  destroy() {
    this.changes.disconnect();
    this.sizes.disconnect();
  }
}

export default function ({ data, parentElement }) {
  if (!rows.has(parentElement)) rows.set(parentElement, new Row());
  if (shown !== undefined && shown !== data.chapter) document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 });
  shown = data.chapter;
  return () => {
    rows.get(parentElement)?.destroy();
    rows.delete(parentElement);
  };
}
