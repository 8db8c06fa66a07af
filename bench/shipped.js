'use strict';
/** The service as it is shipped: its own configuration, its own adapters, its own log. */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { built, setting } = require('./serving');

async function startAsShipped() {
  const { readConfig } = built('config.js');
  const { withSandboxKeys } = built('config.keys.js');
  const { startService } = built('service.js');
  const service = await startService(readConfig(withSandboxKeys(process.env)));
  const [, given] = process.env['API_KEYS']?.split(':') ?? [];
  const apiKey = given ?? readFileSync(join(setting('DATA_DIR'), 'api-key'), 'utf8').trim();
  return { told: { origin: service.url, apiKey }, close: () => service.close() };
}

module.exports = { startAsShipped };
