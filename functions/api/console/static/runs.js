// Runs: how far each is, what failed and can be tried again, and every call of a model.
import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { get, post } from "./api.js";
import { Answer, Dialog, Empty, Failure, Pill, Progress, Tabs, useAnswer, useDeed } from "./elements.js";
import { follow } from "./eventstream.js";
import { ago, clock, count, json, percent, said } from "./format.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";

const TERMINAL = new Set(["completed", "completed_with_failures", "failed", "cancelled"]);

export const View = ({ parts, query }) => (parts[0] ? html`<${One} key=${parts[0]} id=${parts[0]} tab=${query.tab ?? "progress"} />` : html`<${All} />`);

/** Reloads when an event tells that something changed; at most once in half a second. */
function useLive(query, reload, on) {
  const latest = useRef(reload);
  latest.current = reload;
  useEffect(() => {
    if (!on) return;
    const stop = new AbortController();
    let waiting = 0;
    follow(query, () => (waiting ||= setTimeout(() => ((waiting = 0), latest.current()), 500)), stop.signal);
    return () => (stop.abort(), clearTimeout(waiting));
  }, [on, JSON.stringify(query)]);
}

function All() {
  const runs = useAnswer(() => get("/prompt-runs", { limit: 100 }), []);
  useLive({}, runs.reload, true);
  return html`<div class="head"><h1>Runs</h1></div><${Answer} of=${runs}>${(all) => all.length ? html`<ul class="list">${all.map((run) => html`<li key=${run.run_id}>
      <div class="grow"><a class="title" data-item href=${link(["runs", run.run_id])}>${run.prompt_name}</a><p class="quiet">${[count(run.total_videos + run.total_audios + run.total_images, "item"), count(run.total_segments, "segment"), run.processing_model, ago(run.created_at)].join(" · ")}</p>
        ${!TERMINAL.has(run.status) && html`<${Progress} value=${run.progress.percent} label=${`Progress of ${run.prompt_name}`} />`}</div><${Pill} status=${run.status} /></li>`)}</ul>`
    : html`<${Empty} icon="runs" title="No runs yet"><p>A run sends media through a prompt: cut into segments, transcribed, understood, made searchable.</p><a class="button primary" href="#/library">Choose media</a></${Empty}>`}</${Answer}>`;
}

function One({ id, tab }) {
  const run = useAnswer(() => get(`/prompt-runs/${id}`), [id]);
  const live = run.data && !TERMINAL.has(run.data.status);
  useLive({ run_id: id }, run.reload, Boolean(live));
  const cancel = useDeed(() => post(`/prompt-runs/${id}/cancel`).then(run.reload));
  const to = (name) => link(["runs", id], { tab: name });
  return html`<${Answer} of=${run}>${(one) => html`
    <div class="head"><h1>${one.prompt_name}</h1><${Pill} status=${one.status} />
      <a class="button small" href=${link(["prompts", one.prompt_id])}>Its prompt</a>
      ${one.run_context.index_id && html`<a class="button small" href=${link(["search"], { index: one.run_context.index_id, run: id })}><${Icon} name="search" />Search it</a>`}
      <${Export} runId=${id} />
      ${live && html`<button onClick=${() => cancel.run()} disabled=${cancel.busy || one.stop_state.requested_at}>${one.stop_state.requested_at ? "Stopping…" : "Cancel"}</button>`}</div>
    <${Failure} error=${cancel.error ?? (one.error_message ? { message: one.error_message, code: one.error_code } : null)} />
    <${Tabs} tabs=${[["progress", "Progress"], ["media", "Media"], ["failures", "Failed segments"], ["calls", "Model calls"]]} at=${tab} to=${to} />
    ${tab === "failures" ? html`<${Failures} id=${id} changed=${run.reload} />` : tab === "calls" ? html`<${Calls} id=${id} />` : tab === "media" ? html`<${Media} run=${one} />` : html`<${Progressing} run=${one} live=${live} />`}`}</${Answer}>`;
}

function Export({ runId }) {
  const make = useDeed(() => post(`/exports/prompt-run/${runId}`, { format: "json" }));
  const [made, setMade] = useState(false);
  if (made) return html`<a class="button small" href="#/integrations/exports">In exports</a>`;
  return html`<button class="small" disabled=${make.busy} onClick=${async () => (await make.run()) && setMade(true)}>Export</button>${make.error && html`<${Failure} error=${make.error} />`}`;
}

function Progressing({ run, live }) {
  const failures = run.field_extraction_failures + run.transcription_failures + run.image_embedding_failures;
  const kinds = [["films", run.completed_videos, run.total_videos], ["sounds", run.completed_audios, run.total_audios], ["pictures", run.completed_images, run.total_images]];
  const figures = [
    ["segments", `${run.completed_segments} / ${run.total_segments}`], ["reused", run.reused_segments], ["failed operations", failures],
    ...kinds.filter(([, , total]) => total).map(([label, done, total]) => [label, `${done} / ${total}`]), ["media", clock(Math.round(run.total_video_seconds))],
  ];
  return html`<section class="sheet" aria-label="Progress"><div class="row"><b class="grow">${said(run.progress.stage)}</b><span>${percent(run.progress.percent)}${live && run.progress.eta_seconds ? `, about ${clock(Math.round(run.progress.eta_seconds))} to go` : ""}</span></div>
      <${Progress} value=${run.progress.percent} label="Progress" /></section>
    <div class="figures">${figures.map(([label, value]) => html`<div><b>${value}</b><span>${label}</span></div>`)}</div>
    <p class="quiet">${run.processing_model} · films ${said(run.video_segmentation_type)}${run.video_segment_duration ? ` of ${run.video_segment_duration} s` : ""} · begun ${ago(run.started_at ?? run.created_at)}${run.completed_at ? ` · took ${clock((Date.parse(run.completed_at) - Date.parse(run.created_at)) / 1000)}` : ""}</p>`;
}

function Media({ run }) {
  const [from, to] = run.run_context.type === "index" ? [`/indexes/${run.run_context.index_id}/videos`, "index"] : run.index_ids[0] ? [`/indexes/${run.index_ids[0]}/videos`, "index"] : ["/playground/videos", "playground"];
  const media = useAnswer(() => get(from, { limit: 100 }).then((page) => page.data), [from]);
  return html`<${Answer} of=${media}>${(all) => html`<p class="quiet">Media of the ${to} that this run was over.</p><ul class="list">${all.map((one) => html`<li><span class="grow"><a class="title" data-item href=${link(["media", one.video_id], { run: run.run_id })}>${one.title}</a></span><span class="quiet">${clock(one.duration_seconds)}</span></li>`)}</ul>`}</${Answer}>`;
}

function Failures({ id, changed }) {
  const failures = useAnswer(() => get(`/prompt-runs/${id}/failed-segments`), [id]);
  const reload = () => (failures.reload(), changed());
  return html`<${Answer} of=${failures}>${(all) => all.videos.length ? all.videos.map((video) => html`<section class="sheet" aria-label=${video.video_name}><header><h2>${video.video_name}</h2><${Pill} status=${video.status} /></header>
      ${video.failure_message && html`<p>${video.failure_message}</p>`}${video.next_step && html`<p class="quiet">${video.next_step}</p>`}
      <ul class="list">${video.segments.map((one) => html`<${Failed} key=${one.segment_id} one=${one} path=${`/prompt-runs/${id}/videos/${video.video_id}/segments/${one.segment_id}`} href=${link(["media", video.video_id], { t: one.start_time, run: id })} done=${reload} />`)}</ul></section>`)
    : html`<${Empty} icon="runs" title="Nothing failed"><p>Every segment of this run was extracted, transcribed and embedded as asked.</p></${Empty}>`}</${Answer}>`;
}

function Failed({ one, path, href, done }) {
  const [retry, setRetry] = useState(null);
  const again = useDeed(async () => {
    let state = await post(`${path}/retry`);
    setRetry(state);
    while (state.status === "pending" || state.status === "processing") {
      await new Promise((resume) => setTimeout(resume, 1000));
      state = await get(`${path}/retries/${state.retry_id}`, {}, { quiet: true });
      setRetry(state);
    }
    if (state.status === "completed") done();
  });
  const errors = [one.field_extraction_error, one.transcription_error, one.image_embedding_error, one.failure_message].filter(Boolean);
  return html`<li><div class="grow"><a class="title" data-item href=${href}>${clock(one.start_time)} – ${clock(one.end_time)}</a> <span class="quiet">${one.failed_operations.map(said).join(", ")}</span>
      <p>${[...new Set(errors)].join("; ")}</p>${one.next_step && html`<p class="quiet">${one.next_step}</p>`}<${Failure} error=${again.error ?? (retry?.error ? { message: retry.error, code: retry.failure_code } : null)} /></div>
    ${retry && html`<${Pill} status=${retry.status} />`}<button disabled=${again.busy || !one.retryable} title=${one.retryable ? "" : "This would fail again"} onClick=${() => again.run()}>Retry</button></li>`;
}

function Calls({ id }) {
  const calls = useAnswer(() => get(`/prompt-runs/${id}/llm-calls`), [id]);
  const [open, setOpen] = useState(null);
  return html`<${Answer} of=${calls}>${(all) => all.length ? html`<div class="table" role="region" tabindex="0" aria-label="Model calls"><table><thead><tr><th>What for</th><th>Moment</th><th>Model</th><th>Status</th><th class="n">Tokens</th><th class="n">Time</th><th>Look</th></tr></thead>
      <tbody>${all.map((one) => html`<tr key=${one.llm_call_id}><td>${said(one.purpose)}</td><td>${one.segment_start_time === null ? "–" : clock(one.segment_start_time)}</td><td>${one.model}</td><td><${Pill} status=${one.status} /></td><td class="n">${one.total_tokens.toLocaleString()}</td><td class="n">${one.duration_ms} ms</td><td><button class="small" data-item onClick=${() => setOpen(one)}>Look</button></td></tr>`)}</tbody></table></div>`
    : html`<${Empty} icon="runs" title="No model was asked"><p>All answers were known from an earlier run with the same settings. Run it again with “Ask again even if known” to ask anew.</p></${Empty}>`}</${Answer}>
    ${open && html`<${Dialog} wide title=${said(open.purpose)} close=${() => setOpen(null)}><p class="quiet">${[open.model, `${open.input_tokens} tokens in`, `${open.output_tokens} out`, `${open.duration_ms} ms`].join(" · ")}</p>
      ${open.error_message && html`<${Failure} error=${{ message: open.error_message }} />`}
      <h3>Asked</h3><div class="table"><pre class="inside" tabindex="0">${open.prompt_text ?? "–"}</pre></div><h3>Answered</h3><div class="table"><pre class="inside" tabindex="0">${pretty(open.response_text)}</pre></div></${Dialog}>`}`;
}

function pretty(text) {
  try {
    return json(JSON.parse(text));
  } catch {
    return text ?? "–";
  }
}
