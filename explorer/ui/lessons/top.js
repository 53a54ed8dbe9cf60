// A new chapter begins at the top of the page, and its name is in sight in the row; anything else leaves the page as it is.
let shown;
export default ({ data }) => {
  if (shown === data.chapter) return;
  if (shown !== undefined) document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 });
  shown = data.chapter;
  const name = document.querySelector('.st-key-chapters [aria-checked="true"]');
  const row = name?.parentElement;
  if (row) row.scrollLeft = name.offsetLeft - row.offsetLeft - (row.clientWidth - name.offsetWidth) / 2;
};
