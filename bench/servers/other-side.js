'use strict';
/** What lies beyond the network: a sandbox for the service, one for the waiting variant, and a Platform API that is never busy. */
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { built, serve } = require('../serving');

/** A Genesys Cloud that is near and quiet. The sandbox's own, as the real one, answers a token 300 times a minute and then no more. */
const GENESYS_MS = 3;

serve(async () => {
  const { startSandbox } = built('sandbox/sandbox.js');
  const sandboxes = await Promise.all([startSandbox({ port: 0 }), startSandbox({ port: 0 })]);
  const platform = createServer((request, answer) => {
    request.resume().once('end', async () => {
      await sleep(GENESYS_MS);
      answer.setHeader('content-type', 'application/json');
      answer.end('{"id":"2f5c8f8e-6f5b-4d1d-9d65-0c1f6a3a7c11","state":"connected"}');
    });
  });
  await new Promise((resolve) => platform.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (platform.address());
  const [forService, forWaiting] = sandboxes.map(({ url, environment }) => ({ url, environment }));
  return {
    told: { forService, forWaiting, platformUrl: `http://127.0.0.1:${port}` },
    close: async () => {
      platform.close();
      platform.closeAllConnections();
      await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
    },
  };
});
