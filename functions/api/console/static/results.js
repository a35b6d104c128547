// Search results as cards: the moment, its score, why it matched; a click plays it.
import { html } from "./preact-htm.js";
import { clock } from "./format.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";

const ORDERS = {
  score: (a, b) => b.similarity_score - a.similarity_score,
  time: (a, b) => a.video_name.localeCompare(b.video_name) || a.start_time - b.start_time,
};

export function Results({ results, order = "score", least = 0, scored = true }) {
  const shown = results.filter((one) => one.similarity_score >= least).sort(ORDERS[order]);
  return html`<ol class="results">${shown.map((one) => html`<li key=${one.result_id}><${Result} one=${one} scored=${scored} /></li>`)}</ol>`;
}

function Result({ one, scored }) {
  const whole = one.result_type === "video";
  const score = one.fused_score ?? one.similarity_score;
  return html`<a class="result" data-item href=${link(["media", one.video_id], { t: whole ? undefined : one.start_time, run: one.run_id, tab: whole ? "whole" : undefined, play: whole ? undefined : 1 })}>
    <span class="frame">${one.thumbnail_uri ? html`<img src=${one.thumbnail_uri} alt="" loading="lazy" />` : html`<${Icon} name=${one.media_type === "audio" ? "sound" : "film"} />`}
      <b class="time">${whole ? "whole item" : `${clock(one.start_time)} – ${clock(one.end_time)}`}</b></span>
    <div><span class="name">${one.video_name}</span>
      ${scored && html`<span class="meter" title="similarity"><i style=${{ "--share": `${Math.max(2, Math.min(100, one.similarity_score * 100))}%` }}></i>${score.toFixed(score < 0.1 ? 3 : 2)}${one.match_type ? ` · ${one.match_type.replaceAll("_", " ")}` : ""}</span>`}
      <${Why} one=${one} /></div></a>`;
}

/** The fields that matched, with their values; else what there is to read. */
function Why({ one }) {
  const matched = one.matched_field_instances.slice(0, 2);
  if (matched.length) {
    return matched.map((field) => html`<span class="why"><b>${(field.field_instance_path || field.field_path).replaceAll("_", " ")}</b> ${field.value_preview}</span>`);
  }
  if (one.matched_image_score !== null) return html`<span class="why"><b>the picture</b> ${one.content_preview}</span>`;
  return html`<span class="why">${one.content_preview}</span>`;
}
