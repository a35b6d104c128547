// Prompts: what to look for, and the schema of the answer; written by hand or from a sentence, tried on sample data.
import { html, useEffect, useState } from "./preact-htm.js";
import { get, post, put, remove } from "./api.js";
import { Answer, Empty, Failure, Field, Pill, Sure, useAnswer, useDeed } from "./elements.js";
import { ago, count, json } from "./format.js";
import { Icon } from "./icons.js";
import { go, link } from "./router.js";
import { SampleForm, sampleOf } from "./schemaform.js";

export const View = ({ parts }) => (parts[0] ? html`<${Editor} key=${parts[0]} id=${parts[0]} />` : html`<${All} />`);

function All() {
  const prompts = useAnswer(() => get("/prompts"), []);
  return html`<div class="head"><h1>Prompts</h1><a class="button primary" href="#/prompts/new"><${Icon} name="plus" />New prompt</a></div>
    <${Answer} of=${prompts}>${({ prompts: all }) => all.length ? html`<ul class="list">${all.map((one) => html`<li key=${one.prompt_id}><div class="grow"><a class="title" data-item href=${link(["prompts", one.prompt_id])}>${one.name}</a>
      <p class="quiet">${[one.description, count(Object.keys(one.json_schema.properties ?? {}).length, "field"), one.video_level && "media-wide result", `revision ${one.revision_number}`, ago(one.updated_at)].filter(Boolean).join(" · ")}</p></div>${one.is_default && html`<${Pill} status="shared" />`}</li>`)}</ul>`
    : html`<${Empty} icon="prompts" title="No prompts yet"><p>A prompt tells the model what to look for in each segment, and in which form to answer. Describe it in a sentence and have it drafted.</p><a class="button primary" href="#/prompts/new">Write a prompt</a></${Empty}>`}</${Answer}>`;
}

const BEGUN = { name: "", description: "", prompt_text: "", schema: json({ type: "object", properties: { summary: { type: "string", description: "What happens, in one sentence" } }, required: ["summary"] }), wide: false, instructions: "", wideSchema: json({ type: "object", properties: { summary: { type: "string" } }, required: ["summary"] }) };

function Editor({ id }) {
  const fresh = id === "new";
  const stored = useAnswer(() => (fresh ? Promise.resolve(null) : get(`/prompts/${id}`)), [id]);
  return html`<${Answer} of=${stored}>${(one) => html`<${Form} one=${one} />`}</${Answer}>`;
}

const opened = (one) => ({ name: one.name, description: one.description, prompt_text: one.prompt_text, schema: json(one.json_schema), wide: Boolean(one.video_level), instructions: one.video_level?.instructions_text ?? "", wideSchema: json(one.video_level?.json_schema ?? JSON.parse(BEGUN.wideSchema)) });

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? { value } : { error: "A schema is a JSON object: { … }" };
  } catch (error) {
    return { error: error.message };
  }
}

function Form({ one }) {
  const [said, setSaid] = useState(one ? opened(one) : BEGUN);
  const [wish, setWish] = useState("");
  const [warnings, setWarnings] = useState([]);
  const change = (part) => setSaid((before) => ({ ...before, ...part }));
  const typed = (name) => (event) => change({ [name]: event.target.value });
  const schema = parsed(said.schema);
  const wideSchema = parsed(said.wideSchema);
  const draft = useDeed(async () => setSaid(opened(await post("/prompts/generate", { instruction: wish }))));
  const save = useDeed(async () => {
    const wide = said.wide ? { video_level: { instructions_text: said.instructions, json_schema: wideSchema.value, ...(one?.video_level ? { included_segment_fields: one.video_level.included_segment_fields } : {}) } } : one?.video_level ? { clear_video_level: true } : {};
    const body = { name: said.name, description: said.description, prompt_text: said.prompt_text, json_schema: schema.value, ...wide };
    const made = one ? await put(`/prompts/${one.prompt_id}`, body) : await post("/prompts", body);
    setWarnings(made.warnings);
    if (!one) go(["prompts", made.prompt_id]);
    return made;
  });
  const locked = one?.is_default;
  const submit = (event) => {
    event.preventDefault();
    save.run();
  };
  return html`<div class="head"><h1>${one ? one.name : "New prompt"}</h1>
      ${one && !locked && html`<${Sure} what=${`Delete the prompt ${one.name}?`} doing="If runs used it, it is only put away, so that their results stay readable." deed=${() => remove(`/prompts/${one.prompt_id}`)} done=${() => go(["prompts"])} />`}
      ${one && html`<a class="button" href="#/library"><${Icon} name="runs" />Run it</a>`}</div>
    ${!one && html`<form class="sheet" onSubmit=${(event) => (event.preventDefault(), draft.run())}><${Field} label="Draft it from a sentence" hint="A model writes the prompt and its schema; you change what you like before saving."><input value=${wish} placeholder="Find every product that is shown, with its brand and whether a person holds it" onInput=${(event) => setWish(event.target.value)} /></${Field}>
      <${Failure} error=${draft.error} /><footer><button disabled=${draft.busy || wish.trim().length < 3}>${draft.busy ? "Drafting…" : "Draft"}</button></footer></form>`}
    <div class="columns"><form class="sheet" aria-label="Prompt" onSubmit=${submit}>
      <div class="pair"><${Field} label="Name"><input required minlength="3" maxlength="100" value=${said.name} disabled=${locked} onInput=${typed("name")} /></${Field}>
      <${Field} label="Description"><input maxlength="500" value=${said.description} disabled=${locked} onInput=${typed("description")} /></${Field}></div>
      <${Field} label="What to do with each segment"><textarea required minlength="10" maxlength="5000" rows="5" value=${said.prompt_text} disabled=${locked} placeholder="Describe who is seen and what they do…" onInput=${typed("prompt_text")}></textarea></${Field}>
      <${Field} label="Schema of the answer (JSON Schema)"><textarea class="code" spellcheck="false" aria-invalid=${Boolean(schema.error)} value=${said.schema} disabled=${locked} onInput=${typed("schema")}></textarea></${Field}>
      ${schema.error && html`<p class="failure" role="alert">${schema.error}</p>`}
      <label class="check"><input type="checkbox" checked=${said.wide} disabled=${locked} onChange=${(event) => change({ wide: event.target.checked })} />Sum all segments up into one result for the whole item</label>
      ${said.wide && html`<${Field} label="What to make of all segments"><textarea required maxlength="12000" value=${said.instructions} disabled=${locked} onInput=${typed("instructions")}></textarea></${Field}>
        <${Field} label="Schema of the whole"><textarea class="code" spellcheck="false" value=${said.wideSchema} disabled=${locked} onInput=${typed("wideSchema")}></textarea></${Field}>
        ${wideSchema.error && html`<p class="failure" role="alert">${wideSchema.error}</p>`}`}
      ${warnings.length > 0 && html`<div class="note"><p><b>Good to know before a run</b></p><ul>${warnings.map((one) => html`<li><code>${one.path}</code> ${one.message}</li>`)}</ul></div>`}
      <${Failure} error=${save.error} />
      ${!locked && html`<footer><button class="primary" disabled=${save.busy || schema.error || (said.wide && wideSchema.error)}>${one ? "Save" : "Create"}</button></footer>`}</form>
      <${Trial} schema=${schema.value} /></div>`;
}

function Trial({ schema }) {
  const text = JSON.stringify(schema ?? {});
  const [sample, setSample] = useState({});
  const [verdict, setVerdict] = useState(null);
  useEffect(() => {
    setSample(sampleOf(schema));
    setVerdict(null);
  }, [text]);
  const test = useDeed(async () => setVerdict(await post("/prompts/test-schema", { json_schema: schema, sample_data: sample })));
  return html`<section class="sheet" aria-label="Try the schema"><header><h2>Try it on sample data</h2></header>
    ${!schema ? html`<p class="quiet">Once the schema is valid JSON, a form for it appears here.</p>` : html`
    <${SampleForm} schema=${schema} root=${schema} value=${sample} change=${setSample} />
    <details><summary>As JSON</summary><pre>${json(sample)}</pre></details>
    <${Failure} error=${test.error} />
    ${verdict && (verdict.valid ? html`<p class="note" role="status"><b>Valid.</b> ${verdict.message}</p>` : html`<div class="failure" role="alert"><p><strong>${verdict.message}</strong></p><ul>${verdict.errors.map((one) => html`<li>${one}</li>`)}</ul></div>`)}
    <footer class="row"><span class="grow"></span><button disabled=${test.busy} onClick=${() => test.run()}>Validate</button></footer>`}</section>`;
}
