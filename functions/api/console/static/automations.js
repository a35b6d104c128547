// Automations of an index: what comes in by itself and is run over, what goes out by itself.
import { html, useState } from "./preact-htm.js";
import { get, post, put } from "./api.js";
import { Answer, Empty, Failure, Field, Pill, useAnswer, useDeed } from "./elements.js";
import { ago, when } from "./format.js";

const EVERY = { "5m": "5 minutes", "10m": "10 minutes", "1h": "hour", "1d": "day" };

export function Automations() {
  const known = useAnswer(() => Promise.all([get("/indexes"), get("/connectors", {}, { quiet: true }), get("/prompts", {}, { quiet: true })]), []);
  const [index, setIndex] = useState("");
  return html`<${Answer} of=${known}>${([indexes, connectors, { prompts }]) => {
    const own = indexes.filter((one) => !one.is_default);
    if (!own.length || !connectors.length) {
      return html`<${Empty} icon="integrations" title=${own.length ? "Connect a bucket first" : "Make an index first"}><p>An automation watches a bucket and brings what is new into an index, or sends the results of each run to one.</p><a class="button primary" href=${own.length ? "#/integrations/connectors" : "#/library"}>${own.length ? "Connectors" : "Library"}</a></${Empty}>`;
    }
    const at = index || own[0].index_id;
    return html`<select aria-label="Index" value=${at} onChange=${(event) => setIndex(event.target.value)}>${own.map((one) => html`<option value=${one.index_id}>${one.name}</option>`)}</select>
      <div class="columns" key=${at}><${Automation} kind="import" index=${at} connectors=${connectors.filter((one) => one.scopes.includes("import"))} prompts=${prompts} /><${Automation} kind="export" index=${at} connectors=${connectors.filter((one) => one.scopes.includes("export"))} prompts=${prompts} /></div>`;
  }}</${Answer}>`;
}

const absent = (error) => {
  if (error.status === 404) return null;
  throw error;
};

function Automation({ kind, index, connectors, prompts }) {
  const path = `/indexes/${index}/automations/${kind}`;
  const stored = useAnswer(() => get(path, {}, { quiet: true }).catch(absent), [path]);
  const title = kind === "import" ? "Bring in what is new" : "Send out what is found";
  return html`<section class="sheet" aria-label=${title}><header><h2>${title}</h2>${stored.data && html`<${Pill} status=${stored.data.paused || !stored.data.enabled ? "paused" : "active"} />`}</header>
    ${!connectors.length ? html`<p class="quiet">No connector has the scope “${kind}”.</p>` : html`<${Answer} of=${stored}>${(one) => html`<${Form} kind=${kind} path=${path} one=${one} connectors=${connectors} prompts=${prompts} changed=${stored.reload} />`}</${Answer}>`}</section>`;
}

function Form({ kind, path, one, connectors, prompts, changed }) {
  const [said, setSaid] = useState({
    connector: one?.connector_id ?? one?.destination_connector_id ?? connectors[0].connector_id, prefix: one?.source_prefix ?? "", pattern: one?.file_pattern ?? "*",
    every: one?.debounce_interval ?? "10m", prompt: one?.prompt_preset?.prompt_id ?? "", subpath: one?.destination_subpath ?? "",
  });
  const change = (name) => (event) => setSaid((before) => ({ ...before, [name]: event.target.value }));
  const save = useDeed(() => put(path, kind === "import"
    ? { connector_id: said.connector, source_prefix: said.prefix, file_pattern: said.pattern || "*", debounce_interval: said.every, prompt_preset: said.prompt ? { ...(one?.prompt_preset ?? {}), prompt_id: said.prompt } : undefined }
    : { destination_connector_id: said.connector, destination_subpath: said.subpath }).then(changed));
  const pause = useDeed(() => post(`${path}/${one.paused ? "resume" : "pause"}`).then(changed));
  const submit = (event) => {
    event.preventDefault();
    save.run();
  };
  return html`<form onSubmit=${submit}><${Field} label=${kind === "import" ? "From" : "To"}><select value=${said.connector} onChange=${change("connector")}>${connectors.map((each) => html`<option value=${each.connector_id}>${each.name}</option>`)}</select></${Field}>
    ${kind === "import" ? html`<div class="pair"><${Field} label="Folder"><input value=${said.prefix} onInput=${change("prefix")} /></${Field}><${Field} label="Files"><input value=${said.pattern} onInput=${change("pattern")} /></${Field}></div>
      <div class="pair"><${Field} label="Look every"><select value=${said.every} onChange=${change("every")}>${Object.entries(EVERY).map(([name, label]) => html`<option value=${name}>${label}</option>`)}</select></${Field}>
      <${Field} label="Then run"><select value=${said.prompt} onChange=${change("prompt")}><option value="">nothing</option>${prompts.map((each) => html`<option value=${each.prompt_id}>${each.name}</option>`)}</select></${Field}></div>`
    : html`<${Field} label="Folder there"><input value=${said.subpath} onInput=${change("subpath")} /></${Field}>`}
    ${one && html`<p class="quiet">Last ${ago(one.last_run_at)}${one.next_run_at ? ` · next ${when(one.next_run_at)}` : ""}</p>`}${one?.last_error && html`<p class="failure">${typeof one.last_error === "string" ? one.last_error : one.last_error.message}</p>`}
    <${Failure} error=${save.error ?? pause.error} /><footer>${one && html`<button type="button" disabled=${pause.busy} onClick=${() => pause.run()}>${one.paused ? "Resume" : "Pause"}</button>`}<button class="primary" disabled=${save.busy}>${one ? "Save" : "Switch on"}</button></footer></form>`;
}
