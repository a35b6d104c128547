// SQL over what runs extracted: the catalog to pick from, a query (written from a sentence if one likes), and rows that play.
import { html, useEffect, useState } from "./preact-htm.js";
import { post } from "./api.js";
import { Answer, Empty, Failure, useAnswer, useDeed } from "./elements.js";
import { count } from "./format.js";
import { link } from "./router.js";

export function Sql({ place }) {
  const scope = place.run ? { run_ids: [place.run] } : {};
  const catalog = useAnswer(() => post(`/search/sql/${place.index}/catalog`, scope), []);
  const [query, setQuery] = useState("");
  const [wish, setWish] = useState("");
  const [answer, setAnswer] = useState(null);
  const run = useDeed(async (text = query) => setAnswer(await post(`/search/sql/${place.index}`, { query: text, result_limit: 200, ...scope })));
  const write = useDeed(async () => {
    const made = await post(`/search/sql/${place.index}/generate`, { instruction: wish, existing_query: query || undefined, ...scope });
    setQuery(made.query);
    await run.run(made.query);
  });
  useEffect(() => {
    if (catalog.data && !query) setQuery(catalog.data.default_query);
  }, [catalog.data]);
  if (place.index === "playground") return html`<${Empty} icon="code" title="Choose an index"><p>SQL is asked of an index; the playground has no tables.</p></${Empty}>`;
  return html`<${Answer} of=${catalog}>${(known) => !known.tables.length ? html`<${Empty} icon="code" title="No tables yet"><p>Each run that completes over this index makes its fields into tables.</p><a class="button" href="#/prompts">Prompts</a></${Empty}>` : html`<div class="sql">
    <section class="sheet catalog" aria-label="Tables" tabindex="0">${known.tables.map((table) => html`<details key=${table.name}><summary>${table.scope === "run" ? "One run" : "Whole index"}: ${table.kind === "items" ? table.items_of ?? "items" : table.level}<code>${table.name}</code></summary>
      <ul>${table.columns.map((column) => html`<li><span class="mono">${column.name}</span><span class="quiet">${column.type}</span></li>`)}</ul>
      <button class="small" onClick=${() => setQuery(`SELECT * FROM ${table.name} LIMIT 50`)}>Look inside</button></details>`)}</section>
    <section class="form" aria-label="Query">
      <form class="row" onSubmit=${(event) => (event.preventDefault(), write.run())}><input aria-label="What you want to know" placeholder="Say it in words: how many segments per item?" value=${wish} onInput=${(event) => setWish(event.target.value)} />
        <button disabled=${write.busy || !wish.trim()}>Write the query</button></form>
      <textarea class="code" aria-label="SQL" spellcheck="false" value=${query} onInput=${(event) => setQuery(event.target.value)}
        onKeyDown=${(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && run.run()}></textarea>
      <div class="row"><span class="quiet grow">${known.limits.statements}</span><button class="primary" disabled=${run.busy || !query.trim()} onClick=${() => run.run()}>Run</button></div>
      <${Failure} error=${write.error ?? run.error} />
      ${answer && html`<${Rows} answer=${answer} />`}</section></div>`}</${Answer}>`;
}

function Rows({ answer }) {
  const linked = answer.row_context.some((one) => one.video_id);
  return html`<p class="quiet" role="status">${count(answer.row_count, "row")}${answer.truncated ? ` (the first ${answer.applied_result_limit})` : ""} in ${Math.round(answer.execution_time_ms)} ms</p>
    <div class="table" tabindex="0" role="region" aria-label="Rows"><table><thead><tr>${linked && html`<th>Play</th>`}${answer.columns.map((one) => html`<th>${one.name}</th>`)}</tr></thead>
    <tbody>${answer.rows.map((row, n) => html`<tr>${linked && html`<td>${answer.row_context[n].video_id && html`<a data-item href=${link(["media", answer.row_context[n].video_id], { t: answer.row_context[n].start_time, run: answer.row_context[n].run_id, play: 1 })}>play</a>`}</td>`}
      ${answer.columns.map((one) => html`<td class=${typeof row[one.name] === "number" ? "n" : ""}>${cell(row[one.name])}</td>`)}</tr>`)}</tbody></table></div>`;
}

const cell = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
