// What a run extracted, as a tree. Everything in it came from a model that looked at somebody's film: it is shown as text only.
import { html, useState } from "./preact-htm.js";
import { put } from "./api.js";
import { Dialog, Failure, Field, useDeed } from "./elements.js";
import { clock, percent, said } from "./format.js";
import { Icon } from "./icons.js";

const isTree = (value) => value !== null && typeof value === "object";

const isWords = (value) => Array.isArray(value) && !value.some(isTree);

/** `mark(path)` is called for a leaf that the reader wants to mark; `markers` are those there are, by path; `proof` is what `Proof` shows. */
export function Tree({ value, path = "", markers = {}, mark, proof }) {
  if (!isTree(value)) return html`<${Leaf} value=${value} /><${Proof} of=${proof} path=${path} />`;
  const entries = Object.entries(value);
  if (!entries.length) return html`<span class="quiet">${Array.isArray(value) ? "none" : "nothing"}</span>`;
  const inner = (name) => (Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name);
  if (isWords(value)) return html`<span class="words">${value.map((one) => html`<span class="word">${String(one)}</span>`)}</span><${Proof} of=${proof} path=${path} />`;
  return html`<dl class="tree">${entries.map(([name, one]) => html`<div class=${isTree(one) && Object.values(one).some(Boolean) && !isWords(one) ? "nested" : ""}>
    <dt>${Array.isArray(value) ? Number(name) + 1 : name.replaceAll("_", " ")}
      ${mark && html`<button class=${`bare tiny ${markers[inner(name)] ? "marked" : ""}`} style=${markers[inner(name)]?.color ? { color: markers[inner(name)].color } : {}}
        aria-label=${`Mark ${inner(name)}`} title=${markers[inner(name)]?.note || "Mark this field"} onClick=${() => mark(inner(name), markers[inner(name)])}><${Icon} name="marker" /></button>`}</dt>
    <dd><${Tree} value=${one} path=${inner(name)} markers=${markers} mark=${mark} proof=${proof} /></dd></div>`)}</dl>`;
}

function Leaf({ value }) {
  if (value === null || value === "") return html`<span class="quiet">–</span>`;
  if (typeof value === "boolean") return html`<span class="pill">${value ? "yes" : "no"}</span>`;
  return html`<span>${String(value)}</span>`;
}

const SENSES = { reading: "read", hearing: "heard", measuring: "measured", given: "given as" };
const MOST = 4;

/** What a field's value rests on: the line that was read, the words that were heard; a click plays them. `of` is {evidence, seek}. */
function Proof({ of: proof, path }) {
  const any = path.replaceAll(/\[\d+\]/g, "[]");
  const sources = proof && (proof.evidence[path] ?? proof.evidence[any] ?? proof.evidence[`${any}[]`]);
  if (!sources?.length) return null;
  return html`<ul class="proof" aria-label=${`Evidence of ${path}`}>${sources.slice(0, MOST).map((one) => {
    const at = one.at ?? one.start;
    return html`<li>${SENSES[one.sense] ?? one.sense} ${one.text ? html`<q>${one.text}</q>` : said(one.of ?? one.name)}
      ${at !== undefined && html`<button class="bare tiny" onClick=${() => proof.seek(at, true)} aria-label=${`Play ${clock(at)}`}>${clock(at)}</button>`}
      ${one.confidence !== undefined && html`<span class="quiet">${percent(one.confidence * 100)}</span>`}</li>`;
  })}</ul>`;
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
