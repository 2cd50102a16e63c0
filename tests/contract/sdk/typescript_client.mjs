// A program of a studio that uses the official TypeScript SDK, unmodified. Reads one wish as JSON, says what happened line by line.
//
// COMFY_SDK names the folder that `npm install @comfyorg/sdk` made; COMFY_BASE_URL and COMFY_API_KEY are the SDK's own variables.
// Everything the service answers in JSON is also held against the schemas that the package brings and does not use itself.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const root = pathToFileURL(`${process.env.COMFY_SDK}/node_modules/@comfyorg/sdk/dist/`);
const { Comfy, ComfyError, JobFailed } = await import(new URL("index.js", root));
const schemas = await import(new URL("low/generated/zod.gen.js", root));

const say = (kind, facts) => console.log(JSON.stringify({ kind, ...facts }));

function schemaOf(path, status) {
  if (status >= 400) return schemas.zErrorEnvelope;
  if (/\/assets(\/from-hash|\/[^/]+)?$/.test(path)) return schemas.zAsset;
  if (/\/jobs(\/[^/]+(\/cancel)?)?$/.test(path)) return schemas.zJob;
  if (/\/workflow$/.test(path)) return schemas.zJobWorkflowResponse;
  return undefined;
}

async function checkedFetch(input, init) {
  const response = await fetch(input, init);
  const kind = response.headers.get("content-type") ?? "";
  const schema = schemaOf(new URL(response.url).pathname, response.status);
  if (init?.method !== "HEAD" && kind.startsWith("application/json") && schema !== undefined) {
    const found = schema.safeParse(await response.clone().json());
    say("schema", { ok: found.success, path: new URL(response.url).pathname, problem: found.error?.message ?? null });
  }
  return response;
}

async function started(client, wish) {
  if (wish.job !== undefined) return client.jobs.get(wish.job);
  const workflow = client.workflows.fromJson(wish.workflow);
  if (wish.upload !== undefined) {
    const asset = client.assets.fromFile(wish.upload);
    const [node, name] = wish.input;
    await asset.commit();
    workflow.setInput(node, name, wish.by_name ? asset.filePath : asset);
    say("asset", { id: asset.id, created_new: asset.createdNew });
  }
  return client.submit(workflow, { idempotencyKey: wish.key, apiKey: wish.api_key });
}

async function follow(job) {
  for await (const event of job.events()) {
    if (event.kind === "statusChange") say("status", { status: event.status });
    else if (event.kind === "progress") say("progress", { value: event.value, message: event.message, step: event.step });
    else if (event.kind === "preview") say("preview", { size: event.data.length });
    else if (event.kind === "outputReady") say("output", { id: event.output.id });
  }
}

async function result(job) {
  const outputs = [];
  for (const output of job.outputs) {
    outputs.push({
      id: output.id,
      node: output.nodeId,
      name: output.name,
      size: Number(output.sizeBytes),
      sha256: createHash("sha256").update(await output.toBytes()).digest("hex"),
      first: Buffer.from(await output.toBytes({ range: [1, 3] })).toString("latin1"),
      url: (await output.getDownloadUrl()).url,
    });
  }
  say("result", { job: job.id, status: job.status, outputs });
}

const wish = JSON.parse(process.argv[2]);
const client = new Comfy({ apiKey: process.env.COMFY_API_KEY, fetch: checkedFetch });
try {
  const job = await started(client, wish);
  say("job", { job: job.id, status: job.status });
  if (wish.cancel) say("cancelled", { status: (await job.cancel()).status });
  if (wish.events ?? true) await follow(job);
  await result(await job.result());
  say("workflow", { graph: (await job.getWorkflow()).workflow });
} catch (error) {
  if (error instanceof JobFailed) {
    say("failed", { code: error.error?.code, message: error.error?.message, node: error.error?.node_id });
  } else if (error instanceof ComfyError) {
    say("refused", { code: error.code, status: error.httpStatus, message: error.message });
  } else {
    say("broken", { error: error.constructor.name, message: error.message });
  }
}
