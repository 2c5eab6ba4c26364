// @ts-check
/** What waits for one reader: events of a request, or messages of a topic. Bounded, and putting never waits. */

import { isFinal, progressOf } from "./wire.js";

const EVENTS = 64;
const MESSAGES = 1024;

/**
 * An async iterator over what is put in; leaving its loop, or `return()`, ends it at once.
 *
 * @template T
 * @implements {AsyncIterableIterator<T>}
 */
export class Queue {
  /** @type {T[]} */
  items = [];
  /** @type {Array<{resolve: (result: IteratorResult<T, undefined>) => void, reject: (error: unknown) => void}>} */
  #readers = [];
  /** @type {unknown} */
  #error;
  #isOver = false;
  /** @type {(() => unknown) | null} */
  #begin;
  #end;

  /**
   * @param {() => unknown} begin called when it is read for the first time; what it throws ends it
   * @param {() => void} end called once, when nobody reads it any more
   */
  constructor(begin, end) {
    this.#begin = begin;
    this.#end = end;
  }

  /** @param {T} item */
  add(item) {
    if (this.#isOver) return;
    this.items.push(item);
    this.#serve();
  }

  /**
   * Nothing more will come; thrown once what came before it is read.
   *
   * @param {unknown} error
   */
  fail(error) {
    this.#error ??= error;
    this.#serve();
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  next() {
    const promise = new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const begin = this.#begin;
    this.#begin = null;
    if (begin && this.#error === undefined) {
      (async () => begin())().catch((error) => this.fail(error));
    }
    this.#serve();
    return promise;
  }

  /** @returns {Promise<IteratorResult<T, undefined>>} */
  async return() {
    this.finish();
    return { done: true, value: undefined };
  }

  /** Whether nobody reads it any more. */
  get isFinished() {
    return this.#isOver;
  }

  /** Nothing more will come, and that is well. */
  finish() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end();
    this.#serve();
  }

  /**
   * Give an item to a reader; the last one ends it.
   *
   * @returns {{item: T, isLast: boolean}}
   */
  take() {
    return { item: /** @type {T} */ (this.items.shift()), isLast: false };
  }

  #serve() {
    while (this.#readers.length) {
      if (this.items.length && !this.#isOver) {
        const { item, isLast } = this.take();
        this.#readers.shift()?.resolve({ done: false, value: item });
        if (isLast) this.finish();
      } else if (this.#isOver) {
        this.#readers.shift()?.resolve({ done: true, value: undefined });
      } else if (this.#error !== undefined) {
        this.#readers.shift()?.reject(this.#error);
        this.finish();
      } else {
        return;
      }
    }
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

/**
 * Events of one request, each once: after a lost connection the service tells some of them again, and progress that is
 * behind, and anything after the final one, is left out.
 *
 * @extends {Queue<import("./wire.js").Event>}
 */
export class Inbox extends Queue {
  /** Whether anything came yet. */
  isAnswered = false;
  /** The number of the connection that it was sent on; 0: it was not sent yet. */
  sentOn = 0;
  /** Lets go of the signal that may end it. */
  stop = () => {};
  #isOver = false;
  #isAcknowledged = false;
  /** @type {import("./wire.js").Progress | null} */
  #progress = null;

  /**
   * @param {string} body the message that asks for it
   * @param {"fail" | "repeat" | "resume" | "resume-or-repeat"} onLoss
   * @param {() => unknown} begin
   * @param {() => void} end
   */
  constructor(body, onLoss, begin, end) {
    super(begin, end);
    this.body = body;
    this.onLoss = onLoss;
  }

  /** @param {import("./wire.js").Event} event */
  put(event) {
    this.isAnswered = true;
    if (this.#isKnown(event)) return;
    if (this.items.length >= EVENTS) {
      this.items.splice(Math.max(0, this.items.findIndex(({ type }) => type === "progress")), 1);
    }
    this.add(event);
  }

  /** @override */
  take() {
    const { item } = super.take();
    return { item, isLast: isFinal(item) };
  }

  /** @param {import("./wire.js").Event} event */
  #isKnown(event) {
    if (this.#isOver) return true;
    this.#isOver = isFinal(event);
    if (event.type === "acknowledgment") {
      const isKnown = this.#isAcknowledged;
      this.#isAcknowledged = true;
      return isKnown;
    }
    if (event.type !== "progress") return false;
    const last = this.#progress;
    const progress = progressOf(event);
    if (last && (progress.percentage < last.percentage || JSON.stringify(progress) === JSON.stringify(last))) return true;
    this.#progress = progress;
    return false;
  }
}

/**
 * Messages of a topic; of more than 1,024 that wait the oldest go, and the next one says how many.
 *
 * @extends {Queue<import("./wire.js").TopicMessage>}
 */
export class TopicQueue extends Queue {
  #missed = 0;

  /** @param {import("./wire.js").Event} event */
  put({ topic, data, timestamp }) {
    if (this.items.length >= MESSAGES) {
      this.items.shift();
      this.#missed += 1;
    }
    this.add({ topic: topic ?? null, data: data ?? null, timestamp: timestamp ?? 0, missed: 0 });
  }

  /** @override */
  take() {
    const item = { .../** @type {import("./wire.js").TopicMessage} */ (this.items.shift()), missed: this.#missed };
    this.#missed = 0;
    return { item, isLast: false };
  }
}

/** Tells errors that name no request to whom they are about, once that is certain: each is about another request. */
export class Complaints {
  /** Those that are not told yet. @type {Error[]} */
  #errors = [];
  /** @type {Set<Inbox>} */
  #suspects = new Set();

  /**
   * An error came while these were under way; how many of them it may be about.
   *
   * @param {Error} error
   * @param {Iterable<Inbox>} inboxes
   */
  heard(error, inboxes) {
    this.#errors.push(error);
    this.#suspects = new Set(inboxes);
    return this.settle();
  }

  /** Somebody may have been answered: if as many are left as there are errors, they are about all of these. */
  settle() {
    const left = [...this.#suspects].filter(({ isAnswered }) => !isAnswered);
    if (this.#errors.length >= left.length) {
      const errors = this.#errors.splice(0);
      for (const inbox of left) inbox.fail(errors.shift());
    }
    return left.length;
  }

  /** Nobody waits for a request any more; if it was not answered, an error may have been about it. @param {Inbox} inbox */
  gone(inbox) {
    if (this.#suspects.delete(inbox) && !inbox.isAnswered) this.#errors.shift();
  }
}
