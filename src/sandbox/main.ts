import { run } from './run.js';

void run().then((code) => {
  if (code !== null) process.exitCode = code;
});
