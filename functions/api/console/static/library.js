// The library: indexes, what is in them, and the way in for more.
import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { get, post, remove } from "./api.js";
import { Answer, Dialog, Empty, Failure, Field, Progress, Sure, useAnswer, useDeed } from "./elements.js";
import { ago, clock, size } from "./format.js";
import { Grid } from "./grid.js";
import { Icon } from "./icons.js";
import { go, lead, link } from "./router.js";
import { upload } from "./uploads.js";
import { RunDialog } from "./executing.js";

const PLAYGROUND = "playground";
const FIRST = 24; // media; what a screen holds, so that it is there at once
const MORE = 100;
const KINDS = { video: "film", audio: "sound", image: "picture" };

export function View({ parts }) {
  const indexes = useAnswer(() => get("/indexes"), []);
  const at = parts[0] ?? PLAYGROUND;
  const [naming, setNaming] = useState(false);
  useEffect(() => {
    if (!parts[0] && indexes.data?.length) lead(["library", indexes.data[0].index_id]);
  }, [indexes.data, parts[0]]);
  return html`<div class="head"><h1>Library</h1><button onClick=${() => setNaming(true)}><${Icon} name="plus" />New index</button></div>
    ${naming && html`<${NewIndex} close=${() => setNaming(false)} made=${(one) => (indexes.reload(), setNaming(false), go(["library", one.index_id]))} />`}
    <${Answer} of=${indexes} rows=${2}>${(all) => html`
      <nav class="chips" aria-label="Indexes">
        ${all.map((one) => html`<a href=${link(["library", one.index_id])} aria-current=${one.index_id === at ? "page" : undefined}>${one.name}</a>`)}
        <a href=${link(["library", PLAYGROUND])} aria-current=${at === PLAYGROUND ? "page" : undefined}>Playground</a>
      </nav>
      <${Index} key=${at} id=${at} index=${all.find((one) => one.index_id === at)} gone=${() => (indexes.reload(), go(["library", PLAYGROUND]))} />`}</${Answer}>`;
}

function NewIndex({ close, made }) {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const make = useDeed(() => post("/indexes", { name, description }));
  const submit = async (event) => {
    event.preventDefault();
    const one = await make.run();
    if (one) made(one);
  };
  return html`<${Dialog} title="New index" close=${close}><form onSubmit=${submit}>
    <p class="quiet">An index holds media that belong together: searched together, run over together.</p>
    <${Field} label="Name"><input required maxlength="200" autofocus value=${name} onInput=${(event) => setName(event.target.value)} /></${Field}>
    <${Field} label="Description"><input maxlength="2000" value=${description} onInput=${(event) => setDescription(event.target.value)} /></${Field}>
    <${Failure} error=${make.error} /><footer><button class="primary" disabled=${make.busy}>Create</button></footer></form></${Dialog}>`;
}

function useMedia(path) {
  const [state, setState] = useState({ items: [], loading: true });
  const asking = useRef(false);
  const ask = async (cursor) => {
    if (asking.current) return;
    asking.current = true;
    try {
      const page = await get(path, { limit: cursor ? MORE : FIRST, cursor }, { quiet: Boolean(cursor) });
      setState((before) => ({ items: cursor ? [...before.items, ...page.data] : page.data, next: page.pagination.next_cursor }));
    } catch (error) {
      setState((before) => ({ ...before, loading: false, error }));
    }
    asking.current = false;
  };
  useEffect(() => {
    ask();
  }, [path]);
  return { ...state, reload: () => ask(), more: () => state.next && ask(state.next) };
}

function Index({ id, index, gone }) {
  const own = id === PLAYGROUND || (index && !index.is_default);
  const media = useMedia(id === PLAYGROUND ? "/playground/videos" : `/indexes/${id}/videos`);
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState([]);
  const [running, setRunning] = useState(false);
  const chooser = useRef();
  const take = async (files) => {
    const mine = [...files].map((file) => ({ file, key: crypto.randomUUID(), share: 0, words: "waiting" }));
    setSending((before) => [...mine, ...before]);
    for (const one of mine) {
      const tell = (change) => setSending((before) => before.map((other) => (other.key === one.key ? { ...other, ...change } : other)));
      try {
        const videoId = await upload(one.file, id === PLAYGROUND ? undefined : id, (share, words) => tell({ share, words }));
        tell({ share: 1, words: "ready", videoId });
        await media.reload();
      } catch (error) {
        tell({ error });
      }
    }
  };
  const dropped = (event) => {
    event.preventDefault();
    setOver(false);
    if (own && event.dataTransfer.files.length) take(event.dataTransfer.files);
  };
  return html`<section class=${`drop ${over ? "over" : ""}`} aria-label=${index?.name ?? "Playground"}
      onDragOver=${(event) => (event.preventDefault(), setOver(own))} onDragLeave=${() => setOver(false)} onDrop=${dropped}>
    <div class="head"><p class="grow quiet">${index?.description || (id === PLAYGROUND ? "Media that belong to no index yet." : "")}</p>
      ${index && html`<${Sure} what=${`Delete the index ${index.name}?`} doing="All its media, runs and results go with it. This cannot be undone." deed=${() => remove(`/indexes/${id}`)} done=${gone} />`}
      ${media.items.length > 0 && html`<button onClick=${() => setRunning(true)}><${Icon} name="runs" />Run a prompt</button>`}
      ${own && html`<button class="primary" onClick=${() => chooser.current.click()}><${Icon} name="up" />Upload</button>`}
      <input ref=${chooser} class="gone" type="file" multiple accept="video/*,audio/*,image/*,.mkv,.heic" aria-label="Files to upload" tabindex="-1"
        onChange=${(event) => (take(event.target.files), (event.target.value = ""))} /></div>
    ${running && html`<${RunDialog} close=${() => setRunning(false)} target=${id === PLAYGROUND ? { type: "playground" } : { type: "index", index_id: id }} />`}
    ${sending.length > 0 && html`<ul class="list" aria-label="Uploads">${sending.map((one) => html`<${Sending} key=${one.key} one=${one} again=${() => (setSending((before) => before.filter((other) => other !== one)), take([one.file]))} />`)}</ul>`}
    <${Failure} error=${media.error} again=${media.reload} />
    ${!media.loading && !media.items.length && !media.error && html`<${Empty} icon="film" title="Nothing here yet">
      <p>Drop films, sound or pictures anywhere on this page. Large files go in pieces and carry on after an interruption.</p>
      ${own && html`<button class="primary" onClick=${() => chooser.current.click()}>Choose files</button>`}</${Empty}>`}
    <${Grid} items=${media.items} label="Media" more=${media.more} card=${(one) => html`<${Card} one=${one} />`} />
  </section>`;
}

function Sending({ one, again }) {
  return html`<li><${Icon} name="up" /><div class="grow"><b>${one.file.name}</b> <span class="quiet">${size(one.file.size)} · ${one.error ? "stopped" : one.words}</span>
    ${one.error ? html`<${Failure} error=${one.error} again=${again} />` : !one.videoId && html`<${Progress} value=${one.share * 100} label=${`Upload of ${one.file.name}`} />`}</div>
    ${one.videoId && html`<a class="button small" href=${link(["media", one.videoId])}>Open</a>`}</li>`;
}

function Card({ one }) {
  const length = one.media_type === "image" ? "picture" : clock(Math.round(one.duration_seconds ?? 0));
  return html`<a class="card" data-item href=${link(["media", one.video_id])}>
    <span class="frame">${one.thumbnail_uri ? html`<img src=${one.thumbnail_uri} alt="" loading="lazy" decoding="async" />` : html`<${Icon} name=${KINDS[one.media_type] ?? "film"} />`}<b class="time">${length}</b></span>
    <span class="name">${one.title}</span>
    <span class="quiet">${one.latest_run_id ? "searchable" : "not run yet"} · ${ago(one.created_at)}</span></a>`;
}
