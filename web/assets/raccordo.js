// Marks the two sides of a field's way together, wherever the pointer or the keyboard stands. Everything
// is there to be read without it.
(() => {
  const mark = (event) => {
    const at = event.target.closest?.("[data-pair]");
    const within = event.target.closest?.(".beside");
    for (const marked of document.querySelectorAll(".marked")) marked.classList.remove("marked");
    if (!at || !within) return;
    for (const one of within.querySelectorAll(`[data-pair="${CSS.escape(at.dataset.pair)}"]`)) {
      one.classList.add("marked");
    }
  };
  document.addEventListener("pointerover", mark);
  document.addEventListener("focusin", mark);
})();
