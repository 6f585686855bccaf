import { at, make } from "./dom.js";

const people = [
  { name: "Alice Liddell", subject: "alice" },
  { name: "Bob Moran", subject: "bob" },
  // No legal uid: the gateway derives one.
  { name: "Carol Danvers", subject: "auth0|64f1c0ffee" },
];

const kinds = { valid: "Valid", expired: "Expired", forged: "Forged", "foreign-audience": "For another app" };

function radio(name, value, checked, face) {
  return make("label", {}, make("input", { type: "radio", name, value, checked }), face);
}

const portrait = (name) => `/avatars/${encodeURIComponent(name)}.svg`;

export function drawChoices() {
  at("people").replaceChildren(
    ...people.map(({ name, subject }, index) => {
      const face = make("img", { src: portrait(name), width: 34, height: 34, alt: "" });
      const text = make("span", {}, make("strong", {}, name), make("code", { title: subject }, subject));
      return radio("person", subject, index === 0, make("span", { className: "choice" }, face, text));
    }),
  );
  at("kinds").replaceChildren(
    ...Object.entries(kinds).map(([kind, label]) =>
      radio("kind", kind, kind === "valid", make("span", { className: "segment" }, label)),
    ),
  );
  // A typed subject and a chosen person exclude each other.
  at("other").addEventListener("input", ({ target }) => {
    for (const choice of document.querySelectorAll("[name=person]")) {
      choice.checked = target.value === "" && choice.value === people[0].subject;
    }
  });
  at("people").addEventListener("change", () => {
    at("other").value = "";
  });
}

/** Who signs in, and what the identity provider says of them. */
export function chosen(form, sandbox) {
  const answers = new FormData(form);
  const subject = String(answers.get("other")).trim() || String(answers.get("person"));
  const name = people.find((person) => person.subject === subject)?.name ?? subject;
  return { kind: answers.get("kind"), subject, name, picture: sandbox + portrait(name) };
}
