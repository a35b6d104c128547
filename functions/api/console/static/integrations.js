// What is connected: stores that media come from and go to, exports, automations, webhooks.
import { html, useEffect, useState } from "./preact-htm.js";
import { BASE, get, post } from "./api.js";
import { Automations } from "./automations.js";
import { Connectors } from "./connectors.js";
import { Answer, Dialog, Empty, Failure, Field, Pill, Progress, Tabs, useAnswer, useDeed } from "./elements.js";
import { ago, count, size } from "./format.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";
import { Webhooks } from "./webhooks.js";

const SECTIONS = { connectors: Connectors, imports: Imports, exports: Exports, automations: Automations, webhooks: Webhooks };

export function View({ parts }) {
  const at = parts[0] in SECTIONS ? parts[0] : "connectors";
  const Section = SECTIONS[at];
  return html`<div class="head"><h1>Integrations</h1></div>
    <${Tabs} tabs=${[["connectors", "Connectors"], ["imports", "Imports"], ["exports", "Exports"], ["automations", "Automations"], ["webhooks", "Webhooks"]]} at=${at} to=${(name) => link(["integrations", name])} />
    <${Section} parts=${parts.slice(1)} />`;
}

const OPEN = new Set(["pending", "processing", "scanning", "importing", "queued", "leased", "running"]);

/** Looks again while something is under way. */
function useWatched(answer) {
  const open = answer.data?.some((one) => OPEN.has(one.status));
  useEffect(() => {
    if (!open) return;
    const again = setInterval(answer.reload, 2000);
    return () => clearInterval(again);
  }, [open]);
}

function Imports() {
  const jobs = useAnswer(() => get("/import-jobs", { limit: 100 }), []);
  useWatched(jobs);
  const act = useDeed((job, what) => post(`/import-jobs/${job.job_id}/${what}`).then(jobs.reload));
  return html`<${Failure} error=${act.error} /><${Answer} of=${jobs}>${(all) => all.length ? html`<ul class="list">${all.map((job) => {
    const done = job.progress.imported + job.progress.failed + job.progress.skipped;
    return html`<li key=${job.job_id}><div class="grow"><b>${job.source_prefix || "everything"} ${job.file_pattern}</b>
      <p class="quiet">${[job.source_kind, `${job.progress.imported} imported`, job.progress.skipped && `${job.progress.skipped} skipped`, job.progress.failed && `${job.progress.failed} failed`, size(job.progress.bytes_transferred), ago(job.created_at)].filter(Boolean).join(" · ")}</p>
      ${OPEN.has(job.status) && html`<${Progress} value=${job.progress.total_files ? (done / job.progress.total_files) * 100 : undefined} label="Progress of the import" />`}
      ${job.error_message && html`<p>${job.error_message}</p>`}
      ${job.failed_files.length > 0 && html`<details><summary>${count(job.failed_files.length, "failed file")}</summary><ul>${job.failed_files.map((file) => html`<li><code>${file.path}</code> ${file.error}</li>`)}</ul></details>`}</div>
      <${Pill} status=${job.status} />${OPEN.has(job.status) && html`<button class="small" onClick=${() => act.run(job, "cancel")}>Cancel</button>`}${job.progress.failed > 0 && !OPEN.has(job.status) && html`<button class="small" onClick=${() => act.run(job, "retry")}>Retry</button>`}
      ${job.video_ids[0] && html`<a class="button small" data-item href=${job.target_index_id ? link(["library", job.target_index_id]) : link(["media", job.video_ids[0]])}>Open</a>`}</li>`;
  })}</ul>` : html`<${Empty} icon="integrations" title="No imports yet"><p>Connect a bucket, browse it, and import from there.</p><a class="button primary" href="#/integrations/connectors">Connectors</a></${Empty}>`}</${Answer}>`;
}

function Exports() {
  const made = useAnswer(() => get("/exports", { limit: 100 }), []);
  const [making, setMaking] = useState(false);
  useWatched(made);
  const download = useDeed(async (one) => {
    const { download_url: url } = await post(`/exports/${one.export_id}/download-url`);
    if (url) location.assign(new URL(new URL(url).pathname + new URL(url).search, BASE));
  });
  return html`<div class="row"><span class="grow quiet">Everything that was extracted, as JSON, JSON lines or Parquet.</span><button class="primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />New export</button></div>
    ${making && html`<${NewExport} close=${() => setMaking(false)} done=${() => (setMaking(false), made.reload())} />`}<${Failure} error=${download.error} />
    <${Answer} of=${made}>${(all) => all.length ? html`<ul class="list">${all.map((one) => html`<li key=${one.export_id}><div class="grow"><b>${one.export_type.replaceAll("_", " ")}</b> <code>${one.target_id}</code><p class="quiet">${[one.destination_type, one.file_size_bytes && size(one.file_size_bytes), one.destination_uri, ago(one.created_at)].filter(Boolean).join(" · ")}</p>${one.error_message && html`<p>${one.error_message}</p>`}</div>
      <${Pill} status=${one.status} />${one.download_url && html`<button class="small" data-item onClick=${() => download.run(one)}>Download</button>`}</li>`)}</ul>`
    : html`<${Empty} icon="integrations" title="No exports yet"><p>Take a whole index or one run out, to a file or to a bucket.</p><button class="primary" onClick=${() => setMaking(true)}>New export</button></${Empty}>`}</${Answer}>`;
}

function NewExport({ close, done }) {
  const known = useAnswer(() => Promise.all([get("/indexes", {}, { quiet: true }), get("/connectors", {}, { quiet: true })]), []);
  const [said, setSaid] = useState({ index: "", connector: "", subpath: "", format: "json" });
  const change = (name) => (event) => setSaid((before) => ({ ...before, [name]: event.target.value }));
  const make = useDeed(() => post(`/exports/index/${said.index || known.data[0][0].index_id}`, { format: said.format, destination_connector_id: said.connector || undefined, destination_subpath: (said.connector && said.subpath) || undefined }));
  const submit = async (event) => {
    event.preventDefault();
    if (await make.run()) done();
  };
  return html`<${Dialog} title="New export" close=${close}><${Answer} of=${known}>${([indexes, connectors]) => html`<form onSubmit=${submit}>
    <${Field} label="Index"><select value=${said.index} onChange=${change("index")}>${indexes.map((one) => html`<option value=${one.index_id}>${one.name}</option>`)}</select></${Field}>
    <div class="pair"><${Field} label="Format"><select value=${said.format} onChange=${change("format")}>${["json", "jsonl", "parquet"].map((one) => html`<option value=${one}>${one}</option>`)}</select></${Field}>
    <${Field} label="To"><select value=${said.connector} onChange=${change("connector")}><option value="">A file to download</option>${connectors.filter((one) => one.scopes.includes("export")).map((one) => html`<option value=${one.connector_id}>${one.name}</option>`)}</select></${Field}></div>
    ${said.connector && html`<${Field} label="Folder there"><input value=${said.subpath} onInput=${change("subpath")} /></${Field}>`}
    <${Failure} error=${make.error} /><footer><button class="primary" disabled=${make.busy || !indexes.length}>Export</button></footer></form>`}</${Answer}></${Dialog}>`;
}
