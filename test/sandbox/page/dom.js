/** @param {string} id */
export const at = (id) => document.getElementById(id);

/**
 * An element. Strings become text, never markup: what is shown came over the network.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string)} children
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { dataset, style, ...rest } = properties;
  Object.assign(element, rest);
  Object.assign(element.dataset, dataset);
  Object.assign(element.style, style);
  element.append(...children);
  return element;
}

/** Enough of a token to tell it from another, and not enough to use. */
export function shorten(token) {
  return token.length > 28 ? `${token.slice(0, 16)}…${token.slice(-6)}` : token;
}

/** Shows and hides. */
export function show(id, visible = true) {
  at(id).hidden = !visible;
}

/** Terms and descriptions; `null` leaves a row out. */
export function describe(list, rows) {
  list.replaceChildren(
    ...rows.filter(Boolean).flatMap(([term, ...description]) => [make("dt", {}, term), make("dd", {}, ...description)]),
  );
}

/** Where a step stands: waiting, current, busy, done, failed; with a reason where there was not even an answer. */
export function mark(step, state, reason = "") {
  const place = at(`step-${step}`);
  place.dataset.state = state;
  const failure = place.querySelector(".failure");
  failure.textContent = reason;
  failure.hidden = reason === "";
}

/** For those who do not see the page change. */
export function announce(text) {
  at("announcement").textContent = text;
}
