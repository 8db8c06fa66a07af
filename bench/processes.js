'use strict';
/** Servers in processes of their own. None outlives this one. */
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { closeSync, openSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { clearTimeout, setTimeout } = require('node:timers');
const { scratchFile } = require('./scratch');

const START_MS = 60_000;
const STOP_MS = 20_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
/** Whether nobody is expected to live on. */
let leaving = false;
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * @typedef {object} Server
 * @property {any} told what it said when it was ready
 * @property {() => number} residentBytes what it holds in memory now
 * @property {() => Promise<void>} stop lets it finish what it has begun
 * @property {() => Promise<void>} kill as a power cut would
 */

/**
 * Starts `servers/<name>.js` and waits until it is ready. What it writes goes into a file, whose end is quoted should it fail.
 * @param {string} name
 * @param {Record<string, string>} env
 * @param {{ profile?: string | null }} [options]
 * @returns {Promise<Server>}
 */
async function start(name, env, { profile = null } = {}) {
  const log = scratchFile(`${name}.log`);
  const output = openSync(log, 'a');
  const child = fork(join(__dirname, 'servers', `${name}.js`), {
    env: { ...inherited(), ...env },
    execArgv: profile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`],
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  running.add(child);
  const ended = once(child, 'exit').finally(() => running.delete(child));
  let stopping = false;
  const failed = ended.then(([code, signal]) => {
    throw new Error(`${name} ended (${signal ?? code}):\n${lastLines(log)}`);
  });
  // Later on nobody waits for this: whoever is measuring it fails by itself, and does not know why.
  failed.catch((error) => void (stopping || leaving || process.stderr.write(`${error.message}\n`)));
  const [told] = await within(START_MS, Promise.race([once(child, 'message'), failed]), () => {
    throw new Error(`${name} did not start within ${START_MS / 1_000} s:\n${lastLines(log)}`);
  });

  /** @param {NodeJS.Signals} signal */
  const end = async (signal) => {
    stopping = true;
    child.kill(signal);
    await within(STOP_MS, ended, () => child.kill('SIGKILL'));
    await ended;
  };
  return {
    told,
    residentBytes: () => residentBytes(child.pid),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/**
 * Starts `servers/<name>.js` for the one thing it has to say.
 * @param {string} name
 * @param {Record<string, string>} env
 */
async function ask(name, env) {
  const server = await start(name, env);
  await server.stop();
  return server.told;
}

/** Ends whatever still runs, now. */
async function endAll() {
  leaving = true;
  const children = [...running];
  await Promise.all(
    children.map(async (child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}

/**
 * What `promise` brings, unless it takes longer; then what `late` makes of it.
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {() => any} late
 * @returns {Promise<T>}
 */
function within(ms, promise, late) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const overdue = new Promise((resolve) => (timer = setTimeout(resolve, ms))).then(late);
  return Promise.race([promise, overdue]).finally(() => clearTimeout(timer));
}

/** Only what a process needs to run at all: the settings of whoever measures are not to be measured. */
function inherited() {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** As Linux tells; NaN elsewhere. @param {number | undefined} pid */
function residentBytes(pid) {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1_024;
  } catch {
    return NaN;
  }
}

/** @param {string} file */
const lastLines = (file) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n');

module.exports = { start, ask, endAll };
