'use strict';

/** Files of a module that may know a framework or a package: the rest are rules, and stay plain. */
const EDGES = '\\.(service|controller|dto|jobs|frames|changes|module|contract|spec)\\.ts$|/phone\\.ts$|/index\\.ts$';
const PACKAGES = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'];
const TESTS = '\\.(spec|contract)\\.ts$';

/** The arrows between modules; what is not here is forbidden. */
const ARROWS = {
  guest: ['identity', 'crm-sync', 'metrics', 'webhooks', 'audit'],
  identity: [],
  'crm-sync': ['audit'],
  metrics: ['audit'],
  retention: ['audit'],
  webhooks: ['identity', 'audit'],
  audit: [],
};

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'rules-and-ports-import-no-package',
      severity: 'error',
      from: { path: '^src/modules/', pathNot: EDGES },
      to: { dependencyTypes: PACKAGES },
    },
    {
      name: 'rules-and-ports-know-no-service',
      comment: 'Services call rules, not the other way round.',
      severity: 'error',
      from: { path: '^src/modules/', pathNot: EDGES },
      to: { path: '^src/modules/.*\\.(service|controller|dto|jobs|frames|changes|module)\\.ts$' },
    },
    {
      name: 'inside-never-imports-outside',
      severity: 'error',
      from: { path: '^src/(modules|kernel)/', pathNot: TESTS },
      to: { path: '^src/(adapters|sandbox|client|cli|demo|health|in-process)/|^src/[^/]+\\.ts$' },
    },
    {
      name: 'kernel-knows-nobody',
      severity: 'error',
      from: { path: '^src/kernel/', pathNot: TESTS },
      to: { path: '^src/(?!kernel/)' },
    },
    {
      name: 'http-knows-only-the-kernel',
      severity: 'error',
      from: { path: '^src/(http|health)/', pathNot: TESTS },
      to: { path: '^src/(?!kernel/|http/|health/)' },
    },
    {
      name: 'modules-meet-at-the-front-door',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/', pathNot: TESTS },
      to: { path: '^src/modules/[^/]+/', pathNot: ['^src/modules/$1/', '^src/modules/[^/]+/index\\.ts$'] },
    },
    {
      name: 'nobody-imports-its-own-front-door',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/$1/index\\.ts$' },
    },
    ...Object.entries(ARROWS).map(([module, known]) => ({
      name: `${module}-arrows`,
      severity: 'error',
      from: { path: `^src/modules/${module}/`, pathNot: TESTS },
      to: { path: '^src/modules/', pathNot: `^src/modules/(${[module, ...known].join('|')})/` },
    })),
    {
      name: 'adapters-use-front-doors',
      severity: 'error',
      from: { path: '^src/adapters/', pathNot: TESTS },
      to: { path: '^src/modules/[^/]+/', pathNot: '^src/modules/[^/]+/index\\.ts$' },
    },
    {
      name: 'adapters-keep-apart',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/', pathNot: TESTS },
      to: { path: '^src/adapters/', pathNot: '^src/adapters/$1/' },
    },
    {
      name: 'adapters-know-only-the-inside',
      severity: 'error',
      from: { path: '^src/adapters/', pathNot: TESTS },
      to: {
        path: '^src/(sandbox|client|demo|health|in-process)/|^src/http/(?!.*\\.store\\.ts$|callers\\.ts$)|^src/[^/]+\\.ts$',
      },
    },
    {
      name: 'the-other-side-knows-nothing-of-us',
      severity: 'error',
      from: { path: '^src/(client|sandbox)/', pathNot: TESTS },
      to: { path: '^src/', pathNot: '^src/$1/' },
    },
    {
      name: 'the-client-depends-on-nothing',
      severity: 'error',
      from: { path: '^src/client/', pathNot: TESTS },
      to: { dependencyTypes: [...PACKAGES, 'core'] },
    },
    {
      name: 'the-in-process-edge-uses-front-doors',
      severity: 'error',
      from: { path: '^src/in-process/', pathNot: TESTS },
      to: { path: '^src/', pathNot: '^src/(in-process|client|http|kernel)/|^src/modules/[^/]+/index\\.ts$' },
    },
    {
      name: 'one-adapter-knows-the-genesys-sdk',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/adapters/genesys/', TESTS] },
      to: { path: 'purecloud-platform-client-v2' },
    },
    {
      name: 'tests-are-not-shipped',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { path: [TESTS, '^test/', '^bench/', '^soak/'] },
    },
    {
      name: 'shipped-code-needs-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '@types/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
