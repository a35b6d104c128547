// One media item: the player in step with the segments of its runs, the words spoken, and what was extracted.
import { html, useEffect, useMemo, useRef, useState } from "./preact-htm.js";
import { all, call, get, remove } from "./api.js";
import { Answer, Empty, Failure, Pill, Sure, Tabs, useAnswer, useDeed } from "./elements.js";
import { RunDialog } from "./executing.js";
import { MarkDialog, Tree } from "./fields.js";
import { clock, size, when } from "./format.js";
import { Icon } from "./icons.js";
import { Lanes, Player } from "./player.js";
import { adjust, go, link } from "./router.js";

const MOST_LANES = 5;

export function View({ parts, query }) {
  const item = useAnswer(() => get(`/videos/${parts[0]}`), [parts[0]]);
  return html`<${Answer} of=${item} rows=${4}>${(video) => html`<${Item} key=${video.video_id} video=${video} query=${query} reload=${item.reload} />`}</${Answer}>`;
}

function useLanes(video) {
  return useAnswer(async () => {
    const runs = (await get(`/videos/${video.video_id}/prompt-runs`, {}, { quiet: true })).slice(0, MOST_LANES);
    return Promise.all(runs.map(async (run) => ({ run, segments: await segments(video, run) })));
  }, [video.video_id]);
}

const segments = async (video, run) => {
  const found = await all(`/videos/${video.video_id}/segments`, { run_id: run.run_id }).catch(() => []);
  return found.sort((a, b) => a.start_time - b.start_time);
};

function Item({ video, query, reload }) {
  const lanes = useLanes(video);
  const player = useRef({ seek() {} });
  const [now, setNow] = useState(Number(query.t) || 0);
  const [running, setRunning] = useState(false);
  const [marking, setMarking] = useState(null);
  const tab = query.tab ?? "segments";
  const chosen = query.run && lanes.data?.some((lane) => lane.run.run_id === query.run) ? query.run : lanes.data?.[0]?.run.run_id;
  const lane = lanes.data?.find((one) => one.run.run_id === chosen);
  const seek = (seconds, play) => {
    player.current.seek(seconds, play);
    adjust({ t: Math.round(seconds * 10) / 10, run: chosen });
  };
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && query.t) player.current.seek(Number(query.t), query.play === "1");
    first.current = false;
  }, [query.t]);
  const choose = (run) => go(["media", video.video_id], { ...query, t: Math.round(now * 10) / 10, run });
  const to = (name) => link(["media", video.video_id], { t: query.t, run: chosen, tab: name });
  return html`<div class="head"><h1>${video.title}</h1>
      <a class="button small" href=${link(["library", video.index_id ?? "playground"])}>Its index</a>
      <button class="small" onClick=${() => setMarking({ target: { target_type: "video", target_id: video.video_id }, was: video.marker })} style=${video.marker.color ? { borderColor: video.marker.color } : {}}><${Icon} name="marker" />${video.marker.note || "Mark"}</button>
      <${Sure} what=${`Delete ${video.title}?`} doing="The file, its segments and all results go. This cannot be undone." deed=${() => remove(`/videos/${video.video_id}`)} done=${() => go(["library", video.index_id ?? "playground"])} />
      <button class="primary" onClick=${() => setRunning(true)}><${Icon} name="runs" />Run a prompt</button></div>
    ${running && html`<${RunDialog} close=${() => setRunning(false)} target=${{ type: "videos", video_ids: [video.video_id] }} />`}
    ${marking && html`<${MarkDialog} ...${marking} close=${() => setMarking(null)} done=${() => (setMarking(null), reload(), lanes.reload())} />`}
    <div class="watch"><div class="left">
      <${Player} video=${video} start=${Number(query.t) || 0} player=${player} told=${setNow} />
      ${video.media_type !== "image" && lanes.data?.length > 0 && html`<${Lanes} video=${video} lanes=${lanes.data} now=${now} seek=${seek} chosen=${chosen} choose=${choose} />`}
      <p class="quiet">${[video.media_type, clock(video.duration_seconds), video.width && `${video.width} × ${video.height}`, size(video.size_bytes), when(video.created_at)].filter(Boolean).join(" · ")}</p></div>
      <div class="right">
        <${Tabs} tabs=${[["segments", "Segments"], ["transcript", "Transcript"], ["whole", "Whole item"]]} at=${tab} to=${to} />
        ${lanes.data?.length === 0 ? html`<${Empty} icon="prompts" title="No run has seen this yet"><p>Run a prompt over it: it is cut into segments, transcribed, and what you ask for is extracted.</p>
          <button class="primary" onClick=${() => setRunning(true)}>Run a prompt</button></${Empty}>` : html`
        <${Answer} of=${lanes}>${() => tab === "transcript" ? html`<${Transcript} video=${video} run=${chosen} now=${now} seek=${seek} />`
          : tab === "whole" ? html`<${Whole} video=${video} run=${chosen} seek=${seek} />`
          : html`<${Segments} lane=${lane} now=${now} seek=${seek} setMarking=${setMarking} />`}</${Answer}>`}</div></div>`;
}

function Segments({ lane, now, seek, setMarking }) {
  return html`<ol class="segments">${lane.segments.map((one) => html`<${Segment} key=${one.segment_id} one=${one} run=${lane.run.run_id}
    current=${now >= one.start_time && now < one.end_time} seek=${seek} setMarking=${setMarking} />`)}</ol>`;
}

function Segment({ one, run, current, seek, setMarking }) {
  const [proof, setProof] = useState(null);
  const prove = useDeed(async () => setProof(proof ? null : { seek, evidence: await evidenceOf(run, one.segment_id) }));
  const mark = (path, was) => setMarking({ target: { target_type: "field", target_id: one.segment_id, run_id: run, field_path: path }, was });
  const told = proof && Object.keys(proof.evidence).length > 0;
  // The player tells its time several times a second: only what changed is drawn again.
  return useMemo(() => html`<li class=${current ? "now" : ""}>
      <button class="bare moment" data-item onClick=${() => seek(one.start_time, true)} aria-label=${`Play from ${clock(one.start_time)}`}>
        ${one.thumbnail_uri ? html`<img src=${one.thumbnail_uri} alt="" loading="lazy" />` : html`<${Icon} name="play" />`}<b class="time">${clock(one.start_time)}</b></button>
      <div class="grow"><p class="row"><span class="quiet grow">${clock(one.start_time)} – ${clock(one.end_time)}</span>
        ${one.segment_status !== "successful" && html`<${Pill} status=${one.segment_status} />`}
        ${one.metadata && html`<button class="bare tiny" aria-pressed=${Boolean(proof)} disabled=${prove.busy} onClick=${prove.run} aria-label=${`Evidence of ${clock(one.start_time)}`} title="What this rests on"><${Icon} name="proof" /></button>`}
        <button class="bare tiny" aria-label="Mark this segment" title=${one.marker?.note || "Mark"} style=${one.marker?.color ? { color: one.marker.color } : {}}
          onClick=${() => setMarking({ target: { target_type: "segment", target_id: one.segment_id, run_id: run }, was: one.marker })}><${Icon} name="marker" /></button></p>
      ${one.error_message && html`<p class="failure">${one.error_message}</p>`}<${Failure} error=${prove.error} />
      ${one.metadata && html`<${Tree} value=${one.metadata} markers=${one.metadata_markers} mark=${mark} proof=${proof} />`}
      ${proof && !told && html`<p class="quiet">The model tells no evidence of its own here. <a href=${link(["runs", run], { tab: "calls" })}>What it was asked and answered</a></p>`}
      ${proof && one.processing_warning && html`<p class="quiet">${one.processing_warning}</p>`}
      ${one.transcript && html`<p class="spoken">${one.transcript}</p>`}</div></li>`, [one, run, current, proof, prove.busy, prove.error]);
}

/** {path: sources} as the models of this machine tell it; the path of a field as in the tree. */
async function evidenceOf(run, segment) {
  const calls = await get(`/prompt-runs/${run}/llm-calls`, { segment_id: segment });
  return Object.assign({}, ...calls.filter((call) => call.purpose === "segment_extraction").map((call) => call.evidence ?? {}));
}

function Transcript({ video, run, now, seek }) {
  const spoken = useAnswer(() => get(`/videos/${video.video_id}/transcript`, { run_id: run }), [video.video_id, run]);
  const save = async (format) => {
    const answer = await call("GET", `/videos/${video.video_id}/transcript`, { query: { run_id: run, format }, raw: true });
    const anchor = document.createElement("a");
    anchor.href = URL.createObjectURL(await answer.blob());
    anchor.download = `${video.title}.${format}`;
    anchor.click();
    URL.revokeObjectURL(anchor.href);
  };
  return html`<${Answer} of=${spoken}>${(said) => said.utterances.length === 0 ? html`<${Empty} icon="sound" title="Nothing is said here"><p>No speech was heard in this item.</p></${Empty}>` : html`
    <div class="row"><span class="quiet grow">${said.complete ? "" : "Some segments have no transcript yet."}</span><button class="small" onClick=${() => save("vtt")}>WebVTT</button><button class="small" onClick=${() => save("srt")}>SubRip</button></div>
    <ol class="transcript">${said.utterances.map((one) => html`<li class=${now >= one.start && now < one.end ? "now" : ""}><button class="bare" data-item onClick=${() => seek(one.start, true)}><span class="mono">${clock(one.start)}</span><span>${one.text}</span></button></li>`)}</ol>`}</${Answer}>`;
}

function Whole({ video, run }) {
  const result = useAnswer(() => get(`/prompt-runs/${run}/videos/${video.video_id}/video-result`), [video.video_id, run]);
  if (result.error?.status === 404) {
    return html`<${Empty} icon="prompts" title="No result for the item as a whole"><p>A prompt with a media-wide part sums all segments up into one answer.</p><a class="button" href="#/prompts">Prompts</a></${Empty}>`;
  }
  return html`<${Answer} of=${result}>${(one) => html`<div class="sheet"><p class="row"><${Pill} status=${one.status} /><span class="quiet">from ${one.successful_segment_count} segments</span></p>
    ${one.error_message && html`<${Failure} error=${new Error(one.error_message)} />`}<${Tree} value=${one.metadata} /></div>`}</${Answer}>`;
}
