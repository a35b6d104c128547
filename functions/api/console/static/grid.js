// A grid that holds any number of items and draws only those in sight.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact-htm.js";

const WIDTH = 230; // px, the narrowest card
const GAP = 16;
const BELOW = 74; // px that a card's words take under its picture
const AROUND = 1; // rows drawn beyond the visible ones

/** `card(item)` draws one; `more` is called when the end comes near. */
export function Grid({ items, total, card, more, label }) {
  const ref = useRef();
  const [at, setAt] = useState({ columns: 4, row: 220, first: 0, last: 4 });
  const measure = () => {
    const box = ref.current?.getBoundingClientRect();
    if (!box?.width) return;
    const narrow = box.width < 520;
    const columns = narrow ? 2 : Math.max(1, Math.floor((box.width + GAP) / (WIDTH + GAP)));
    const row = Math.round(((box.width - GAP * (columns - 1)) / columns) * 0.5625) + BELOW + GAP;
    const first = Math.max(0, Math.floor(-box.top / row) - AROUND);
    const last = Math.max(first + 1, Math.ceil((innerHeight - box.top) / row) + AROUND);
    setAt((before) => (before.columns === columns && before.row === row && before.first === first && before.last === last ? before : { columns, row, first, last }));
  };
  useLayoutEffect(measure, [items.length]);
  useEffect(() => {
    const scroller = document.getElementById("main");
    let asked = 0;
    const soon = () => (asked ||= requestAnimationFrame(() => ((asked = 0), measure())));
    scroller.addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(asked);
      scroller.removeEventListener("scroll", soon);
      removeEventListener("resize", soon);
    };
  }, []);
  const rows = Math.ceil(Math.max(items.length, total ?? 0) / at.columns);
  const near = at.last * at.columns >= items.length;
  useEffect(() => {
    if (near) more?.();
  }, [near, items.length]);
  const shown = items.slice(at.first * at.columns, at.last * at.columns);
  const place = (n) => ({
    position: "absolute",
    top: `${(at.first + Math.floor(n / at.columns)) * at.row}px`,
    left: `calc((100% + ${GAP}px) / ${at.columns} * ${n % at.columns})`,
    width: `calc((100% + ${GAP}px) / ${at.columns} - ${GAP}px)`,
  });
  return html`<ul class="grid" ref=${ref} aria-label=${label} style=${{ height: `${rows * at.row}px` }}>
    ${shown.map((item, n) => html`<li key=${item.video_id} style=${place(n)} aria-setsize=${items.length} aria-posinset=${at.first * at.columns + n + 1}>${card(item)}</li>`)}
  </ul>`;
}
