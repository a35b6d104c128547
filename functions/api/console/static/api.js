// The API as any client sees it. Every call a reader causes is kept, so that a view can show it as curl and as Python.
import { session } from "./session.js";

export const BASE = new URL("api/v2", document.baseURI).href;
const listeners = new Set();
let lastCall = null;

export class Refused extends Error {
  constructor(status, body, retryAfter) {
    const said = body?.error ?? {};
    super(said.message || `the server answered ${status}`);
    this.status = status;
    this.code = said.code ?? "";
    this.details = said.details ?? {};
    this.requestId = said.request_id ?? "";
    this.retryAfter = retryAfter;
  }
}

export function address(path, query) {
  const url = new URL(BASE + path);
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") url.searchParams.append(name, one);
    }
  }
  return url.href;
}

/** `quiet` calls are the console's own (pictures, polling) and are not shown as code. */
export async function call(method, path, { query, body, form, quiet, signal, raw, as } = {}) {
  const headers = { ...session.headers(as) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST" && !quiet) headers["Idempotency-Key"] = crypto.randomUUID();
  if (!quiet) keep({ method, path, query, body, form });
  let response;
  try {
    const sent = form ? formData(form) : body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(address(path, query), { method, headers, body: sent, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { error: { message: "The server cannot be reached. Is it running? Try again in a moment." } });
  }
  if (!response.ok) throw await refusal(response);
  return raw ? response : response.status === 204 ? {} : response.json();
}

export const get = (path, query, rest) => call("GET", path, { query, ...rest });
export const post = (path, body, rest) => call("POST", path, { body, ...rest });
export const put = (path, body, rest) => call("PUT", path, { body, ...rest });
export const patch = (path, body, rest) => call("PATCH", path, { body, ...rest });
export const remove = (path, rest) => call("DELETE", path, rest);

export async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new Refused(response.status, body, Number(response.headers.get("Retry-After")) || 0);
}

function formData(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== "") form.append(name, one);
  }
  return form;
}

export function keep(made) {
  lastCall = made;
  listeners.forEach((tell) => tell(made));
}

export function onCall(tell) {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export const latestCall = () => lastCall;
export const forgetCall = () => keep(null);

/** All pages of a listing, at most `most` items. */
export async function all(path, query, most = 1000) {
  const found = [];
  let cursor;
  do {
    const page = await get(path, { limit: 100, ...query, cursor }, { quiet: found.length > 0 });
    found.push(...page.data);
    cursor = page.pagination.next_cursor;
  } while (cursor && found.length < most);
  return found;
}

/** An address that a player or an <img> can load; kept while it is good. */
const signed = new Map();
export async function sign(gcsUri) {
  const known = signed.get(gcsUri);
  if (known && known.until > Date.now()) return known.url;
  const answer = await post("/videos/signed-url", { gcs_uri: gcsUri }, { quiet: true });
  signed.set(gcsUri, { url: answer.signed_url, until: Date.parse(answer.expires_at) - 60_000 });
  return answer.signed_url;
}
