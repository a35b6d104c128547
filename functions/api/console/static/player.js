// The player, and the lanes below it: one per run, with the playhead over all of them.
import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { call, sign } from "./api.js";
import { clock } from "./format.js";
import { Icon } from "./icons.js";

/** `player.current` becomes {seek(seconds, play)}. */
export function Player({ video, start, player, told }) {
  const [src, setSrc] = useState("");
  const [broken, setBroken] = useState(false);
  const element = useRef();
  const renewed = useRef(false);
  useEffect(() => {
    setBroken(false);
    sign(video.video_uri).then(setSrc, () => setBroken(true));
  }, [video.video_id]);
  player.current = {
    seek(seconds, play) {
      told(seconds);
      if (!element.current) return;
      element.current.currentTime = seconds;
      if (play) element.current.play().catch(() => {});
    },
  };
  if (video.media_type === "image") return html`<figure class="stage">${src && html`<img src=${src} alt=${video.title} />`}</figure>`;
  const failed = () => {
    if (src && !renewed.current) {
      renewed.current = true;
      sign(`${video.video_uri}`).then((fresh) => (fresh === src ? setBroken(true) : setSrc(fresh)));
    } else if (src) setBroken(true);
  };
  const listen = {
    onTimeUpdate: (event) => told(event.target.currentTime),
    onLoadedMetadata: (event) => start && (event.target.currentTime = start),
    onError: failed,
  };
  if (broken) {
    return html`<div class="stage failure"><p><strong>This browser cannot play this file.</strong></p><p>Its segments, words and fields are below. <a href=${src}>Download it</a> to watch it elsewhere.</p></div>`;
  }
  return html`<div class=${`stage ${video.media_type}`}>${!src ? html`<span class="quiet">Loading…</span>` : video.media_type === "audio"
    ? html`<${Icon} name="sound" /><audio ref=${element} src=${src} controls preload="metadata" aria-label=${video.title} ...${listen}></audio>`
    : html`<video ref=${element} src=${src} poster=${video.thumbnail_uri ?? undefined} controls playsinline preload="metadata" aria-label=${video.title} ...${listen}></video>`}</div>`;
}

const STATES = { successful: "good", failed: "bad", processing: "busy", pending: "busy" };

/** `lanes` are [{run, segments}]; a click leads the player to the segment's start. */
export function Lanes({ video, lanes, now, seek, chosen, choose }) {
  const length = video.duration_seconds || Math.max(1, ...lanes.flatMap((lane) => lane.segments.map((one) => one.end_time)));
  const tiles = useTiles(video);
  const [over, setOver] = useState(null);
  const ref = useRef();
  const at = (event) => {
    const box = ref.current.getBoundingClientRect();
    return Math.min(length, Math.max(0, ((event.clientX - box.left) / box.width) * length));
  };
  const share = (seconds) => `${(Math.min(seconds, length) / length) * 100}%`;
  return html`<section class="lanes sheet" aria-label="Segments by run">
    <div class="scrub" ref=${ref} onMouseMove=${(event) => setOver(at(event))} onMouseLeave=${() => setOver(null)} onClick=${(event) => seek(at(event))}>
      <i style=${{ width: share(now) }}></i>
      ${over !== null && html`<${Preview} tile=${tiles.find((one) => over >= one.start && over < one.end)} at=${over} left=${share(over)} />`}</div>
    ${lanes.map((lane) => html`<div class="lane" key=${lane.run.run_id}>
      <button class="bare small" aria-pressed=${chosen === lane.run.run_id} onClick=${() => choose(lane.run.run_id)}>${lane.run.prompt_name || "segments"}</button>
      <div class="track">${lane.segments.map((one) => html`<button class=${`piece ${STATES[one.segment_status] ?? ""} ${now >= one.start_time && now < one.end_time ? "now" : ""}`} key=${one.segment_id}
        style=${{ left: share(one.start_time), width: `calc(${share(one.end_time - one.start_time)} - 2px)`, ...(one.marker?.color ? { borderBottomColor: one.marker.color } : {}) }}
        aria-label=${`${clock(one.start_time)} to ${clock(one.end_time)}, ${one.segment_status}`} title=${`${clock(one.start_time)} – ${clock(one.end_time)}`}
        onClick=${() => (choose(lane.run.run_id), seek(one.start_time, true))}></button>`)}<i style=${{ left: share(now) }}></i></div></div>`)}
    <p class="row quiet"><span class="grow">${clock(now)} of ${clock(length)}</span><span>Space plays, j and k go from segment to segment</span></p>
  </section>`;
}

function Preview({ tile, at, left }) {
  const picture = tile && { backgroundImage: `url("${tile.url}")`, backgroundPosition: `-${tile.x}px -${tile.y}px`, width: `${tile.w}px`, height: `${tile.h}px` };
  return html`<span class="preview" style=${{ left }}>${tile && html`<b style=${picture}></b>`}<span>${clock(at)}</span></span>`;
}

function useTiles(video) {
  const [tiles, setTiles] = useState([]);
  useEffect(() => {
    let here = true;
    if (video.sprite_available) {
      call("GET", `/videos/${video.video_id}/sprite.vtt`, { raw: true, quiet: true })
        .then((answer) => answer.text())
        .then((text) => here && setTiles(parse(text)), () => {});
    }
    return () => (here = false);
  }, [video.video_id]);
  return tiles;
}

const seconds = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

function parse(vtt) {
  const cues = [...vtt.matchAll(/([\d:.]+) --> ([\d:.]+)[^\n]*\n([^\n]+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)/g)];
  return cues.map(([, start, end, url, x, y, w, h]) => ({ start: seconds(start), end: seconds(end), url, x: +x, y: +y, w: +w, h: +h }));
}
