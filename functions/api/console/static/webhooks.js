// Webhooks: who is told what, what was sent, and sending it again.
import { html, useState } from "./preact-htm.js";
import { get, patch, post, remove } from "./api.js";
import { Answer, Copy, Dialog, Empty, Failure, Field, Pill, Sure, useAnswer, useDeed } from "./elements.js";
import { ago, count, json, when } from "./format.js";
import { Icon } from "./icons.js";
import { link } from "./router.js";

export const Webhooks = ({ parts }) => (parts[0] ? html`<${Deliveries} id=${parts[0]} />` : html`<${All} />`);

function All() {
  const hooks = useAnswer(() => get("/webhooks"), []);
  const [making, setMaking] = useState(false);
  const [secret, setSecret] = useState("");
  return html`<div class="row"><span class="grow quiet">Your own address is told when something happens, signed so that it can tell it is us.</span><button class="primary" onClick=${() => setMaking(true)}><${Icon} name="plus" />New webhook</button></div>
    ${making && html`<${NewWebhook} close=${() => setMaking(false)} made=${(one) => (setMaking(false), setSecret(one.secret), hooks.reload())} />`}
    ${secret && html`<${Secret} text=${secret} close=${() => setSecret("")} />`}
    <${Answer} of=${hooks}>${(all) => all.length ? html`<ul class="list">${all.map((one) => html`<${Hook} key=${one.webhook_id} one=${one} changed=${hooks.reload} shown=${setSecret} />`)}</ul>`
    : html`<${Empty} icon="integrations" title="No webhooks yet"><p>Name an address and the events it should hear of, for instance when a run is complete.</p><button class="primary" onClick=${() => setMaking(true)}>New webhook</button></${Empty}>`}</${Answer}>`;
}

const Secret = ({ text, close }) => html`<${Dialog} title="Its signing secret" close=${close}><p>Shown this once. Keep it where your receiver can read it.</p><pre class="note">${text}</pre><footer><${Copy} text=${text} /></footer></${Dialog}>`;

function Hook({ one, changed, shown }) {
  const [verdict, setVerdict] = useState(null);
  const test = useDeed(async () => setVerdict(await post(`/webhooks/${one.webhook_id}/test`)));
  const toggle = useDeed(() => patch(`/webhooks/${one.webhook_id}`, { status: one.status === "active" ? "paused" : "active" }).then(changed));
  return html`<li><div class="grow"><a class="title" data-item href=${link(["integrations", "webhooks", one.webhook_id])}>${one.name}</a><p class="mono quiet">${one.url}</p><p class="quiet">${[count(one.events.length, "event"), `last success ${ago(one.last_success_at)}`, one.failure_count && `${one.failure_count} failures`].filter(Boolean).join(" · ")}</p>
      ${one.disabled_reason && html`<p>${one.disabled_reason}</p>`}<${Failure} error=${test.error ?? toggle.error} />
      ${verdict && (verdict.success ? html`<p class="note" role="status">It answered ${verdict.status_code}.</p>` : html`<${Failure} error=${{ message: verdict.error ?? `It answered ${verdict.status_code}.` }} />`)}</div>
    <${Pill} status=${one.status} /><button class="small" disabled=${test.busy} onClick=${() => test.run()}>Test</button><button class="small" disabled=${toggle.busy} onClick=${() => toggle.run()}>${one.status === "active" ? "Pause" : "Activate"}</button>
    <${Sure} icon="settings" label="Rotate secret" what="Make a new secret?" doing="The old one signs beside it for a while, so your receiver can change over." deed=${() => post(`/webhooks/${one.webhook_id}/rotate-secret`).then((made) => shown(made.new_secret))} />
    <${Sure} what=${`Delete ${one.name}?`} doing="It is told nothing more." deed=${() => remove(`/webhooks/${one.webhook_id}`)} done=${changed} /></li>`;
}

function NewWebhook({ close, made }) {
  const events = useAnswer(() => get("/webhooks/events", {}, { quiet: true }), []);
  const [said, setSaid] = useState({ name: "", url: "", events: ["prompt_run.completed"] });
  const make = useDeed(() => post("/webhooks", said));
  const submit = async (event) => {
    event.preventDefault();
    const one = await make.run();
    if (one) made(one);
  };
  const pick = (name) => (event) => setSaid((before) => ({ ...before, events: event.target.checked ? [...before.events, name] : before.events.filter((one) => one !== name) }));
  return html`<${Dialog} title="New webhook" close=${close}><form onSubmit=${submit}>
    <${Field} label="Name"><input required maxlength="100" value=${said.name} onInput=${(event) => setSaid({ ...said, name: event.target.value })} /></${Field}>
    <${Field} label="Address"><input required type="url" placeholder="https://example.com/hooks" value=${said.url} onInput=${(event) => setSaid({ ...said, url: event.target.value })} /></${Field}>
    <fieldset class="form"><legend>Events</legend><div class="pair">${events.data?.map((name) => html`<label class="check"><input type="checkbox" checked=${said.events.includes(name)} onChange=${pick(name)} /><code>${name}</code></label>`)}</div></fieldset>
    <${Failure} error=${make.error} /><footer><button class="primary" disabled=${make.busy || !said.events.length}>Create</button></footer></form></${Dialog}>`;
}

const AGAIN = new Set(["failed", "retrying"]);

function Deliveries({ id }) {
  const deliveries = useAnswer(() => get(`/webhooks/${id}/deliveries`, { limit: 100 }), [id]);
  const [open, setOpen] = useState(null);
  const again = useDeed((one) => post(`/webhooks/deliveries/${one.delivery_id}/retry`).then(deliveries.reload));
  return html`<div class="row"><a class="button small" href="#/integrations/webhooks">All webhooks</a><span class="grow"></span><button class="small" onClick=${deliveries.reload}>Look again</button></div><${Failure} error=${again.error} />
    <${Answer} of=${deliveries}>${(all) => all.length ? html`<ul class="list">${all.map((one) => html`<li key=${one.delivery_id}><div class="grow"><b>${one.event_type}</b><p class="quiet">${[when(one.created_at), count(one.attempts, "attempt"), one.next_retry_at && `next ${when(one.next_retry_at)}`, one.response_status_code && `answered ${one.response_status_code}`].filter(Boolean).join(" · ")}</p>${one.error_message && html`<p>${one.error_message}</p>`}</div>
      <${Pill} status=${one.status} /><button class="small" data-item onClick=${() => setOpen(one)}>Look</button>${AGAIN.has(one.status) && html`<button class="small" disabled=${again.busy} onClick=${() => again.run(one)}>Send again</button>`}</li>`)}</ul>`
    : html`<${Empty} icon="integrations" title="Nothing sent yet"><p>What happens from now on is sent here; or send a test.</p></${Empty}>`}</${Answer}>
    ${open && html`<${Dialog} wide title=${open.event_type} close=${() => setOpen(null)}><h3>Sent</h3><div class="table"><pre class="inside" tabindex="0">${json(open.payload)}</pre></div><h3>Answered</h3><div class="table"><pre class="inside" tabindex="0">${open.response_body || "nothing"}</pre></div></${Dialog}>`}`;
}
