'use strict';
const { availableParallelism, cpus, loadavg } = require('node:os');
const { rounded } = require('./figures');
const { isOnDisk } = require('./scratch');

/** What a figure belongs to. A load much above 0 before the first round says that the machine was shared. */
const machine = () => ({
  node: process.version,
  cpu: `${availableParallelism()} x ${cpus()[0]?.model ?? process.arch}`,
  load: rounded(loadavg()[0] ?? NaN, 1),
  onDisk: isOnDisk(),
});

module.exports = { machine };
