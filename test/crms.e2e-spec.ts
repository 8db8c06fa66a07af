import { rmSync } from 'node:fs';
import { newDataDir } from './storage/test-storage.js';
import { Client, until } from './support/client.js';
import { startProcess } from './support/process.js';

const CRMS = ['rest', 'salesforce', 'hubspot', 'genesys-contacts'];
