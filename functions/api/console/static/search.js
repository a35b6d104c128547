// Search by words, by picture, by both; by fields; by SQL.
import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { get, post } from "./api.js";
import { Answer, Empty, Failure, Tabs, Waiting, useAnswer } from "./elements.js";
import { Filters } from "./filters.js";
import { count } from "./format.js";
import { Icon } from "./icons.js";
import { Results } from "./results.js";
import { adjust, link } from "./router.js";
import { Sql } from "./sql.js";

const LARGEST = 1600; // px; a larger picture finds nothing more

export function View({ parts, query }) {
  const mode = parts[0] ?? "words";
  const indexes = useAnswer(() => get("/indexes"), []);
  const [place, setPlace] = useState({ index: query.index ?? "", run: query.run ?? "" });
  const change = (part) => setPlace((before) => ({ ...before, ...part }));
  useEffect(() => {
    if (!place.index && indexes.data) change({ index: indexes.data[0]?.index_id ?? "playground" });
  }, [indexes.data]);
  useEffect(() => {
    if (query.index) change({ index: query.index, run: query.run ?? "" });
  }, [query.index, query.run]);
  const to = (name) => link(name === "words" ? ["search"] : ["search", name], { index: place.index, run: place.run });
  return html`<div class="head"><h1>Search</h1></div>
    <${Tabs} tabs=${[["words", "Words and pictures"], ["fields", "Fields"], ["sql", "SQL"]]} at=${mode} to=${to} />
    <${Answer} of=${indexes}>${(all) => html`<${Where} all=${all} place=${place} change=${change} />
      ${!place.index ? html`<${Waiting} />` : mode === "sql" ? html`<${Sql} key=${place.index + place.run} place=${place} />`
        : mode === "fields" ? html`<${Filters} key=${place.index + place.run} place=${place} />` : html`<${Words} key=${query.q} place=${place} said=${query.q ?? ""} />`}`}</${Answer}>`;
}

function Where({ all, place, change }) {
  const runs = useAnswer(() => (place.index === "playground" || !place.index ? get("/prompt-runs", { limit: 100 }, { quiet: true })
    : get(`/indexes/${place.index}/prompt-runs`, { limit: 100 }, { quiet: true }).then((page) => page.data)), [place.index]);
  const ended = runs.data?.filter((one) => one.status.startsWith("completed") && (place.index !== "playground" || one.run_context.type === "playground" || !one.index_ids.length)) ?? [];
  return html`<div class="row"><select aria-label="Index" value=${place.index} onChange=${(event) => change({ index: event.target.value, run: "" })}>
      ${all.map((one) => html`<option value=${one.index_id}>${one.name}</option>`)}<option value="playground">Playground</option></select>
    <select aria-label="Run" value=${place.run} onChange=${(event) => change({ run: event.target.value })}><option value="">All runs</option>
      ${ended.map((one) => html`<option value=${one.run_id}>${one.prompt_name} · ${new Date(one.created_at).toLocaleString()}</option>`)}</select></div>`;
}

async function find(place, words, picture) {
  const runs = place.run ? [place.run] : undefined;
  if (place.index === "playground") {
    if (picture) throw new Error("The playground is searched by words. Choose an index to search by picture.");
    return post("/playground/search", { query: words, top_k: 30 }, { query: place.run ? { run_id: place.run } : {} });
  }
  if (picture && words) return post(`/indexes/${place.index}/multimodal-search`, { text_query: words, image_data: picture.data, top_k: 30, run_ids: runs });
  if (picture) return post(`/indexes/${place.index}/image-search`, { image_data: picture.data, top_k: 30, run_ids: runs });
  return post(`/indexes/${place.index}/search`, { query: words, top_k: 30, run_ids: runs });
}

function Words({ place, said }) {
  const [words, setWords] = useState(said);
  const [picture, setPicture] = useState(null);
  const [state, setState] = useState({});
  const [order, setOrder] = useState("score");
  const [least, setLeast] = useState(0);
  const turn = useRef(0);
  const chooser = useRef();
  const search = async (given = words, image = picture) => {
    if (!given.trim() && !image) return;
    const mine = ++turn.current;
    adjust({ q: given, index: place.index, run: place.run });
    setState((before) => ({ ...before, busy: true, error: undefined }));
    try {
      const results = await find(place, given.trim(), image);
      if (mine === turn.current) setState({ results });
    } catch (error) {
      if (mine === turn.current) setState({ error });
    }
  };
  useEffect(() => {
    search();
  }, [place.index, place.run]);
  const take = async (file) => {
    if (!file?.type.startsWith("image/")) return;
    const image = await shrunk(file).catch(() => null);
    if (!image) return setState({ error: new Error("This picture cannot be read. Try a JPEG or PNG.") });
    setPicture(image);
    search(words, image);
  };
  const pasted = (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) take(file);
  };
  useEffect(() => {
    document.addEventListener("paste", pasted);
    return () => document.removeEventListener("paste", pasted);
  });
  const found = state.results;
  return html`<section class="ask drop" aria-label="Search by words and pictures" onDragOver=${(event) => event.preventDefault()} onDrop=${(event) => (event.preventDefault(), take(event.dataTransfer.files[0]))}>
    <form class="big" role="search" onSubmit=${(event) => (event.preventDefault(), search())}><${Icon} name="search" />
      ${picture && html`<span class="pasted"><img src=${picture.url} alt="The picture to search by" /><button type="button" class="bare tiny" aria-label="Take the picture out" onClick=${() => setPicture(null)}><${Icon} name="close" /></button></span>`}
      <input type="search" data-search aria-label="What to find" placeholder="A harbor at dawn… or paste a picture" value=${words} onInput=${(event) => setWords(event.target.value)} />
      <button type="button" class="bare" aria-label="Choose a picture" onClick=${() => chooser.current.click()}><${Icon} name="picture" /></button>
      <input ref=${chooser} class="gone" type="file" accept="image/*" aria-label="Picture to search by" tabindex="-1" onChange=${(event) => take(event.target.files[0])} />
      <button class="primary" disabled=${state.busy}>Search</button></form>
    <${Failure} error=${state.error} again=${() => search()} />
    ${found?.length > 0 && html`<div class="row"><span class="grow quiet" role="status">${count(found.filter((one) => one.similarity_score >= least).length, "moment")}</span>
      <label class="check quiet nowrap">At least ${least.toFixed(2)} <input type="range" min="0" max="1" step="0.02" value=${least} aria-label="Least similarity" onInput=${(event) => setLeast(Number(event.target.value))} /></label>
      <span class="chips">${[["score", "Best first"], ["time", "By time"]].map(([name, label]) => html`<button class="small" aria-pressed=${order === name} onClick=${() => setOrder(name)}>${label}</button>`)}</span></div>
      <${Results} results=${found} order=${order} least=${least} />`}
    ${found && !found.length && html`<${Empty} icon="search" title="Nothing like that"><p>Only media that a run has completed over can be found. Try other words, another index, or run a prompt first.</p><a class="button" href="#/library">Library</a></${Empty}>`}
    ${!found && !state.error && !state.busy && html`<${Empty} icon="search" title="Describe the moment"><p>In your own words, in any language; or drop or paste a picture of what it looks like, with words beside it if you like.</p></${Empty}>`}
    ${state.busy && !found && html`<${Waiting} />`}
  </section>`;
}

/** As JPEG and not larger than it helps: {data: base64, url}. */
async function shrunk(file) {
  const bitmap = await createImageBitmap(file);
  const factor = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * factor));
  canvas.height = Math.max(1, Math.round(bitmap.height * factor));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const url = canvas.toDataURL("image/jpeg", 0.9);
  return { url, data: url.slice(url.indexOf(",") + 1) };
}
