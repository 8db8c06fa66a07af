import { parseArgs } from 'node:util';

/** Something `npx guest-manager <name>` does. What it needs is loaded only when it is asked for. */
export type Command = {
  readonly summary: string;
  /** Takes the arguments after its name; resolves with the exit code, or with null to keep running. */
  readonly run: (args: string[]) => Promise<number | null>;
};

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: {
    summary: 'looks at what Guest Manager needs of Genesys Cloud, and says what is missing and what that costs',
    run: async () => (await import('./doctor.js')).run(),
  },
  crm: {
    summary:
      'asks a running service how CRMs fare, sends dead letters again, and compares a CRM with what it should hold',
    run: async (args) => (await import('./crm.js')).run(args),
  },
  sandbox: {
    summary: 'is a local Genesys Cloud for web messaging, with a local CRM beside it, until it is stopped',
    run: async () => (await import('../sandbox/run.js')).run(),
  },
};

/** What was asked for cannot be understood: beside what commands say themselves. */
const USAGE_ERROR = 64;

async function main([name = '--help', ...args]: string[]): Promise<number | null> {
  const command = COMMANDS[name];
  if (command !== undefined) return command.run(args);
  const isHelp = parseArgs({ args: [name], strict: false, options: { help: { type: 'boolean', short: 'h' } } }).values[
    'help'
  ];
  const list = Object.entries(COMMANDS).map(([each, { summary }]) => `  ${each.padEnd(10)} ${summary}`);
  const usage = ['Usage: guest-manager <command>', '', ...list].join('\n');
  if (isHelp !== true) {
    console.error(`There is no command ${JSON.stringify(name)}.\n\n${usage}`);
    return USAGE_ERROR;
  }
  console.log(usage);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== null) process.exit(code);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(70);
  },
);
