// @ts-check
// What the page Send remembers in this browser: history, named messages, identities; never a token.

const KEY = "streamer-send";
const HISTORY = 50;
const IDENTITIES = 12;

/** @typedef {{user: string, tenant: string, permissions: string, claims: string}} Identity */
/** @typedef {{name: string, text: string}} Named */
/** @typedef {{history: string[], who: Identity[], messages: Named[]}} Saved */

/** @returns {Saved} */
export function saved() {
  const empty = { history: [], who: [], messages: [] };
  try {
    return { ...empty, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return empty;
  }
}

/** Where there is no more room, the oldest of the history gives way. @param {Partial<Saved>} changes */
function keep(changes) {
  const all = { ...saved(), ...changes };
  for (;;) {
    try {
      return localStorage.setItem(KEY, JSON.stringify(all));
    } catch (error) {
      if (!all.history.length) throw error;
      all.history = all.history.slice(0, all.history.length >> 1);
    }
  }
}

/** What is convenient alone: where there is no room, the message goes out all the same. @param {Partial<Saved>} changes */
function keepIfPossible(changes) {
  try {
    keep(changes);
  } catch {
    // It is in no list.
  }
}

/** @param {string} text */
export function remember(text) {
  keepIfPossible({ history: [text, ...saved().history.filter((each) => each !== text)].slice(0, HISTORY) });
}

/** @param {Identity} one */
export function rememberIdentity(one) {
  keepIfPossible({ who: [one, ...saved().who.filter((each) => identityText(each) !== identityText(one))].slice(0, IDENTITIES) });
}

/** @param {Identity} one */
export function identityText(one) {
  return [one.user, one.tenant && `of ${one.tenant}`, one.permissions && `(${one.permissions})`, one.claims && one.claims].filter(Boolean).join(" ");
}

/** Another message of the same name gives way. @param {Named} one */
export function nameMessage(one) {
  keep({ messages: [...saved().messages.filter((each) => each.name !== one.name), one].sort((a, b) => a.name.localeCompare(b.name)) });
}

/** @param {string} name */
export function forgetMessage(name) {
  keep({ messages: saved().messages.filter((each) => each.name !== name) });
}

/** The named messages as a file for a repository. */
export function messagesFile() {
  return `${JSON.stringify({ messages: saved().messages }, null, 2)}\n`;
}

/** Takes the messages of such a file; answers how many. @param {string} text */
export function readMessages(text) {
  const found = JSON.parse(text)?.messages;
  if (!Array.isArray(found) || !found.every((each) => typeof each?.name === "string" && typeof each?.text === "string")) throw new Error("it is no file of messages: {\"messages\": [{\"name\", \"text\"}]}");
  for (const { name, text: content } of found) nameMessage({ name, text: content });
  return found.length;
}
