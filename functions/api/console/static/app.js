// The shell: sign-in, the way around, and the view that the address names. Views are loaded when they are first looked at.
import { html, render, useEffect, useErrorBoundary, useLayoutEffect, useRef, useState } from "./preact-htm.js";
import { forgetCall, get } from "./api.js";
import { Code, Failure, Field, Waiting, useDeed } from "./elements.js";
import { Icon } from "./icons.js";
import { go, link, usePlace } from "./router.js";
import { session } from "./session.js";

const VIEWS = {
  library: ["Library", () => import("./library.js")],
  search: ["Search", () => import("./search.js")],
  chat: ["Chat", () => import("./chat.js")],
  runs: ["Runs", () => import("./runs.js")],
  prompts: ["Prompts", () => import("./prompts.js")],
  integrations: ["Integrations", () => import("./integrations.js")],
  settings: ["Settings", () => import("./settings.js")],
};
const INNER = { media: ["Media", () => import("./media.js"), "library"] };

function Console() {
  const [, changed] = useState(0);
  useEffect(() => session.onChange(() => changed((n) => n + 1)), []);
  return session.signedIn ? html`<${Shell} />` : html`<${SignIn} />`;
}

function SignIn() {
  const [said, setSaid] = useState("");
  const check = useDeed(async () => {
    await get("/auth/validate", {}, { quiet: true, as: said.trim() });
    session.signIn(said);
  });
  const submit = (event) => {
    event.preventDefault();
    check.run();
  };
  return html`<main class="sign-in"><form onSubmit=${submit}>
    <p class="mark"><${Mark} />VideoVector</p>
    <h1>Look into your video</h1>
    <p class="quiet">Sign in with an API key, or with the owner's token to manage keys too. It stays in this tab and is gone when you close it.</p>
    <${Field} label="API key or token"><input type="password" required autofocus autocomplete="off" placeholder="sk_live_…" value=${said}
      onInput=${(event) => setSaid(event.target.value)} /></${Field}>
    <${Failure} error=${check.error} />
    <button class="primary" disabled=${check.busy || !said.trim()}>Sign in</button>
    <p class="quiet">On your own machine, <code>make run</code> prints a key. The API itself is in the <a href="docs">reference</a>.</p>
  </form></main>`;
}

const Mark = () => html`<svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6" /><path d="M9 7v10l8-5z" /></svg>`;

function Shell() {
  const { parts, query } = usePlace();
  const name = parts[0] in VIEWS || parts[0] in INNER ? parts[0] : "library";
  const [title, load, parent] = VIEWS[name] ?? INNER[name];
  const view = useLoaded(name, load);
  const main = useRef();
  useLayoutEffect(() => {
    document.title = `${title} · VideoVector`;
    forgetCall(); // before the new view's effects make their own
    main.current.scrollTop = 0;
  }, [parts.join("/")]);
  useKeys();
  return html`<a class="skip" href="#main" onClick=${(event) => (event.preventDefault(), main.current.focus())}>Skip to the content</a>
    <div class="shell">
      <header class="side">
        <a class="mark" href="#/library" aria-label="VideoVector, library"><${Mark} /><span>VideoVector</span></a>
        <nav aria-label="Views">${Object.entries(VIEWS).map(([one, [label]]) => html`<a href=${link([one])}
          aria-current=${one === (parent ?? name) ? "page" : undefined}><${Icon} name=${one} /><span>${label}</span></a>`)}</nav>
        <button class="bare out" onClick=${session.signOut}><${Icon} name="out" /><span>Sign out</span></button>
      </header>
      <main id="main" ref=${main} tabindex="-1">
        <div class="view">${view.error ? html`<${Failure} error=${view.error} />` : view.View ? html`<${Guarded} key=${name} View=${view.View} parts=${parts.slice(1)} query=${query} />` : html`<${Waiting} />`}</div>
        <${Code} />
      </main>
    </div>`;
}

/** A fault in one view is told there, and the way around stays. */
function Guarded({ View, parts, query }) {
  const [fault, forget] = useErrorBoundary();
  if (fault) return html`<${Failure} error=${{ message: "This view stopped. That is a fault of the console.", code: String(fault.message) }} again=${forget} />`;
  return html`<${View} parts=${parts} query=${query} />`;
}

function useLoaded(name, load) {
  const [loaded, setLoaded] = useState({});
  useEffect(() => {
    let here = true;
    load().then(
      (module) => here && setLoaded({ name, View: module.View }),
      () => here && setLoaded({ name, error: new Error("This part of the console could not be loaded. Reload the page.") }),
    );
    return () => (here = false);
  }, [name]);
  return loaded.name === name ? loaded : {};
}

const TYPED = "input, textarea, select, [contenteditable]";

/** `/` goes to the search, `j` and `k` through what the view lists, space plays. */
function useKeys() {
  useEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPED) || document.querySelector("dialog[open]")) return;
      if (event.key === "/") {
        event.preventDefault();
        const field = document.querySelector("[data-search]");
        if (field) field.focus();
        else go(["search"]);
      } else if (event.key === "j" || event.key === "k") {
        step(event.key === "j" ? 1 : -1);
      } else if (event.key === " " && !event.target.closest("a, button, summary, video, audio")) {
        const player = document.querySelector("video, audio");
        if (!player) return;
        event.preventDefault();
        player.paused ? player.play().catch(() => {}) : player.pause();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function step(by) {
  const items = [...document.querySelectorAll("[data-item]")];
  if (!items.length) return;
  const at = items.findIndex((one) => one === document.activeElement);
  const next = items[at < 0 ? (by > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

render(html`<${Console} />`, document.getElementById("console"));
