// What makes the desk handier; every page works without it.

const menus = () => document.querySelectorAll("details.menu");

// A menu closes when one goes elsewhere, and by Escape.
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus()) {
    if (!menu.open) continue;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What was wrong with a form is read first.
document.querySelector("[data-focus]")?.focus();

// A form is sent once, however often one clicks.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000); // what it led to may be a file, and the page stays
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
