// What a person is asked to do before the camera: shown step by step, while the camera takes frames of it.

import { send, textOf } from "./send.js";

const FRAME_SIDE = 480;
const EVERY_MS = 90; // about eleven frames a second: at most 200 in the longest challenge
const STILL_AT_MS = 700; // within the first step, which is a straight look
const AFTER_MS = 150;

export async function challenge(camera, section, form, taken) {
  if (camera.taking) return;
  camera.taking = true;
  camera.say("trouble", "");
  const stage = document.querySelector("[data-stage]");
  const order = stage.querySelector("[data-order]");
  const progress = stage.querySelector("[data-progress]");
  const csrf = () => { const data = new FormData(); data.append("csrf", section.dataset.csrf); return data; };
  const offline = (gone) => camera.say("trouble", gone ? section.dataset.textOffline : "");
  let stopped = "";
  const stop = () => { stopped ||= "stopped"; };
  const hidden = () => { if (document.hidden) stopped ||= "hidden"; };
  document.addEventListener("visibilitychange", hidden);
  stage.addEventListener("close", stop);
  stage.querySelector("[data-stop]").onclick = () => stage.close();
  try {
    const drawn = await send(section.dataset.challenge, csrf(), offline);
    stage.querySelector("[data-mirror]").append(camera.video);
    await camera.video.play().catch(() => {});
    order.textContent = drawn.steps[0].words;
    stage.showModal();
    await rest(1200); // to read the first instruction
    const { frames, times, still } = await follow(camera, drawn, order, progress, stage, () => stopped);
    if (stopped === "hidden") camera.say("trouble", section.dataset.textHidden);
    if (stopped) return;
    stage.removeEventListener("close", stop);
    stage.close();
    camera.tell(section.dataset.textTaken);
    const data = csrf();
    data.append("challenge", drawn.id);
    data.append("times", JSON.stringify(times));
    for (const frame of frames) data.append("frame", frame, "frame.jpg");
    const answer = await send(section.dataset.challenge.replace(/challenge$/, "answer"), data, offline);
    if (answer.done) return taken(still);
    if (answer.to) return location.assign(answer.to);
    camera.say("trouble", answer.text);
  } catch (error) {
    camera.say("trouble", error.answer ? textOf(error.answer) : String(error));
  } finally {
    document.removeEventListener("visibilitychange", hidden);
    stage.removeEventListener("close", stop);
    stage.style.backgroundColor = "";
    if (stage.open) stage.close();
    camera.view.prepend(camera.video);
    camera.tell("");
    camera.again();
  }
}

async function follow(camera, drawn, order, progress, stage, stopped) {
  const frames = [];
  const times = [];
  const canvas = document.createElement("canvas");
  let still = null;
  let shown = null;
  const start = performance.now();
  for (let at = 0; at < drawn.duration_ms + AFTER_MS && !stopped(); at = performance.now() - start) {
    const step = drawn.steps.find((each) => at < each.until_ms);
    if (step && step !== shown) {
      if (step.words !== shown?.words) order.textContent = step.words;
      stage.style.backgroundColor = step.colour ? `rgb(${step.colour.join(" ")})` : "";
      shown = step;
    }
    progress.value = Math.min(1, at / drawn.duration_ms);
    if (!still && at >= STILL_AT_MS) still = camera.still();
    const took = performance.now();
    times.push(Math.round((took - start) * 10) / 10);
    frames.push(await camera.drawn(FRAME_SIDE, 0.8, canvas));
    await rest(Math.max(5, EVERY_MS - (performance.now() - took)));
  }
  return { frames, times, still: await still };
}

const rest = (ms) => new Promise((done) => setTimeout(done, ms));
