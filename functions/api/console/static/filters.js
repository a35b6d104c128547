// Conditions on extracted fields; which fields there are and what can be asked of them comes from the run's own schema.
import { html, useState } from "./preact-htm.js";
import { get, post } from "./api.js";
import { Answer, Empty, Failure, useAnswer, useDeed } from "./elements.js";
import { count } from "./format.js";
import { Icon } from "./icons.js";
import { Results } from "./results.js";

const NUMBERS = ["equals", "greater_than", "greater_equal", "less_than", "less_equal"];
const OPERATORS = {
  string: ["contains", "equals", "starts_with", "ends_with", "is_empty", "is_not_empty"],
  integer: NUMBERS,
  number: NUMBERS,
  boolean: ["equals"],
  array: ["item_contains", "item_equals", "length_equals", "length_greater", "length_less", "is_empty", "is_not_empty"],
};
const MOST = 4;

/** [{path, type, choices}] of a schema, objects opened. */
export function fieldsOf(schema, path = "") {
  const found = [];
  for (const [name, one] of Object.entries(schema?.properties ?? {})) {
    const at = path ? `${path}.${name}` : name;
    const type = [one.type].flat().find((kind) => kind !== "null");
    if (type === "object" || one.properties) found.push(...fieldsOf(one, at));
    else if (type === "array") {
      found.push({ path: at, type: "array" });
      if (one.items?.properties) found.push(...fieldsOf(one.items, `${at}[]`));
    } else if (type in OPERATORS) found.push({ path: at, type, choices: one.enum });
  }
  return found;
}

async function schemaFields(place) {
  const runs = place.index === "playground" ? await get("/prompt-runs", { limit: 100 }) : (await get(`/indexes/${place.index}/prompt-runs`, { limit: 50 })).data;
  const prompts = [...new Set(runs.filter((one) => !place.run || one.run_id === place.run).map((one) => one.prompt_id))].slice(0, 8);
  const known = new Map();
  for (const id of prompts) {
    const prompt = await get(`/prompts/${id}`, {}, { quiet: true }).catch(() => null);
    for (const field of [...fieldsOf(prompt?.json_schema), ...fieldsOf(prompt?.video_level?.json_schema)]) if (!known.has(field.path)) known.set(field.path, field);
  }
  return [...known.values()];
}

export function Filters({ place }) {
  const fields = useAnswer(() => schemaFields(place), []);
  return html`<${Answer} of=${fields}>${(known) => known.length ? html`<${Conditions} known=${known} place=${place} />`
    : html`<${Empty} icon="prompts" title="No fields to filter by yet"><p>Run a prompt with a schema over this index: its fields appear here.</p><a class="button" href="#/prompts">Prompts</a></${Empty}>`}</${Answer}>`;
}

const begun = (field) => ({ field: field.path, operator: OPERATORS[field.type][0], value: field.type === "boolean" ? "true" : field.choices?.[0] ?? "" });

function Conditions({ known, place }) {
  const [conditions, setConditions] = useState([begun(known[0])]);
  const [page, setPage] = useState(null);
  const typeOf = (path) => known.find((one) => one.path === path);
  const change = (n, part) => setConditions((before) => before.map((one, at) => (at === n ? { ...one, ...part } : one)));
  const ask = useDeed(async (cursor) => {
    const body = { conditions: conditions.map((one) => onWire(one, typeOf(one.field))), page_size: 30, cursor, run_ids: place.run ? [place.run] : undefined };
    const answer = await post(`/search/filter/${place.index}`, body);
    setPage((before) => ({ next: answer.next_page_token, results: cursor ? [...before.results, ...answer.results] : answer.results }));
  });
  const submit = (event) => {
    event.preventDefault();
    ask.run();
  };
  return html`<form class="sheet" aria-label="Filter by fields" onSubmit=${submit}>
      ${conditions.map((one, n) => html`<div class="condition" key=${n}>
        <select aria-label="Field" value=${one.field} onChange=${(event) => change(n, begun(typeOf(event.target.value)))}>${known.map((field) => html`<option value=${field.path}>${field.path.replaceAll("_", " ")}</option>`)}</select>
        <select aria-label="Condition" value=${one.operator} onChange=${(event) => change(n, { operator: event.target.value })}>${OPERATORS[typeOf(one.field).type].map((name) => html`<option value=${name}>${name.replaceAll("_", " ")}</option>`)}</select>
        <${Value} field=${typeOf(one.field)} one=${one} change=${(value) => change(n, { value })} />
        <button type="button" class="bare" aria-label="Remove this condition" disabled=${conditions.length === 1} onClick=${() => setConditions((before) => before.filter((_, at) => at !== n))}><${Icon} name="close" /></button></div>`)}
      <footer><button type="button" disabled=${conditions.length >= MOST} onClick=${() => setConditions((before) => [...before, begun(known[0])])}><${Icon} name="plus" />And</button>
        <button class="primary" disabled=${ask.busy}>Filter</button></footer></form>
    <${Failure} error=${ask.error} />
    ${page && (page.results.length ? html`<p class="quiet" role="status">${count(page.results.length, "moment")}${page.next ? " so far" : ""}</p><${Results} results=${page.results} order="time" scored=${false} />
      ${page.next && html`<button onClick=${() => ask.run(page.next)} disabled=${ask.busy}>More</button>`}` : html`<${Empty} icon="search" title="No moment meets these conditions"><p>Take one out, or ask for less.</p></${Empty}>`)}`;
}

function Value({ field, one, change }) {
  if (one.operator.endsWith("empty")) return html`<span></span>`;
  const input = (event) => change(event.target.value);
  const choices = field.type === "boolean" ? ["true", "false"] : one.operator === "equals" ? field.choices : undefined;
  if (choices) return html`<select aria-label="Value" value=${one.value} onChange=${input}>${choices.map((choice) => html`<option value=${String(choice)}>${String(choice)}</option>`)}</select>`;
  const numeric = field.type === "integer" || field.type === "number" || one.operator.startsWith("length");
  return html`<input aria-label="Value" required type=${numeric ? "number" : "text"} step=${field.type === "number" ? "any" : 1} value=${one.value} onInput=${input} />`;
}

function onWire({ field, operator, value }, { type }) {
  if (operator.endsWith("empty")) return { field, type, operator };
  const numeric = type === "integer" || type === "number" || operator.startsWith("length");
  return { field, type, operator, value: type === "boolean" ? value === "true" : numeric ? Number(value) : value };
}
