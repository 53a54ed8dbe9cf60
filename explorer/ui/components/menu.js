// On a phone the menu lies over the page: choosing one of its pages closes it, which Streamlit leaves to the reader.

const NARROW = 768; // CSS pixels, below which Streamlit lays the sidebar over the page

document.addEventListener("click", ({ target }) => {
  if (innerWidth < NARROW && target.closest?.('[data-testid="stSidebarNavLink"]')) {
    document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
  }
});
