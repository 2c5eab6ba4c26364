// A browser's page and WebSocket, as far as the client sees them.

export class FakeSocket {
  /** @type {FakeSocket[]} */
  static made = [];
  sent = [];
  closedWith = null;

  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols ?? [];
    FakeSocket.made.push(this);
  }

  static get last() {
    return FakeSocket.made.at(-1);
  }

  send(text) {
    const message = JSON.parse(text);
    this.sent.push(message);
    this.answers?.(message);
  }

  close(code) {
    this.closedWith = code ?? 1005;
  }

  say(message) {
    this.onmessage?.({ data: JSON.stringify({ timestamp: 1, ...message }) });
  }

  end(code = 1006, reason = "") {
    this.onclose?.({ code, reason });
  }
}

/** Stands in for `window` and `document`; returns what fires their events, and what takes them away. */
export function fakePage() {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const added = { addEventListener: page.addEventListener.bind(page), removeEventListener: page.removeEventListener.bind(page), document };
  Object.assign(globalThis, added);
  return {
    document,
    fire: (name, fields = {}) => page.dispatchEvent(Object.assign(new Event(name), fields)),
    change(visibilityState) {
      document.visibilityState = visibilityState;
      document.dispatchEvent(new Event("visibilitychange"));
    },
    remove() {
      for (const name of Object.keys(added)) delete globalThis[name];
    },
  };
}

/** Resolves once a condition holds; the test's own time limit ends it. */
export async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}
