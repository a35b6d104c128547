// Numbers, times and sizes in words.
export function clock(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(Number(seconds))) return "–";
  const tenths = Math.floor(Number(seconds) * 10 + 1e-6);
  const whole = Math.floor(tenths / 10);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return `${h ? `${h}:${two(m)}` : m}:${two(s)}${tenths % 10 ? `.${tenths % 10}` : ""}`;
}

export function size(bytes) {
  if (!bytes) return "0 B";
  const step = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (step * 10);
  return `${step && value < 10 ? value.toFixed(1) : Math.round(value)} ${["B", "KiB", "MiB", "GiB", "TiB"][step]}`;
}

export function ago(moment) {
  if (!moment) return "never";
  const seconds = Math.max(0, (Date.now() - Date.parse(moment)) / 1000);
  if (seconds < 45) return "just now";
  const [count, unit] = seconds < 3570 ? [seconds / 60, "min"] : seconds < 84_600 ? [seconds / 3600, "h"] : [seconds / 86_400, "d"];
  return `${Math.round(count)} ${unit} ago`;
}

export const when = (moment) => (moment ? new Date(moment).toLocaleString() : "–");
export const percent = (value) => `${Math.round(value)} %`;
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : many}`;
export const said = (status) => String(status ?? "").replaceAll("_", " ");
export const json = (value) => JSON.stringify(value, null, 2);
export const number = (value) => (Number.isInteger(value) ? value.toLocaleString() : String(Math.round(value * 1000) / 1000));
