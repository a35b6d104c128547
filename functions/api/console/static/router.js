// Where the reader is: `#/media/vid_…?t=12.3`. Everything worth sending to a colleague is in it.
import { useEffect, useState } from "./preact-htm.js";

export function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: Object.fromEntries(new URLSearchParams(query)) };
}

export function link(parts, query) {
  const known = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(known).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}

export const go = (parts, query) => (location.hash = link(parts, query));

/** On from a place that only leads further; not where the reader has gone elsewhere meanwhile, and "back" does not come by it again. */
export function lead(parts) {
  if (parts.join("/").startsWith(place().parts.join("/"))) location.replace(link(parts));
}

/** Changes the address without a step in the reader's history. */
export function adjust(query) {
  const here = place();
  history.replaceState(null, "", location.pathname + link(here.parts, { ...here.query, ...query }));
}

export function usePlace() {
  const [now, setNow] = useState(place());
  useEffect(() => {
    const moved = () => setNow(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return now;
}
