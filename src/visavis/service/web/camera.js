// A camera: its live view, what the person should do before it, and the picture that is taken.

import { send, textOf } from "./send.js";

const FRAME_SIDE = 480;
const EVERY_MS = 100; // ten frames a second at most, and never two on their way
const ALOUD_MS = 2500; // how often a hint is said aloud, at most
const GOOD_FRAMES = 5; // in a row, before the picture is taken by itself
const TROUBLES = {
  NotAllowedError: "textDenied", SecurityError: "textDenied", NotFoundError: "textNone",
  OverconstrainedError: "textNone", NotReadableError: "textBusy", AbortError: "textBusy",
};

export class Camera {
  onTrouble = () => {};

  constructor(section) {
    const part = (name) => section.querySelector(`[data-${name}]`);
    Object.assign(this, {
      section, view: part("view"), video: part("video"), told: part("told"), aloud: part("aloud"),
      trouble: part("trouble"), onButton: part("on"), takeButton: part("take"), offButton: part("off"),
    });
    this.canvas = document.createElement("canvas");
    this.stream = null;
    this.taking = false;
    this.offButton.addEventListener("click", () => { this.off(); this.onButton.focus(); });
    this.takeButton.addEventListener("click", () => this.take());
  }

  // Offers the camera; where the browser was allowed before, it starts at once.
  async prepare(taken, instead) {
    this.taken = taken;
    this.instead = instead;
    this.onButton.addEventListener("click", () => this.on(taken));
    const state = await navigator.permissions?.query({ name: "camera" }).then((found) => found.state, () => "");
    if (state === "granted") this.on(taken);
  }

  async on(taken) {
    this.taken = taken;
    this.say("trouble", "");
    if (!navigator.mediaDevices) return this.fail("textInsecure");
    this.onButton.hidden = true;
    this.tell(this.section.dataset.textStarting);
    const user = this.section.dataset.camera === "user";
    const size = user ? { width: { ideal: 1280 }, height: { ideal: 720 } } : { width: { ideal: 2560 }, height: { ideal: 1440 } };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: this.section.dataset.camera, ...size } });
    } catch (error) {
      return this.fail(TROUBLES[error.name] ?? "textBusy");
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.fail("textLost"));
    this.video.srcObject = this.stream;
    this.view.hidden = this.takeButton.hidden = this.offButton.hidden = false;
    await this.video.play().catch(() => {});
    this.tell("");
    this.takeButton.focus();
    this.guide(this.stream);
  }

  off() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.view.hidden = this.takeButton.hidden = this.offButton.hidden = true;
    this.view.classList.remove("good");
    this.onButton.hidden = false;
    this.taking = false;
  }

  // After a picture that was refused.
  again() {
    this.taking = false;
    if (!this.stream) return;
    this.video.play().catch(() => {});
    this.guide(this.stream);
  }

  async take() {
    if (this.taking || !this.stream) return;
    if (this.instead) return this.instead();
    this.taking = true;
    const picture = await this.still();
    this.video.pause();
    this.tell(this.section.dataset.textTaken);
    this.taken(picture);
  }

  // The picture as fine as the camera gives it.
  async still() {
    const blob = await this.drawn(Math.max(this.video.videoWidth, this.video.videoHeight), 0.93);
    return new File([blob], "camera.jpg", { type: "image/jpeg" });
  }

  drawn(side, quality, canvas = document.createElement("canvas")) {
    const { videoWidth: width, videoHeight: height } = this.video;
    const scale = Math.min(1, side / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d", { alpha: false }).drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
  }

  async guide(stream) {
    const { guidance, csrf } = this.section.dataset;
    let good = 0;
    let pause = EVERY_MS;
    while (guidance && this.stream === stream && !this.taking) {
      const began = performance.now();
      if (this.video.videoWidth && !document.hidden) {
        const data = new FormData();
        data.append("csrf", csrf);
        data.append("frame", await this.drawn(FRAME_SIDE, 0.7, this.canvas));
        try {
          const found = await send(guidance, data, (gone) => this.say("trouble", gone ? this.section.dataset.textOffline : ""));
          if (this.stream !== stream || this.taking) return;
          this.tell(found.text);
          this.view.classList.toggle("good", found.good);
          good = found.good ? good + 1 : 0;
          pause = EVERY_MS;
        } catch (error) {
          good = 0;
          this.view.classList.remove("good");
          this.tell(error.status === 404 ? textOf(error.answer) : this.section.dataset.textUnguided);
          if (error.status === 404) return;
          pause = Math.min(2 * pause, 4000);
        }
        if (good >= GOOD_FRAMES && !this.instead) return this.take();
      }
      await new Promise((done) => setTimeout(done, Math.max(0, pause - (performance.now() - began))));
    }
  }

  // What the person should do: seen at once, said aloud now and then.
  tell(text) {
    if (this.told.textContent !== text) this.told.textContent = text;
    const now = performance.now();
    if (text === this.lastAloud || (now - (this.aloudAt ?? -ALOUD_MS) < ALOUD_MS && text)) return;
    this.aloud.textContent = this.lastAloud = text;
    this.aloudAt = now;
  }

  say(where, text) {
    if (this[where].textContent !== text) this[where].textContent = text;
  }

  fail(text) {
    this.off();
    this.tell("");
    this.say("trouble", this.section.dataset[text]);
    this.onTrouble();
  }
}
