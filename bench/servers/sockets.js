'use strict';
/** Holds the sockets of many guests, either as the service does or as bare `ws` clients, and says what each of them costs in memory. */
const { randomUUID } = require('node:crypto');
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { WebSocket } = require('ws');
const { built, serve, setting } = require('../serving');

/** Loads and compiles whatever the first guests need. */
const FIRST = 50;
/** So many at a time, that the other side keeps up. */
const TOGETHER = 50;
/** After which nothing of the beginning is under way any more. */
const QUIET_MS = 2_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

serve(async () => {
  const { hold, close } = setting('BENCH_VARIANT') === 'bare' ? bare() : ours();
  await holdMany(FIRST, hold);
  const before = await memory();
  const guests = Number(setting('BENCH_GUESTS'));
  await holdMany(guests, hold);
  const after = await memory();
  return {
    told: { heapBytes: (after.heap - before.heap) / guests, rssBytes: (after.rss - before.rss) / guests },
    close,
  };
});

/** The adapter, and somebody who listens. */
function ours() {
  const { GenesysGuestChannel } = built('adapters/genesys/guest-channel.js');
  const settings = {
    environment: 'mypurecloud.ie',
    deploymentId: setting('GENESYS_DEPLOYMENT_ID'),
    origin: setting('GENESYS_ORIGIN'),
    clientId: setting('GENESYS_CLIENT_ID'),
    clientSecret: setting('GENESYS_CLIENT_SECRET'),
    gatewayUrl: setting('GENESYS_GATEWAY_URL'),
    webmessagingUrl: setting('GENESYS_WEBMESSAGING_URL'),
  };
  const channel = new GenesysGuestChannel(settings, {}, [{ count: 1_000, perMs: 1_000 }]);
  channel.listen(async () => undefined);
  return {
    hold: () => {
      const guestId = randomUUID();
      return channel.open({ guestId, token: randomUUID() }, { guestSessionId: guestId });
    },
    close: () => channel.closeAll(),
  };
}

/** The same session, asked for once, and whatever is heard in it thrown away. */
function bare() {
  const deploymentId = setting('GENESYS_DEPLOYMENT_ID');
  const url = `${setting('GENESYS_WEBMESSAGING_URL')}/v1?deploymentId=${deploymentId}`;
  /** @type {Set<WebSocket>} */
  const sockets = new Set();
  return {
    hold: async () => {
      const token = randomUUID();
      const socket = new WebSocket(url, { origin: setting('GENESYS_ORIGIN'), perMessageDeflate: false });
      sockets.add(socket);
      await once(socket, 'open');
      const answered = once(socket, 'message');
      socket.on('message', () => undefined);
      socket.send(JSON.stringify({ action: 'configureSession', token, deploymentId, startNew: false }));
      await answered;
      const message = { type: 'Event', events: [{ eventType: 'Presence', presence: { type: 'Join' } }] };
      socket.send(JSON.stringify({ action: 'onMessage', token, message }));
    },
    close: async () => sockets.forEach((socket) => socket.terminate()),
  };
}

/** @param {number} count @param {() => Promise<unknown>} hold */
async function holdMany(count, hold) {
  for (let left = count; left > 0; left -= TOGETHER)
    await Promise.all(Array.from({ length: Math.min(left, TOGETHER) }, hold));
}

/** What is in use when nothing is waste: on the heap and in the buffers beside it. */
async function memory() {
  await sleep(QUIET_MS);
  for (let times = 0; times < 4; times++) {
    collect();
    await sleep(50);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}
