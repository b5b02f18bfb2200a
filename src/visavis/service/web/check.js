// The forms of a check, sent without leaving the page: a network that is gone for a while loses nothing.

import { Camera } from "./camera.js";
import { challenge } from "./challenge.js";
import { send, textOf } from "./send.js";

const section = document.querySelector("[data-camera]");
const camera = section ? new Camera(section) : null;

function sends(form) {
  const say = form.querySelector("[data-say]");
  const working = form.querySelector("[data-working]");
  const buttons = form.querySelectorAll("button");
  let busy = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say.textContent = "";
    working.textContent = working.dataset.text;
    for (const button of buttons) button.disabled = true;
    try {
      const offline = (gone) => { say.textContent = gone ? section?.dataset.textOffline ?? "" : ""; };
      const { to } = await send(form.action, new FormData(form), offline);
      camera?.off();
      location.assign(to);
      return;
    } catch (error) {
      say.textContent = error.answer ? textOf(error.answer) : String(error);
      form.closest("details")?.setAttribute("open", "");
      form.querySelector("input[type=file]").value = "";
      camera?.again();
    }
    working.textContent = "";
    for (const button of buttons) button.disabled = false;
    busy = false;
  });

  // Files that are dropped are as good as files that are chosen.
  for (const kind of ["dragenter", "dragover"]) {
    form.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
  }
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    const zips = files.filter((file) => /zip/.test(file.type) || /\.zip$/i.test(file.name));
    give(form, "chip", zips);
    give(form, "page", files.filter((file) => !zips.includes(file)));
    give(form, "probe", files);
    form.requestSubmit();
  });
  for (const input of form.querySelectorAll("[data-at-once]")) {
    input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });
  }
}

function give(form, name, files) {
  const input = form.querySelector(`input[type=file][name=${name}]`);
  if (!input || !files.length) return;
  const held = new DataTransfer();
  for (const file of input.multiple ? files : files.slice(0, 1)) held.items.add(file);
  input.files = held.files;
}

for (const form of document.querySelectorAll("[data-sends]")) sends(form);
for (const each of document.querySelectorAll(".scripted")) each.hidden = !navigator.mediaDevices && each.matches("button");

// A document before the camera.
for (const button of document.querySelectorAll("[data-camera-for]")) {
  button.addEventListener("click", () => {
    const form = button.form;
    section.hidden = false;
    section.scrollIntoView({ block: "nearest" });
    camera.on((picture) => { give(form, form.querySelector("[data-at-once]").name, [picture]); form.requestSubmit(); });
  });
}

// A face before the camera.
const face = document.querySelector("[data-face]");
if (face && camera) {
  section.hidden = false;
  const files = document.querySelector("[data-files]");
  files.open = Boolean(face.querySelector(".mistake"));
  const compare = (picture) => { give(face, "probe", [picture]); face.requestSubmit(); };
  camera.onTrouble = () => { files.open = true; };
  camera.prepare(compare, section.dataset.challenge ? () => challenge(camera, section, face, compare) : null);
}
