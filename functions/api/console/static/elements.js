// What views are made of: states of loading, refusals with their cure, dialogs, pills, code of the last call.
import { html, useCallback, useEffect, useRef, useState } from "./preact-htm.js";
import { BASE, latestCall, onCall } from "./api.js";
import { said } from "./format.js";
import { Icon } from "./icons.js";
import { session } from "./session.js";

/** Asks when `needs` change; answers {data, error, loading, reload, set}. A late answer to an old question is dropped. */
export function useAnswer(ask, needs) {
  const [state, setState] = useState({ loading: true });
  const turn = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++turn.current;
    setState((before) => ({ ...before, loading: true }));
    try {
      const data = await ask();
      if (mine === turn.current) setState({ data, loading: false });
    } catch (error) {
      if (mine === turn.current && error.name !== "AbortError") setState({ error, loading: false });
    }
  }, needs);
  useEffect(() => {
    setState({ loading: true });
    reload();
    return () => turn.current++;
  }, needs);
  const set = (change) => setState((before) => ({ ...before, data: change(before.data) }));
  return { ...state, reload, set };
}

/** For a deed: {busy, error, run}. `run` answers undefined where it was refused. */
export function useDeed(deed) {
  const [state, setState] = useState({ busy: false });
  const run = async (...given) => {
    setState({ busy: true });
    try {
      const answer = await deed(...given);
      setState({ busy: false });
      return answer ?? true;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    }
  };
  return { ...state, run, clear: () => setState({ busy: false }) };
}

const CURES = {
  0: "Start it with make run, or check your connection.",
  401: "The credential was not accepted. Sign out and sign in with a key or token that is still valid.",
  403: "This credential may not do that. Sign in with a key of a wider scope, or with the owner's token.",
  404: "It may have been deleted. Go back and choose again.",
  409: "It changed meanwhile. Look again, then try again.",
  413: "Upload the file here in the library: large files go in pieces.",
  429: "Too many requests.",
};

// What helps a reader of these pages; where there is no word for a code, its status has one.
const CODE_CURES = {
  invalid_query: "Send one SELECT over the tables listed beside it; open one to see its columns.",
  query_timeout: "Ask for less: fewer joins, fewer rows.",
  unsupported_media: "Choose a film, sound or picture. The content counts, not the name: convert it to MP4, MP3 or JPEG if in doubt.",
  unreadable_media: "The file is damaged or empty. Export it again from its source.",
  invalid_schema: "A schema describes an object with named fields. Draft one from a sentence to see the form.",
  validation_failed: "Mend what is named and try again.",
  connector_refused: "Test the connector under Integrations, and mend its credentials or rights in the store.",
  connector_in_use: "Switch off what uses it first.",
  jwt_required: "Sign out, and sign in with the owner's token.",
};

export function Failure({ error, again }) {
  if (!error) return null;
  const errors = error.details?.errors ?? [];
  const cure = error.details?.cure ?? (error.retryAfter ? `Try again in ${error.retryAfter} s.` : error.status >= 500
    ? "The server could not do it. Try again; if it stays, look for the request id in its log." : CODE_CURES[error.code] ?? CURES[error.status]);
  return html`<div class="failure" role="alert">
    <p><strong>${error.message}</strong></p>
    ${errors.length > 1 && html`<ul>${errors.map((one) => html`<li><code>${one.field}</code> ${one.message}</li>`)}</ul>`}
    ${cure && html`<p>${cure}</p>`}
    <p class="quiet">${[error.code, error.requestId].filter(Boolean).join(" · ")}</p>
    ${again && html`<button onClick=${again}>Try again</button>`}
  </div>`;
}

export const Empty = ({ icon, title, children }) =>
  html`<div class="empty"><${Icon} name=${icon} /><h2>${title}</h2><div>${children}</div></div>`;

export function Waiting({ rows = 3 }) {
  return html`<div class="waiting" role="status" aria-label="Loading">${Array.from({ length: rows }, () => html`<div></div>`)}</div>`;
}

/** Shows an answer in one of its three states. One element around it keeps its place among its neighbours as they come and go. */
export function Answer({ of, children, rows }) {
  return html`<div class="answer">${of.error ? html`<${Failure} error=${of.error} again=${of.reload} />`
    : of.data === undefined ? html`<${Waiting} rows=${rows} />` : children(of.data)}</div>`;
}

const TONES = {
  completed: "good", active: "good", delivered: "good", successful: "good", processed: "good", succeeded: "good", ok: "good", ready: "good",
  failed: "bad", disabled: "bad", error: "bad", refused: "bad", dead_letter: "bad", completed_with_failures: "mixed", retrying: "mixed",
  paused: "mixed", cancelled: "mixed", processing: "busy", pending: "busy", running: "busy", leased: "busy", queued: "busy",
};
export const Pill = ({ status }) => html`<span class=${`pill ${TONES[status] ?? ""}`}>${said(status)}</span>`;

export function Progress({ value, label }) {
  return html`<progress max="100" value=${value ?? undefined} aria-label=${label}></progress>`;
}

export function Dialog({ title, close, children, wide }) {
  const ref = useRef();
  useEffect(() => {
    const opener = document.activeElement;
    ref.current.showModal();
    return () => opener?.focus?.();
  }, []);
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} onClose=${close} aria-label=${title}
    onClick=${(event) => event.target === ref.current && ref.current.close()}>
    <div class="inside"><header><h2>${title}</h2>
      <button class="bare" aria-label="Close" onClick=${() => ref.current.close()}><${Icon} name="close" /></button></header>
    ${children}</div>
  </dialog>`;
}

export function Copy({ text, label = "Copy" }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button class="small" onClick=${copy}><${Icon} name="copy" />${done ? "Copied" : label}</button>`;
}

export function Tabs({ tabs, at, to }) {
  const bar = useRef();
  useEffect(() => {
    const here = bar.current.querySelector("[aria-current]");
    if (here) bar.current.scrollLeft = here.offsetLeft - (bar.current.clientWidth - here.offsetWidth) / 2;
  }, [at]);
  return html`<nav class="tabs" ref=${bar} aria-label="Sections">${tabs.map(([name, label]) =>
    html`<a href=${to(name)} aria-current=${name === at ? "page" : undefined}>${label}</a>`)}</nav>`;
}

export const Field = ({ label, hint, children }) =>
  html`<label class="field"><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;

/** Asks before what cannot be undone. */
export function Sure({ what, doing, deed, done, icon = "bin", label = "Delete" }) {
  const [open, setOpen] = useState(false);
  const act = useDeed(deed);
  const go = async () => (await act.run()) !== undefined && (setOpen(false), done?.());
  return html`<button class="small" onClick=${() => setOpen(true)}><${Icon} name=${icon} />${label}</button>
    ${open && html`<${Dialog} title=${what} close=${() => setOpen(false)}>
      <p>${doing}</p><${Failure} error=${act.error} />
      <footer><button class="danger" disabled=${act.busy} onClick=${go}>${label}</button></footer></${Dialog}>`}`;
}

/** The last call as a program would make it. The credential is a variable, never its value. */
export function Code() {
  const [made, setMade] = useState(latestCall());
  const [language, setLanguage] = useState("");
  useEffect(() => onCall(setMade), []);
  if (!made) return null;
  const choose = (name) => () => setLanguage(language === name ? "" : name);
  const text = language === "curl" ? asCurl(made) : asPython(made);
  return html`<section class="code-of-call" aria-label="The last call as code">
    <div><${Icon} name="code" /><code class="grow">${made.method} ${made.path}</code>
      <button class="small" aria-pressed=${language === "curl"} onClick=${choose("curl")}>as curl</button>
      <button class="small" aria-pressed=${language === "python"} onClick=${choose("python")}>as Python</button></div>
    ${language && html`<div class="snippet"><pre tabindex="0">${text}</pre><${Copy} text=${text} /></div>`}
  </section>`;
}

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const shortened = (value) => (typeof value === "string" && value.length > 400 ? `${value.slice(0, 60)}…` : value);
const HEADER = { true: ["X-API-Key", "$VIDEOVECTOR_API_KEY"], false: ["Authorization", "Bearer $VIDEOVECTOR_TOKEN"] };

function queryOf(made) {
  return new URLSearchParams(Object.entries(made.query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "")).toString();
}

function asCurl(made) {
  const query = queryOf(made);
  const lines = [`curl ${made.streamed ? "-N " : ""}${made.method === "GET" ? "" : `-X ${made.method} `}${quote(BASE + made.path + (query ? `?${query}` : ""))}`];
  const [name, value] = HEADER[session.byKey];
  lines.push(`  -H "${name}: ${value}"`);
  if (made.body !== undefined) {
    lines.push("  -H 'Content-Type: application/json'", `  -d ${quote(JSON.stringify(made.body, (_, one) => shortened(one)))}`);
  }
  for (const [field, one] of Object.entries(made.form ?? {})) {
    lines.push(`  -F ${quote(`${field}=${one instanceof Blob ? `@${one.name}` : one}`)}`);
  }
  return lines.join(" \\\n");
}

function asPython(made) {
  const [name, value] = HEADER[session.byKey];
  const secret = session.byKey ? 'os.environ["VIDEOVECTOR_API_KEY"]' : 'f"Bearer {os.environ[\'VIDEOVECTOR_TOKEN\']}"';
  const given = [`    "${BASE}${made.path}",`, `    headers={"${name}": ${secret}},`];
  if (queryOf(made)) given.push(`    params=${python(Object.fromEntries(new URLSearchParams(queryOf(made))), 4)},`);
  if (made.body !== undefined) given.push(`    json=${python(made.body, 4)},`);
  if (made.form) {
    const [files, fields] = [[], {}];
    for (const [field, one] of Object.entries(made.form)) one instanceof Blob ? files.push([field, one.name]) : (fields[field] = one);
    given.push(`    data=${python(fields, 4)},`, `    files={${files.map(([field, file]) => `${JSON.stringify(field)}: open(${JSON.stringify(file)}, "rb")`)}},`);
  }
  const verb = made.method.toLowerCase();
  if (made.streamed) {
    return `import os, httpx\n\nwith httpx.stream(\n    "${made.method}",\n${given.join("\n")}\n    timeout=None,\n) as answer:\n    for line in answer.iter_lines():\n        print(line)`;
  }
  return `import os, httpx\n\nanswer = httpx.${verb}(\n${given.join("\n")}\n)\nprint(answer.json())`;
}

function python(value, indent) {
  const inner = " ".repeat(indent + 4);
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((one) => python(one, indent)).join(", ")}]`;
  if (typeof value !== "object") return JSON.stringify(shortened(value));
  const rows = Object.entries(value).filter(([, one]) => one !== undefined).map(([key, one]) => `${inner}${JSON.stringify(key)}: ${python(one, indent + 4)},`);
  return rows.length ? `{\n${rows.join("\n")}\n${" ".repeat(indent)}}` : "{}";
}
