// Server-sent events over fetch: EventSource can send neither a credential nor a body.
import { address, keep, refusal } from "./api.js";
import { session } from "./session.js";

/** Calls `seen({id, event, data})` for each event until the stream ends or `signal` aborts. */
export async function stream(path, { method = "GET", query, body, headers, signal, seen, quiet }) {
  if (!quiet) keep({ method, path, query, body, streamed: true });
  const response = await fetch(address(path, query), {
    method,
    signal,
    cache: "no-store",
    headers: { Accept: "text/event-stream", ...(body ? { "Content-Type": "application/json" } : {}), ...session.headers(), ...headers },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value.replace(/\r/g, "");
    const frames = held.split("\n\n");
    held = frames.pop();
    for (const frame of frames) {
      const event = parse(frame);
      if (event) seen(event);
    }
  }
}

function parse(frame) {
  const event = { id: "", event: "message", data: "" };
  for (const line of frame.split("\n")) {
    const at = line.indexOf(":");
    if (at < 1) continue;
    const [name, value] = [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
    if (name === "data") event.data += (event.data && "\n") + value;
    else if (name in event) event[name] = value;
  }
  if (!event.data) return null;
  try {
    return { ...event, data: JSON.parse(event.data) };
  } catch {
    return null;
  }
}

/** Follows the processing events for as long as `signal` lets it, coming back by itself behind the last one it saw. */
export async function follow(query, seen, signal) {
  let last = "";
  while (!signal.aborted) {
    try {
      await stream("/processing/events/stream", {
        query,
        signal,
        quiet: true,
        headers: last ? { "Last-Event-ID": last } : {},
        seen: (event) => {
          last = event.id || last;
          seen(event);
        },
      });
    } catch (error) {
      if (signal.aborted || error.status === 401 || error.status === 403) return;
    }
    await new Promise((resume) => setTimeout(resume, 2000));
  }
}
