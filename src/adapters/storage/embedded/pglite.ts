import type * as Pglite from '@electric-sql/pglite';
import type * as PgliteNodeFs from '@electric-sql/pglite/nodefs';
import { runInThisContext } from 'node:vm';

/**
 * PGlite imports parts of itself while it starts, and compiles 10 MB of WebAssembly. Test runners that give every file a sandbox
 * allow neither imports nor sharing in it, so it is always required from Node's own context: in a service that is the only one.
 */
const node = runInThisContext('process') as NodeJS.Process;
const nodeRequire = node.getBuiltinModule('node:module').createRequire(__filename);

export const { PGlite } = nodeRequire('@electric-sql/pglite') as typeof Pglite;
export type PGlite = Pglite.PGlite;
export const { NodeFS } = nodeRequire('@electric-sql/pglite/nodefs') as typeof PgliteNodeFs;
export type NodeFS = PgliteNodeFs.NodeFS;
