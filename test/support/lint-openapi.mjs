/**
 * `node lint-openapi.mjs < openapi.json`: what is wrong with a description of an API, as a JSON list of sentences. Offline. A process of its own, because
 * the linter is an ES module, which jest cannot load on every Node version.
 */
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const config = await createConfig({
  extends: ['recommended-strict'],
  rules: {
    // What follows is not in that set, or only warned about.
    'operation-description': 'error',
    'operation-operationId': 'error',
    'operation-operationId-unique': 'error',
    'operation-tag-defined': 'error',
    'operation-singular-tag': 'error',
    'parameter-description': 'error',
    'tag-description': 'error',
    'no-unused-components': 'error',
    'no-invalid-media-type-examples': 'error',
    'no-invalid-schema-examples': 'error',
    'no-invalid-parameter-examples': 'error',
    'response-contains-header': {
      severity: 'error',
      names: Object.fromEntries(['2xx', '3xx', '4xx', '5xx'].map((statuses) => [statuses, ['X-Request-Id']])),
    },
    'response-mime-type': 'off',
  },
});
const problems = await lintFromString({ source: await text(process.stdin), absoluteRef: 'openapi.json', config });
const told = problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} at ${location[0]?.pointer ?? '#'}`);
process.stdout.write(JSON.stringify(told));
