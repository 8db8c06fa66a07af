import { startSandbox } from './sandbox.js';

/**
 * `npx guest-manager sandbox`, `npm run sandbox`: the sandbox alone, for as long as nobody stops it. What it prints can be the environment
 * of a service. Resolves with null once it runs, or with the exit code when it cannot.
 */
export async function run(): Promise<number | null> {
  try {
    await start();
    return null;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function start(): Promise<void> {
  const port = readPort(process.env['SANDBOX_PORT']);
  const sandbox = await startSandbox({ port });
  const lines = Object.entries(sandbox.environment).map(([name, value]) => `${name}=${value}`);
  console.log([`# A local Genesys Cloud and a local CRM, at ${sandbox.url}/sandbox`, ...lines].join('\n'));

  const stop = () => void sandbox.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function readPort(given = '3999'): number {
  const port = Number(given);
  if (!/^\d+$/.test(given) || port > 65_535) throw new Error('SANDBOX_PORT must be a port number from 0 to 65535');
  return port;
}
