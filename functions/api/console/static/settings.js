// Settings: keys, blocks for MCP clients, usage and limits, health.
import { html, useState } from "./preact-htm.js";
import { BASE, get, post, remove } from "./api.js";
import { Answer, Copy, Dialog, Empty, Failure, Field, Pill, Sure, Tabs, useAnswer, useDeed } from "./elements.js";
import { ago, json, number, said, size } from "./format.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";
import { session } from "./session.js";

const SECTIONS = { keys: Keys, mcp: Mcp, usage: Usage, health: Health };

export function View({ parts }) {
  const at = parts[0] in SECTIONS ? parts[0] : "keys";
  const Section = SECTIONS[at];
  return html`<div class="head"><h1>Settings</h1><button class="bare" onClick=${session.signOut}><${Icon} name="out" />Sign out</button></div>
    <${Tabs} tabs=${[["keys", "API keys"], ["mcp", "MCP"], ["usage", "Usage"], ["health", "Health"]]} at=${at} to=${(name) => link(["settings", name])} /><${Section} />`;
}

const ByToken = ({ what }) => html`<${Empty} icon="settings" title="Only the owner may do this"><p>${what} with the owner's token, never with a key. Sign out and sign in with the token: on your own machine it is <code>bearer_token</code> in <code>credentials.json</code>.</p><button onClick=${session.signOut}>Sign in with a token</button></${Empty}>`;

function Keys() {
  const keys = useAnswer(() => (session.byKey ? Promise.resolve([]) : get("/api-keys")), []);
  const [making, setMaking] = useState(false);
  const [shown, setShown] = useState("");
  if (session.byKey) return html`<${ByToken} what="Keys are made and revoked" />`;
  return html`<div class="row"><span class="grow quiet">One key for each program, with no more scope than it needs.</span><button class="primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />New key</button></div>
    ${making && html`<${NewKey} close=${() => setMaking(false)} made=${(one) => (setMaking(false), setShown(one.key), keys.reload())} />`}
    ${shown && html`<${Dialog} title="Your new key" close=${() => setShown("")}><p>Shown this once. Keep it in a secret store.</p><pre class="note">${shown}</pre><footer><${Copy} text=${shown} /></footer></${Dialog}>`}
    <${Answer} of=${keys}>${(all) => html`<ul class="list">${all.map((one) => html`<li key=${one.key_id}><div class="grow"><b>${one.name}</b> <code>${one.key_prefix}…</code><p class="quiet">${[one.scopes.join(", "), `used ${ago(one.last_used_at)}`, one.expires_at ? `expires ${new Date(one.expires_at).toLocaleDateString()}` : "does not expire"].join(" · ")}</p></div>
      <${Pill} status=${one.is_active ? "active" : one.revoked_at ? "revoked" : "expired"} />
      ${one.is_active && html`<${Sure} icon="settings" label="Rotate" what=${`Rotate ${one.name}?`} doing="A new key takes its place; the old one stops working." deed=${() => post(`/api-keys/${one.key_id}/rotate`).then((made) => setShown(made.new_key.key))} done=${keys.reload} />`}
      <${Sure} what=${`Delete ${one.name}?`} doing="Whatever uses it is refused from now on." deed=${() => remove(`/api-keys/${one.key_id}`)} done=${keys.reload} /></li>`)}</ul>`}</${Answer}>`;
}

function NewKey({ close, made }) {
  const [form, setForm] = useState({ name: "", scope: "read", days: "90" });
  const change = (name) => (event) => setForm((before) => ({ ...before, [name]: event.target.value }));
  const make = useDeed(() => post("/api-keys", { name: form.name, scopes: [form.scope], expires_in_days: form.days ? Number(form.days) : undefined }));
  const submit = async (event) => {
    event.preventDefault();
    const one = await make.run();
    if (one) made(one);
  };
  return html`<${Dialog} title="New key" close=${close}><form onSubmit=${submit}><${Field} label="Name" hint="What will use it?"><input required maxlength="100" value=${form.name} onInput=${change("name")} /></${Field}>
    <div class="pair"><${Field} label="Scope" hint="Each includes those before it."><select value=${form.scope} onChange=${change("scope")}>${["search", "read", "write", "admin"].map((one) => html`<option value=${one}>${one}</option>`)}</select></${Field}>
    <${Field} label="Days it lasts" hint="Empty: for ever."><input type="number" min="1" max="365" value=${form.days} onInput=${change("days")} /></${Field}></div>
    <${Failure} error=${make.error} /><footer><button class="primary" disabled=${make.busy}>Create</button></footer></form></${Dialog}>`;
}

function Mcp() {
  const status = useAnswer(() => get("/mcp/status", {}, { quiet: true }), []);
  const config = useAnswer(() => (session.byKey ? Promise.resolve({ clients: [] }) : get("/mcp/config")), []);
  return html`<${Answer} of=${status}>${(one) => html`<section class="sheet" aria-label="MCP server"><header><h2>${one.server_name}</h2><${Pill} status=${one.status} /></header><p>Assistants that speak the Model Context Protocol use ${one.tools} tools of this product at</p><div class="row"><code class="grow">${one.url}</code><${Copy} text=${one.url} /></div></section>`}</${Answer}>
    ${session.byKey ? html`<${ByToken} what="The blocks for your client are made" />` : html`<${Answer} of=${config}>${({ clients }) => html`<div class="columns">${clients.map((one) => html`<section class="sheet" aria-label=${one.platform}><header><h2>${one.platform}</h2><${Copy} text=${one.command || json(one.content)} /></header><p class="quiet">${one.where}</p><pre>${one.command || json(one.content)}</pre>${one.notes && html`<p class="quiet">${one.notes}</p>`}</section>`)}</div>`}</${Answer}>`}`;
}

function Usage() {
  const usage = useAnswer(() => get("/usage"), []);
  const limits = useAnswer(() => get("/rate-limit/status", {}, { quiet: true }), []);
  return html`<${Answer} of=${usage}>${(one) => html`<p class="quiet">Since ${new Date(one.period_start).toLocaleDateString()}. Counted, not billed.</p>
      <div class="figures">${Object.entries(one.totals).map(([name, value]) => html`<div><b>${name.endsWith("_bytes") ? size(value) : number(value)}</b><span>${said(name.replace("total_", "").replace("_bytes", ""))}</span></div>`)}</div>
      ${Object.keys(one.model_usage).length > 0 && html`<div class="table" role="region" tabindex="0" aria-label="Usage by model"><table><thead><tr><th>Model</th><th>What</th><th class="n">How much</th></tr></thead><tbody>${Object.entries(one.model_usage).flatMap(([model, counts]) => Object.entries(counts).map(([name, value]) => html`<tr><td>${model}</td><td>${said(name)}</td><td class="n">${number(value)}</td></tr>`))}</tbody></table></div>`}`}</${Answer}>
    <${Answer} of=${limits}>${({ categories }) => html`<section class="sheet" aria-label="Limits"><header><h2>Limits</h2></header><div class="table" role="region" tabindex="0" aria-label="Calls of each kind"><table><thead><tr><th>Calls</th><th class="n">this minute</th><th class="n">this hour</th></tr></thead><tbody>${Object.entries(categories).map(([name, one]) => html`<tr><td>${name}</td><td class="n">${one.minute_used} / ${number(one.minute_limit)}</td><td class="n">${one.hour_used} / ${number(one.hour_limit)}</td></tr>`)}</tbody></table></div></section>`}</${Answer}>`;
}

function Health() {
  const health = useAnswer(() => fetch(new URL("../../health", `${BASE}/`), { cache: "no-store" }).then((answer) => answer.json()), []);
  const me = useAnswer(() => get("/auth/validate"), []);
  return html`<${Answer} of=${health}>${(one) => html`<section class="sheet" aria-label="Health"><header><h2>Parts</h2><${Pill} status=${one.status} /><button class="small" onClick=${health.reload}>Look again</button></header>
      ${one.parts && html`<div class="chips">${Object.entries(one.parts).map(([name, up]) => html`<span class=${`pill ${up ? "good" : "bad"}`}>${name}${up ? "" : " is down"}</span>`)}</div>`}</section>`}</${Answer}>
    <${Answer} of=${me}>${(one) => html`<section class="sheet" aria-label="Signed in"><header><h2>Signed in</h2></header><p>${one.user_id} by ${one.auth_mode === "jwt" ? "token" : "key"}, with ${one.scopes.join(", ")}.</p><p class="quiet">API at <code>${BASE}</code> · <a href="docs">reference</a></p></section>`}</${Answer}>`;
}
