// A receiver of callbacks on this machine: answers 200 and keeps what it heard.

import { once } from "node:events";
import { createServer } from "node:http";
import { waitFor } from "./demo.js";

export class Sink {
  heard = [];

  static async open() {
    const sink = new Sink();
    sink.server = createServer(async (request, response) => {
      const parts = await request.toArray();
      const body = Buffer.concat(parts);
      sink.heard.push({ path: request.url, headers: request.headers, body, json: JSON.parse(body) });
      response.end();
    });
    sink.server.listen(0, "127.0.0.1");
    await once(sink.server, "listening");
    sink.url = `http://127.0.0.1:${sink.server.address().port}`;
    return sink;
  }

  /** The first callback that is wanted, as soon as it is there. */
  hears(what, wanted) {
    return waitFor(what, () => this.heard.find(wanted)).catch((missed) => {
      throw new Error(`${missed.message}, heard ${JSON.stringify(this.heard.map((one) => one.json))}`);
    });
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}
