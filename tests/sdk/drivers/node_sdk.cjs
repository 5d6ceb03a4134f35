// Tells a Node SDK, found on NODE_PATH, the story that comes by standard input.
//   node node_sdk.cjs PACKAGE < settings.json
// ends with 1 if the SDK gave anything up.
"use strict";
const settings = JSON.parse(require("fs").readFileSync(0, "utf8"));
require("./wrong_clock.cjs")(settings.skewSeconds);

const name = process.argv[2];
const { writeKey, url, gzip } = settings;
const givenUp = [];

const messages = settings.calls.map(({ call, secondsAgo, ...message }) => {
  if (secondsAgo !== undefined) {
    message.timestamp = new Date(Date.now() - secondsAgo * 1000);
  }
  return [call, message];
});

// Each ends once every event was delivered or given up.
const told = {
  async "@segment/analytics-node"() {
    const { Analytics } = require(name);
    const client = new Analytics({ writeKey, host: url, maxEventsInBatch: 5, flushInterval: 100 });
    client.on("error", (error) => givenUp.push(String(error.reason ?? error)));
    for (const [call, message] of messages) {
      client[call](message, (error) => error && givenUp.push(String(error)));
    }
    await client.closeAndFlush({ timeout: 60000 });
  },
  "analytics-node": () => withCallbacks(require(name), { host: url }),
  "@rudderstack/rudder-sdk-node": () =>
    withCallbacks(require(name), { dataPlaneUrl: url, gzip, logLevel: "none" }),
};

async function withCallbacks(Analytics, options) {
  const client = new Analytics(writeKey, { flushAt: 5, flushInterval: 100, ...options });
  await Promise.all(
    messages.map(
      ([call, message]) =>
        new Promise((done) =>
          client[call](message, (error) => {
            if (error) givenUp.push(String(error));
            done();
          }),
        ),
    ),
  );
}

told[name]().then(() => {
  if (givenUp.length) console.error(givenUp.join("\n"));
  process.exit(givenUp.length ? 1 : 0);
});
