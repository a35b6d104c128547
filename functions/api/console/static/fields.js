// What a run extracted, as a tree. Everything in it came from a model that looked at somebody's film: it is shown as text only.
import { html, useState } from "./preact-htm.js";
import { put } from "./api.js";
import { Dialog, Failure, Field, useDeed } from "./elements.js";
import { Icon } from "./icons.js";

const isTree = (value) => value !== null && typeof value === "object";

const isWords = (value) => Array.isArray(value) && !value.some(isTree);

/** `mark(path)` is called for a leaf that the reader wants to mark; `markers` are those there are, by path. */
export function Tree({ value, path = "", markers = {}, mark }) {
  if (!isTree(value)) return html`<${Leaf} value=${value} />`;
  const entries = Object.entries(value);
  if (!entries.length) return html`<span class="quiet">${Array.isArray(value) ? "none" : "nothing"}</span>`;
  const inner = (name) => (Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name);
  if (isWords(value)) return html`<span class="words">${value.map((one) => html`<span class="word">${String(one)}</span>`)}</span>`;
  return html`<dl class="tree">${entries.map(([name, one]) => html`<div class=${isTree(one) && Object.values(one).some(Boolean) && !isWords(one) ? "nested" : ""}>
    <dt>${Array.isArray(value) ? Number(name) + 1 : name.replaceAll("_", " ")}
      ${mark && html`<button class=${`bare tiny ${markers[inner(name)] ? "marked" : ""}`} style=${markers[inner(name)]?.color ? { color: markers[inner(name)].color } : {}}
        aria-label=${`Mark ${inner(name)}`} title=${markers[inner(name)]?.note || "Mark this field"} onClick=${() => mark(inner(name), markers[inner(name)])}><${Icon} name="marker" /></button>`}</dt>
    <dd><${Tree} value=${one} path=${inner(name)} markers=${markers} mark=${mark} /></dd></div>`)}</dl>`;
}

function Leaf({ value }) {
  if (value === null || value === "") return html`<span class="quiet">–</span>`;
  if (typeof value === "boolean") return html`<span class="pill">${value ? "yes" : "no"}</span>`;
  return html`<span>${String(value)}</span>`;
}

const COLOURS = ["#d64545", "#d98a1f", "#2f9e5f", "#2f6fd0", "#8a4fd0"];

export function MarkDialog({ target, was, close, done }) {
  const [color, setColor] = useState(was?.color || COLOURS[0]);
  const [note, setNote] = useState(was?.note ?? "");
  const save = useDeed(() => put("/markers", { ...target, color, note }));
  const submit = async (event) => {
    event.preventDefault();
    const made = await save.run();
    if (made) done(made);
  };
  return html`<${Dialog} title=${`Mark ${target.field_path ?? `this ${target.target_type}`}`} close=${close}><form onSubmit=${submit}>
    <fieldset class="colours"><legend>Colour</legend>${COLOURS.map((one, n) => html`<label style=${{ background: one }}><input type="radio" name="colour" aria-label=${`Colour ${n + 1}`} checked=${one === color} onChange=${() => setColor(one)} /></label>`)}</fieldset>
    <${Field} label="Note"><textarea maxlength="1000" value=${note} onInput=${(event) => setNote(event.target.value)}></textarea></${Field}>
    <${Failure} error=${save.error} /><footer><button class="primary" disabled=${save.busy}>Mark</button></footer></form></${Dialog}>`;
}
