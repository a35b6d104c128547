// Chat: questions about the media, answers with citations that play the moment, and the way the answer was found.
import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { get, post, remove, sign } from "./api.js";
import { Answer, Dialog, Empty, Failure, Sure, useAnswer } from "./elements.js";
import { stream } from "./eventstream.js";
import { clock, count, said } from "./format.js";
import { Icon } from "./icons.js";
import { go, link } from "./router.js";

const EXAMPLES = ["What happens in these films?", "Where does somebody speak about a train?", "How many segments are there per item?"];

export function View({ parts }) {
  const sessions = useAnswer(() => get("/chat/sessions", {}, { quiet: Boolean(parts[0]) }), []);
  return html`<div class="head"><h1>Chat</h1><a class="button" href="#/chat"><${Icon} name="plus" />New chat</a></div>
    <div class="talk"><nav class="sessions" aria-label="Earlier chats">${sessions.data?.map((one) => html`<a key=${one.session_id} href=${link(["chat", one.session_id])} aria-current=${one.session_id === parts[0] ? "page" : undefined}>${one.title || "Untitled"}</a>`)}</nav>
      <${Talk} key=${parts[0] ?? "new"} id=${parts[0]} changed=${sessions.reload} /></div>`;
}

let carried = null; // a question that was asked before its session had an address

function Talk({ id, changed }) {
  const session = useAnswer(() => (id ? get(`/chat/sessions/${id}`) : Promise.resolve({ turns: [] })), [id]);
  const indexes = useAnswer(() => get("/indexes", {}, { quiet: true }), []);
  const [index, setIndex] = useState("");
  const [words, setWords] = useState("");
  const [turns, setTurns] = useState(null);
  const [clip, setClip] = useState(null);
  const [failure, setFailure] = useState(null);
  const leaving = useRef(new AbortController());
  const end = useRef();
  const busy = turns?.some((one) => !["completed", "failed", "cancelled"].includes(one.status));
  useEffect(() => () => leaving.current.abort(), []);
  useEffect(() => {
    if (!session.data || turns) return;
    setTurns(session.data.turns);
    if (carried) {
      const { message, scope } = carried;
      carried = null;
      ask(message, scope);
    } else {
      const open = session.data.turns.find((one) => !["completed", "failed", "cancelled"].includes(one.status));
      if (open) listen(open.turn_id, (seen, signal) => stream(`/chat/sessions/${id}/turns/${open.turn_id}/stream`, { query: { after: 0 }, seen, signal, quiet: true }));
    }
  }, [session.data]);
  const change = (key, part) => setTurns((before) => before.map((one) => (one.turn_id === key ? { ...one, ...(typeof part === "function" ? part(one) : part) } : one)));
  const listen = async (key, begin) => {
    let ended = false;
    const seen = ({ event, data }) => {
      if (event === "turn_started") change(key, { real_id: data.turn_id });
      else if (event === "agent_state") change(key, { state: data.state });
      else if (event === "tool_call_started") change(key, (one) => ({ tool_trace: [...one.tool_trace, { ...data, status: "running" }] }));
      else if (event === "tool_call_result") change(key, (one) => ({ tool_trace: one.tool_trace.map((call) => (call.tool_call_id === data.tool_call_id ? { ...call, ...data } : call)) }));
      else if (event === "assistant_delta") change(key, (one) => ({ delta: (one.delta ?? "") + (data.text ?? data.delta ?? "") }));
      else if (event === "turn_completed") (ended = true), change(key, { ...(data.turn ?? data), turn_id: key, status: "completed" });
      else if (event === "error") (ended = true), change(key, { status: "failed", error: data });
    };
    try {
      await begin(seen, leaving.current.signal);
      if (!ended) change(key, { status: "failed", error: { message: "The connection ended before the answer. Reload to see how it went." } });
    } catch (error) {
      if (error.name !== "AbortError") change(key, { status: "failed", error });
    }
  };
  const ask = async (message, scope) => {
    if (!id) {
      try {
        const made = await post("/chat/sessions", { title: message.slice(0, 80) });
        carried = { message, scope };
        changed();
        return go(["chat", made.session_id]);
      } catch (error) {
        return setFailure(error);
      }
    }
    const key = `asked-${crypto.randomUUID()}`;
    setTurns((before) => [...(before ?? []), { turn_id: key, user_message: message, status: "processing", tool_trace: [], result_sets: [] }]);
    await listen(key, (seen, signal) => stream(`/chat/sessions/${id}/turns/stream`, { method: "POST", body: { message, scope }, headers: { "Idempotency-Key": key }, seen, signal }));
  };
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, [turns]);
  const submit = (event) => {
    event?.preventDefault();
    if (!words.trim() || busy) return;
    ask(words.trim(), index ? { index_ids: [index] } : undefined);
    setWords("");
  };
  const stop = (turn) => post(`/chat/sessions/${id}/turns/${turn.real_id ?? turn.turn_id}/cancel`).catch(setFailure);
  return html`<section class="turns" aria-label="Conversation">
    ${id && html`<div class="row"><span class="grow"></span><${Sure} what="Delete this chat?" doing="Its questions and answers go. The media stay." deed=${() => remove(`/chat/sessions/${id}`)} done=${() => (changed(), go(["chat"]))} /></div>`}
    <${Failure} error=${session.error ?? failure} />
    ${!id && html`<${Empty} icon="chat" title="Ask about your media"><p>The answer cites the moments it rests on; a click on a citation plays it.</p><div class="chips">${EXAMPLES.map((one) => html`<button class="small" onClick=${() => setWords(one)}>${one}</button>`)}</div></${Empty}>`}
    ${turns?.map((turn) => html`<${Turn} key=${turn.turn_id} turn=${turn} play=${setClip} stop=${() => stop(turn)} />`)}
    <div ref=${end}></div>
    <form class="say" onSubmit=${submit}><textarea data-search aria-label="Your question" rows="1" placeholder="Ask something…" value=${words} onInput=${(event) => setWords(event.target.value)}
        onKeyDown=${(event) => event.key === "Enter" && !event.shiftKey && (event.preventDefault(), submit())}></textarea>
      <select class="scope" aria-label="Where to look" value=${index} onChange=${(event) => setIndex(event.target.value)}><option value="">Everywhere</option>${indexes.data?.map((one) => html`<option value=${one.index_id}>${one.name}</option>`)}<option value="playground">Playground</option></select>
      <button class="primary" disabled=${busy || !words.trim()}>Ask</button></form>
    ${clip && html`<${Clip} cited=${clip} close=${() => setClip(null)} />`}</section>`;
}

function Turn({ turn, play, stop }) {
  const message = turn.assistant_message;
  const open = !["completed", "failed", "cancelled"].includes(turn.status);
  return html`<article class="turn"><p class="asked">${turn.user_message}</p>
    <div class="answered" aria-live="polite">
      ${message ? html`<p>${cited(message, play)}</p>` : turn.delta ? html`<p>${turn.delta}</p>` : open && html`<p class="quiet">${said(turn.state ?? "thinking")}…</p>`}
      ${turn.error && html`<${Failure} error=${turn.error} />`}
      ${message?.citations.length > 0 && html`<div class="sources">${message.citations.map((one) => one.video_id && html`<button class="small source" onClick=${() => play(one)}><b class="cite">${one.number}</b><span class="name">${one.video_name}</span>${one.start_time !== null && html`<span class="mono">${clock(one.start_time)}</span>`}</button>`)}</div>`}
      ${message?.notice && html`<p class="quiet">${message.notice}</p>`}
      ${(turn.tool_trace.length > 0 || turn.stats) && html`<details class="trace"><summary>How it was found: ${count(turn.tool_trace.length, "step")}</summary><ol>${turn.tool_trace.map((one) => html`<li><b>${said(one.name)}</b> <code>${brief(one.arguments)}</code> <span class="quiet">${one.status === "running" ? "…" : `${one.status}, ${one.result_count ?? 0} found, ${one.duration_ms ?? 0} ms`}</span></li>`)}</ol>
        ${turn.stats && html`<p class="quiet">${Object.entries(turn.stats).filter(([, value]) => typeof value === "number").map(([name, value]) => `${said(name)} ${value.toLocaleString()}`).join(" · ")}</p>`}</details>`}
      ${open && html`<div class="row"><button class="small" onClick=${stop}>Stop</button></div>`}</div></article>`;
}

const brief = (given) => {
  const text = JSON.stringify(given ?? {});
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
};

/** The words with each `[1]` as a button that plays what it cites. */
function cited(message, play) {
  return message.content.split(/(\[\d+\])/).map((part) => {
    const one = /^\[\d+\]$/.test(part) && message.citations.find((citation) => citation.number === Number(part.slice(1, -1)));
    return one && one.video_id ? html`<button class="cite" aria-label=${`Play citation ${one.number}`} onClick=${() => play(one)}>${one.number}</button>` : part;
  });
}

function Clip({ cited: one, close }) {
  const clip = useAnswer(async () => {
    const video = await get(`/videos/${one.video_id}`, {}, { quiet: true });
    return { video, src: await sign(video.video_uri) };
  }, [one]);
  const from = one.start_time ?? 0;
  return html`<${Dialog} wide title=${`${one.video_name} · ${clock(from)}${one.end_time ? ` – ${clock(one.end_time)}` : ""}`} close=${close}><div class="clip"><${Answer} of=${clip}>${({ video, src }) => video.media_type === "image" ? html`<img src=${src} alt=${video.title} />`
    : html`<video src=${src} controls autoplay playsinline aria-label=${video.title} onLoadedMetadata=${(event) => (event.target.currentTime = from)} onTimeUpdate=${(event) => one.end_time && event.target.currentTime > one.end_time + 0.2 && !event.target.dataset.past && ((event.target.dataset.past = "1"), event.target.pause())}></video>`}</${Answer}></div>
    <footer><a class="button" href=${link(["media", one.video_id], { t: from, run: one.run_id })}>Open the item</a></footer></${Dialog}>`;
}
