// Connectors: buckets of other stores, with a look inside, and imports from there.
import { html, useState } from "./preact-htm.js";
import { call, get, post, remove } from "./api.js";
import { Answer, Dialog, Empty, Failure, Field, Pill, Sure, useAnswer, useDeed } from "./elements.js";
import { ago, count, size } from "./format.js";
import { Icon } from "./icons.js";
import { go } from "./router.js";

// An example, and what such a name looks like.
const BUCKET = ["media-archive", "[a-z0-9][a-z0-9._\\-]{1,220}[a-z0-9]"];
const PROVIDERS = {
  gcs: ["Google Cloud Storage", [["bucket", "Bucket", "text", BUCKET], ["gcp_project_id", "Project", "text", ["my-project", "[a-z][a-z0-9:.\\-]{1,61}[a-z0-9]"]]]],
  s3: ["Amazon S3", [["bucket", "Bucket", "text", BUCKET], ["region", "Region", "text", ["eu-central-1", "[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}|auto"]], ["aws_access_key_id", "Access key id"], ["aws_secret_access_key", "Secret access key", "password"]]],
  azure: ["Azure Blob Storage", [["storage_account", "Storage account"], ["container", "Container"], ["tenant_id", "Tenant id"], ["client_id", "Client id"], ["client_secret", "Client secret", "password"]]],
};

export function Connectors() {
  const connectors = useAnswer(() => get("/connectors"), []);
  const [making, setMaking] = useState(false);
  return html`<div class="row"><span class="grow quiet">Buckets that media come from and exports go to.</span><button class="primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />Connect a bucket</button></div>
    ${making && html`<${NewConnector} close=${() => setMaking(false)} done=${() => (setMaking(false), connectors.reload())} />`}
    <${Answer} of=${connectors}>${(all) => all.length ? html`<ul class="list">${all.map((one) => html`<${Connector} key=${one.connector_id} one=${one} changed=${connectors.reload} />`)}</ul>`
    : html`<${Empty} icon="integrations" title="Nothing connected"><p>Connect a bucket of Google Cloud Storage, Amazon S3 or Azure, and import straight from there.</p><button class="primary" onClick=${() => setMaking(true)}>Connect a bucket</button></${Empty}>`}</${Answer}>`;
}

function Connector({ one, changed }) {
  const [browsing, setBrowsing] = useState(false);
  const test = useDeed(() => post(`/connectors/${one.connector_id}/test`).then(changed));
  return html`<li><div class="grow"><b>${one.name}</b><p class="quiet">${[PROVIDERS[one.provider][0], one.bucket ?? one.container, one.scopes.join(" and "), one.last_tested_at ? `tested ${ago(one.last_tested_at)}` : "not tested yet"].join(" · ")}</p>
      ${one.last_test_error && html`<p>${one.last_test_error}</p>`}<${Failure} error=${test.error} /></div>
    <${Pill} status=${one.status} /><button class="small" disabled=${test.busy} onClick=${() => test.run()}>${test.busy ? "Testing…" : "Test"}</button>
    <button class="small" data-item onClick=${() => setBrowsing(true)}>Browse</button>
    <${Sure} what=${`Disconnect ${one.name}?`} doing="What was imported stays; nothing more comes from there." deed=${() => remove(`/connectors/${one.connector_id}`)} done=${changed} />
    ${browsing && html`<${Browse} one=${one} close=${() => setBrowsing(false)} />`}</li>`;
}

function NewConnector({ close, done }) {
  const [provider, setProvider] = useState("gcs");
  const [said, setSaid] = useState({ name: "", scopes: ["import"], import_mode: "all", export_base_path: "" });
  const [file, setFile] = useState(null);
  const change = (part) => setSaid((before) => ({ ...before, ...part }));
  const make = useDeed(() => {
    const names = ["name", "scopes", "import_mode", "export_base_path", ...PROVIDERS[provider][1].map(([name]) => name)];
    const fields = Object.fromEntries(names.filter((name) => said[name] !== undefined && said[name] !== "").map((name) => [name, said[name]]));
    return provider === "gcs" ? call("POST", "/connectors/gcs", { form: { ...fields, credentials_file: file } }) : post(`/connectors/${provider}`, fields);
  });
  const submit = async (event) => {
    event.preventDefault();
    if (await make.run()) done();
  };
  const scope = (name) => (event) => change({ scopes: event.target.checked ? [...said.scopes, name] : said.scopes.filter((one) => one !== name) });
  return html`<${Dialog} title="Connect a bucket" close=${close}><form onSubmit=${submit}>
    <div class="chips">${Object.entries(PROVIDERS).map(([name, [label]]) => html`<button type="button" class="small" aria-pressed=${provider === name} onClick=${() => setProvider(name)}>${label}</button>`)}</div>
    <${Field} label="Name"><input required maxlength="100" value=${said.name} onInput=${(event) => change({ name: event.target.value })} /></${Field}>
    <div class="pair">${PROVIDERS[provider][1].map(([name, label, type, [example, pattern] = []]) => html`<${Field} key=${provider + name} label=${label}><input required type=${type ?? "text"} autocomplete="off" placeholder=${example} pattern=${pattern} title=${example && `As in ${example}`} value=${said[name] ?? ""} onInput=${(event) => change({ [name]: event.target.value })} /></${Field}>`)}</div>
    ${provider === "gcs" && html`<${Field} label="Key file of a service account (JSON)" hint="Kept encrypted, never shown again."><input type="file" required accept=".json,application/json" onChange=${(event) => setFile(event.target.files[0])} /></${Field}>`}
    <div class="row"><label class="check"><input type="checkbox" checked=${said.scopes.includes("import")} onChange=${scope("import")} />Import from it</label><label class="check"><input type="checkbox" checked=${said.scopes.includes("export")} onChange=${scope("export")} />Export to it</label>
      <label class="check"><input type="checkbox" checked=${said.import_mode === "new_only"} onChange=${(event) => change({ import_mode: event.target.checked ? "new_only" : "all" })} />Only new files</label></div>
    <${Failure} error=${make.error} /><footer><button class="primary" disabled=${make.busy || !said.scopes.length}>Connect</button></footer></form></${Dialog}>`;
}

function Browse({ one, close }) {
  const [said, setSaid] = useState({ prefix: "", pattern: "*" });
  const [asked, setAsked] = useState(said);
  const [index, setIndex] = useState("");
  const files = useAnswer(() => post(`/connectors/${one.connector_id}/browse`, { ...asked, recursive: true, limit: 200 }), [asked]);
  const indexes = useAnswer(() => get("/indexes", {}, { quiet: true }), []);
  const bring = useDeed(() => post("/import-jobs", { connector_id: one.connector_id, index_id: index || indexes.data[0].index_id, source_prefix: asked.prefix, file_pattern: asked.pattern, recursive: true }));
  return html`<${Dialog} wide title=${one.name} close=${close}>
    <form class="row" onSubmit=${(event) => (event.preventDefault(), setAsked({ ...said, pattern: said.pattern || "*" }))}><input aria-label="Folder" placeholder="Folder" value=${said.prefix} onInput=${(event) => setSaid({ ...said, prefix: event.target.value })} />
      <input aria-label="Pattern" placeholder="*.mp4" value=${said.pattern} onInput=${(event) => setSaid({ ...said, pattern: event.target.value })} /><button>Look</button></form>
    <${Answer} of=${files}>${(all) => html`<p class="quiet">${count(all.length, "file")}${all.length === 200 ? " and more" : ""}</p><div class="table" role="region" tabindex="0" aria-label="Files"><table><tbody>${all.map((file) => html`<tr><td class="mono">${file.path}</td><td class="n">${size(file.size_bytes)}</td><td>${ago(file.last_modified)}</td></tr>`)}</tbody></table></div>`}</${Answer}>
    <${Failure} error=${bring.error} />
    <footer><select aria-label="Into index" value=${index} onChange=${(event) => setIndex(event.target.value)}>${indexes.data?.filter((each) => !each.is_default).map((each) => html`<option value=${each.index_id}>into ${each.name}</option>`)}</select>
      <button class="primary" disabled=${bring.busy || !indexes.data?.length || !files.data?.length} onClick=${async () => (await bring.run()) && go(["integrations", "imports"])}>Import these</button></footer></${Dialog}>`;
}
