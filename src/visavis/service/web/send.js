// How our scripts send something, and what they say of an answer.

const LONGEST_PAUSE = 8000;

// Sends a form's data until somebody answers; what is refused is thrown as an answer with a text.
// A form that arrived twice does no harm: it says for which step it was made.
export async function send(address, data, offline) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    let response;
    try {
      response = await fetch(address, { method: "POST", body: data, headers: { Accept: "application/json" } });
    } catch {
      offline?.(true);
      await new Promise((done) => {
        setTimeout(done, pause);
        addEventListener("online", done, { once: true });
      });
      continue;
    }
    offline?.(false);
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (answer.sign_in) location.assign(answer.sign_in);
    throw Object.assign(new Error("refused"), { status: response.status, answer });
  }
}

export const textOf = (answer) => [answer.text, answer.next].filter(Boolean).join(" ");
