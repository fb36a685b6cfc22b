// A demo server of the binary under test: started on free ports, stopped by its process id.

import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const BINARY = fileURLToPath(new URL("../../target/release/trunkline", import.meta.url));
const START_MS_MAX = 60_000;
export const WAIT_MS_MAX = 20_000;

/** Looks again until there is something to see, and returns it. */
export async function waitFor(what, look, withinMs = WAIT_MS_MAX) {
  const until = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > until) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(20);
  }
}

/** One running demo, what its demo.json says, and the phones of its sandbox. */
export class Demo {
  static async start() {
    const demo = new Demo();
    demo.data = await mkdtemp(join(tmpdir(), "trunkline-clients-"));
    const log = openSync(join(demo.data, "server.log"), "w");
    const line = ["demo", "--data", demo.data, "--listen", "127.0.0.1:0"];
    demo.process = spawn(process.env.TRUNKLINE_BIN || BINARY, line, { stdio: ["ignore", log, log] });
    demo.ended = new Promise((resolve) => {
      demo.process.on("exit", resolve);
      demo.process.on("error", resolve);
    });
    try {
      demo.info = await waitFor("demo.json", () => demo.#info(), START_MS_MAX);
      await waitFor("ready", async () => (await fetch(`${demo.baseUrl}/readyz`)).ok, START_MS_MAX);
    } catch (failed) {
      const said = await readFile(join(demo.data, "server.log"), "utf8");
      await demo.stop();
      throw new Error(`${failed.message}\n${said}`);
    }
    return demo;
  }

  async #info() {
    if (this.process.exitCode !== null) throw new Error("the server ended");
    const text = await readFile(join(this.data, "demo.json"), "utf8").catch(() => "");
    return text && JSON.parse(text);
  }

  async stop() {
    const patience = setTimeout(() => this.process.kill("SIGKILL"), 30_000);
    this.process.kill("SIGTERM");
    await this.ended;
    clearTimeout(patience);
    await rm(this.data, { recursive: true });
  }

  get baseUrl() {
    return this.info.base_url;
  }

  get caFile() {
    return join(this.data, this.info.ca_file);
  }

  personWrites(channel, identity, text) {
    return this.#sandbox("POST", `/handsets/${channel}/${identity}/messages`, { text });
  }

  /** What the phone shows, both directions, in order. */
  phone(channel, identity) {
    return this.#sandbox("GET", `/handsets/${channel}/${identity}`);
  }

  /** The business's bubble that has this text, once it is there. */
  phoneGets(channel, identity, text) {
    return waitFor(`${identity} gets ${text}`, async () => {
      const bubbles = await this.phone(channel, identity);
      return bubbles.find((one) => one.from === "business" && one.text.includes(text));
    });
  }

  async #sandbox(method, path, body) {
    const answer = await fetch(this.info.sandbox.url + path, { method, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}
