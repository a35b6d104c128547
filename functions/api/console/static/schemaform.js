// A form made from a JSON Schema, so that its author sees what it asks for.
import { html } from "./preact-htm.js";

const DEEPEST = 6;

function opened(schema, root) {
  const name = typeof schema?.$ref === "string" ? /^#\/(?:\$defs|definitions)\/(.+)$/.exec(schema.$ref)?.[1] : null;
  return name ? (root?.$defs ?? root?.definitions)?.[name] ?? {} : schema ?? {};
}

const typeOf = (schema) => [schema.type].flat().find((one) => one && one !== "null") ?? (schema.properties ? "object" : schema.items ? "array" : schema.enum ? "string" : "string");

/** Something of the right form to begin with. */
export function sampleOf(given, root = given, depth = 0) {
  const schema = opened(given, root);
  if (depth > DEEPEST) return null;
  if (schema.enum?.length) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  const type = typeOf(schema);
  if (type === "object") return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, one]) => [name, sampleOf(one, root, depth + 1)]));
  if (type === "array") return schema.items ? [sampleOf(schema.items, root, depth + 1)] : [];
  if (type === "boolean") return false;
  return type === "integer" || type === "number" ? schema.minimum ?? 0 : "";
}

export function SampleForm({ schema: given, root, value, change, label = "", depth = 0 }) {
  const schema = opened(given, root);
  const type = typeOf(schema);
  if (depth > DEEPEST) return null;
  if (type === "object") {
    const inner = Object.entries(schema.properties ?? {}).map(([name, one]) => html`<${SampleForm} key=${name} schema=${one} root=${root} label=${name + (schema.required?.includes(name) ? " *" : "")} depth=${depth + 1}
      value=${value?.[name]} change=${(part) => change({ ...value, [name]: part })} />`);
    return label ? html`<fieldset class="form"><legend>${label}</legend>${inner}</fieldset>` : html`<div class="form">${inner}</div>`;
  }
  if (type === "array") {
    const items = Array.isArray(value) ? value : [];
    return html`<fieldset class="form"><legend>${label}</legend>${items.map((one, n) => html`<${SampleForm} key=${n} schema=${schema.items ?? {}} root=${root} label=${String(n + 1)} value=${one} depth=${depth + 1} change=${(part) => change(items.map((other, at) => (at === n ? part : other)))} />`)}
      <div class="row"><button type="button" class="small" onClick=${() => change([...items, sampleOf(schema.items, root)])}>Add</button>${items.length > 0 && html`<button type="button" class="small" onClick=${() => change(items.slice(0, -1))}>Remove the last</button>`}</div></fieldset>`;
  }
  return html`<label class="field"><span>${label}</span>${control(schema, type, value, change)}${schema.description && html`<small>${schema.description}</small>`}</label>`;
}

function control(schema, type, value, change) {
  if (schema.enum) return html`<select value=${String(value)} onChange=${(event) => change(schema.enum.find((one) => String(one) === event.target.value))}>${schema.enum.map((one) => html`<option value=${String(one)}>${String(one)}</option>`)}</select>`;
  if (type === "boolean") return html`<select value=${String(value)} onChange=${(event) => change(event.target.value === "true")}><option value="true">true</option><option value="false">false</option></select>`;
  const numeric = type === "integer" || type === "number";
  return html`<input type=${numeric ? "number" : "text"} step=${type === "integer" ? 1 : "any"} value=${value ?? ""} onInput=${(event) => change(numeric ? (event.target.value === "" ? null : Number(event.target.value)) : event.target.value)} />`;
}
