'use strict';
/** `docs/genesys-calls.md`, read as data. */
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const FILE = join(__dirname, '..', '..', '..', 'docs', 'genesys-calls.md');

/**
 * The rows of all its tables.
 * @returns {{ call: string, wire: string, permission: string, why: string, evidence: string, checked: string }[]}
 */
exports.readTable = function readTable() {
  const lines = readFileSync(FILE, 'utf8').split('\n');
  const rows = lines.filter((line) => /^\| *`/.test(line)).map(cellsOf);
  return rows.map(([call = '', wire = '', permission = '', why = '', evidence = '', checked = '']) => {
    return { call: plain(call), wire: plain(wire), permission, why, evidence, checked };
  });
};

/** Whether a row is about this call: the same verb, and the same path with anything where the row has a parameter. */
exports.isAbout = function isAbout({ wire }, call) {
  const template = wire.split('/');
  const segments = withoutGateway(call).split('/');
  return (
    template.length === segments.length && template.every((part, at) => /^\{\w+\}$/.test(part) || part === segments[at])
  );
};

/** A private gateway may have a path of its own in front of Genesys's. */
const withoutGateway = (call) => call.replace(/^([A-Z]+) \/.*?(\/(?:api\/v2|oauth|webdeployments\/v1)\/)/, '$1 $2');

const cellsOf = (line) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
const plain = (cell) => cell.replaceAll('`', '');
