// Who is signed in. The credential lives in this tab alone: sessionStorage, sent as a header, never in an address.
const NAME = "videovector.credential";
const listeners = new Set();
let credential = read();

function read() {
  const fromAddress = new URLSearchParams(location.hash.slice(1));
  const said = fromAddress.get("key") || fromAddress.get("token");
  if (said) {
    sessionStorage.setItem(NAME, said);
    history.replaceState(null, "", location.pathname);
    return said;
  }
  return sessionStorage.getItem(NAME) || "";
}

export const session = {
  get signedIn() {
    return credential !== "";
  },
  get byKey() {
    return credential.startsWith("sk_");
  },
  /** For a credential that is only being tried: `said`. */
  headers(said = credential) {
    return said.startsWith("sk_") ? { "X-API-Key": said } : { Authorization: `Bearer ${said}` };
  },
  signIn(said) {
    credential = said.trim();
    sessionStorage.setItem(NAME, credential);
    listeners.forEach((tell) => tell());
  },
  signOut() {
    credential = "";
    sessionStorage.removeItem(NAME);
    listeners.forEach((tell) => tell());
  },
  onChange(tell) {
    listeners.add(tell);
    return () => listeners.delete(tell);
  },
};
