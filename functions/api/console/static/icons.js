// Line drawings on a 24 x 24 grid.
import { html } from "./preact-htm.js";

const SHAPES = {
  library: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  prompts: "M5 4h14v16H5zM8 8h8M8 12h8M8 16h5",
  runs: "M4 12h4l3-7 4 14 3-7h2",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  integrations: "M9 4v5M15 4v5M6 9h12v3a6 6 0 0 1-12 0zM12 18v3",
  settings: "M4 7h10M18 7h2M4 12h3M11 12h9M4 17h8M16 17h4M16 5v4M9 10v4M14 15v4",
  play: "M8 5v14l11-7z",
  plus: "M12 5v14M5 12h14",
  up: "M12 19V6M6 12l6-6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M8 8h11v12H8zM5 16V4h11",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 10h4M4 14h4M16 10h4M16 14h4",
  sound: "M5 10v4M9 6v12M13 9v6M17 4v16M20 11v2",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  marker: "M7 4h10v16l-5-4-5 4z",
  proof: "M9 12l2 2 4-5M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z",
  out: "M14 4h6v16h-6M4 12h11M11 8l4 4-4 4",
  bin: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${SHAPES[name]} /></svg>`;
