// The page's texts in the language of the reader, from the service's own catalogue. They only ever become
// text, never markup.

let words = {};
let tables = {};
const NAMES = { "zh-CN": "中文", en: "English" };
const LANGUAGES = Object.keys(NAMES);

/** Take the tables {language: {key: text}}, and the browser's language. */
export function learn(given) {
  tables = given;
  const known = navigator.languages.map((name) => LANGUAGES.find((one) => one.slice(0, 2) === name.slice(0, 2)));
  speak(known.find((name) => name !== undefined) || LANGUAGES[0]);
}

export function speak(language) {
  words = tables[language];
  document.documentElement.lang = language;
  document.title = say("title");
  const button = document.getElementById("language");
  button.lang = otherLanguage();
  button.textContent = NAMES[otherLanguage()];
  for (const said of document.querySelectorAll("[data-say]")) said.textContent = say(said.dataset.say);
  for (const named of document.querySelectorAll("[data-label]")) {
    named.setAttribute("aria-label", say(named.dataset.label));
  }
}

export const otherLanguage = () => LANGUAGES.find((name) => name !== document.documentElement.lang);

/** The text of a key, its {fields} filled in. */
export function say(key, facts = {}) {
  const text = words[key] || "";
  return text.replace(/\{(\w+)\}/g, (field, name) => (name in facts ? String(facts[name]) : field));
}
