// The form that starts a run: which prompt, how media are cut, what it will take.
import { html, useEffect, useState } from "./preact-htm.js";
import { get, post } from "./api.js";
import { Dialog, Empty, Failure, Field, useAnswer, useDeed } from "./elements.js";
import { clock, count } from "./format.js";
import { go } from "./router.js";

const MODELS = ["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-3-pro-preview"];
const CUTS = [["smart", "Smart: by what is seen and said"], ["content_aware", "By shots"], ["fixed", "Fixed length"]];

export function RunDialog({ target, close, promptId }) {
  const prompts = useAnswer(() => get("/prompts", {}, { quiet: true }), []);
  const [said, setSaid] = useState({
    prompt_id: promptId ?? "", video_segmentation_type: "smart", video_segment_duration: 10, processing_model: MODELS[0],
    enable_transcription: true, enable_image_embedding: true, force: false,
  });
  const [estimate, setEstimate] = useState(null);
  const change = (part) => setSaid((before) => ({ ...before, ...part }));
  const body = { ...said, target, video_segment_duration: said.video_segmentation_type === "fixed" ? Number(said.video_segment_duration) : undefined };
  useEffect(() => {
    if (!said.prompt_id && prompts.data?.prompts.length) change({ prompt_id: prompts.data.prompts[0].prompt_id });
  }, [prompts.data]);
  const asked = JSON.stringify(body);
  useEffect(() => {
    if (!said.prompt_id) return;
    const stop = new AbortController();
    post("/prompt-runs/estimate", body, { quiet: true, signal: stop.signal }).then(setEstimate, () => setEstimate(null));
    return () => stop.abort();
  }, [asked]);
  const run = useDeed(() => post("/prompt-runs/execute", body));
  const submit = async (event) => {
    event.preventDefault();
    const made = await run.run();
    if (made) go(["runs", made.run_id]);
  };
  const expected = estimate?.breakdown;
  return html`<${Dialog} title="Run a prompt" close=${close}>
    ${prompts.data && !prompts.data.prompts.length ? html`<${Empty} icon="prompts" title="No prompt yet"><p>A prompt says what to look for and in which form.</p>
      <a class="button primary" href="#/prompts/new">Write one</a></${Empty}>` : html`<form onSubmit=${submit}>
    <${Field} label="Prompt"><select value=${said.prompt_id} onChange=${(event) => change({ prompt_id: event.target.value })}>
      ${prompts.data?.prompts.map((one) => html`<option value=${one.prompt_id}>${one.name}</option>`)}</select></${Field}>
    <div class="pair"><${Field} label="Cut films"><select value=${said.video_segmentation_type} onChange=${(event) => change({ video_segmentation_type: event.target.value })}>
      ${CUTS.map(([value, label]) => html`<option value=${value}>${label}</option>`)}</select></${Field}>
    ${said.video_segmentation_type === "fixed" && html`<${Field} label="Seconds each"><input type="number" min="1" max="300" value=${said.video_segment_duration}
      onInput=${(event) => change({ video_segment_duration: event.target.value })} /></${Field}>`}
    <${Field} label="Model"><select value=${said.processing_model} onChange=${(event) => change({ processing_model: event.target.value })}>
      ${MODELS.map((one) => html`<option value=${one}>${one}</option>`)}</select></${Field}></div>
    <div class="row">${[["enable_transcription", "Transcribe speech"], ["enable_image_embedding", "Find by picture"], ["force", "Ask again even if known"]].map(([name, label]) =>
      html`<label class="check"><input type="checkbox" checked=${said[name]} onChange=${(event) => change({ [name]: event.target.checked })} />${label}</label>`)}</div>
    ${expected && html`<p class="note">${count(expected.total_media, "item")} of ${clock(Math.round(expected.media_seconds))}, ${expected.segments_exact ? "" : "about "}${count(expected.segments, "segment")},
      ${count(expected.model_calls, "model call")}, about ${count(expected.total_tokens, "token")}${expected.reused_segments ? `; ${count(expected.reused_segments, "segment")} known already` : ""}.</p>`}
    <${Failure} error=${run.error} /><footer><button class="primary" disabled=${run.busy || !said.prompt_id}>Run</button></footer></form>`}</${Dialog}>`;
}
