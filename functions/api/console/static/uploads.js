// Uploads: small files in one request, large ones in pieces that go on after an interruption.
import { address, post, get, refusal, Refused, keep } from "./api.js";
import { session } from "./session.js";

const WHOLE = 24 * 1024 * 1024; // bytes; what the API takes in one request everywhere
const PIECE = 8 * 1024 * 1024; // a multiple of the 256 KiB that Cloud Storage counts in
const TRIES = 6;
const WAITS = 60;

/** Answers the media item's id. `told(share, words)` hears how far it is. */
export async function upload(file, indexId, told) {
  const title = file.name.replace(/\.[^.]+$/, "") || file.name;
  return file.size <= WHOLE ? whole(file, title, indexId, told) : inPieces(file, title, indexId, told);
}

async function whole(file, title, indexId, told) {
  const form = { file, title, index_id: indexId };
  keep({ method: "POST", path: "/videos/upload", form });
  const sent = new FormData();
  for (const [name, value] of Object.entries(form)) if (value) sent.append(name, value);
  const answer = await send("POST", address("/videos/upload"), session.headers(), sent, (share) => told(share, share < 1 ? "sending" : "reading it"));
  if (answer.status >= 300) throw await refusal(new Response(answer.text, { status: answer.status }));
  return JSON.parse(answer.text).video_id;
}

async function inPieces(file, title, indexId, told) {
  const name = `upload:${file.name}:${file.size}:${file.lastModified}:${indexId ?? ""}`;
  let begun = JSON.parse(sessionStorage.getItem(name) ?? "null");
  let at = begun ? await arrived(begun.session_url, file.size) : null;
  if (at === null) {
    const body = { title, content_type: file.type || "application/octet-stream", size_bytes: file.size, index_id: indexId };
    const made = await post("/videos/upload-session", body);
    begun = { video_id: made.video_id, session_url: made.session_url };
    sessionStorage.setItem(name, JSON.stringify(begun));
    at = 0;
  }
  for (let failures = 0; at < file.size; ) {
    told(at / file.size, at ? "sending on" : "sending");
    const end = Math.min(file.size, at + PIECE);
    const headers = { "Content-Range": `bytes ${at}-${end - 1}/${file.size}` };
    const from = at;
    const answer = await send("PUT", begun.session_url, headers, file.slice(at, end), (share) => told((from + share * (end - from)) / file.size, "sending"));
    if (answer.status === 200 || answer.status === 201) at = file.size;
    else if (answer.status === 308) at = end;
    else if (answer.status && answer.status < 500) {
      sessionStorage.removeItem(name);
      throw new Refused(answer.status, { error: { message: "The upload was not taken. Choose the file again to begin anew." } });
    } else {
      if (++failures > TRIES) throw new Refused(0, { error: { message: "The connection broke. Choose the same file again: it goes on where it stopped." } });
      await pause(500 * 2 ** failures);
      at = (await arrived(begun.session_url, file.size)) ?? at;
    }
  }
  await completed(begun.video_id, told);
  sessionStorage.removeItem(name);
  return begun.video_id;
}

/** How many bytes the store has; null where it knows no such session. */
async function arrived(url, size) {
  const answer = await send("PUT", url, { "Content-Range": `bytes */${size}` }, null, () => {});
  if (answer.status === 200 || answer.status === 201) return size;
  if (answer.status !== 308) return null;
  const range = /-(\d+)$/.exec(answer.range ?? "");
  return range ? Number(range[1]) + 1 : 0;
}

/** The item exists once the store's word of the last byte has been worked on. */
async function completed(videoId, told) {
  for (let n = 0; n < WAITS; n++) {
    told(1, "reading it");
    const state = await get(`/videos/upload-session/${videoId}`, {}, { quiet: true });
    if (state.status === "completed") return;
    if (state.status !== "waiting") throw new Refused(415, { error: { code: state.error_code, message: state.error_message } });
    await pause(1000);
  }
}

const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

/** By XMLHttpRequest, since fetch tells no progress of what it sends. Status 0: the connection broke. */
function send(method, url, headers, body, progressed) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && progressed(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, text: request.responseText, range: request.getResponseHeader("Range") });
    request.onerror = () => resolve({ status: 0, text: "" });
    request.send(body);
  });
}
