// Which way imports may point. docs/architecture.md explains the layers; this file enforces them.

/** A library may import only the listed targets. Specs and suites may also reach for testing and devDependencies. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from, pathNot: '\\.(spec|test|suite)\\.tsx?$' },
  to: { path: '^(apps|libs)/', pathNot: allowed },
});

const never = (name, from, to, comment) => ({ name, comment, severity: 'error', from, to });

const layers = [
  only('contracts-import-contracts', '^libs/contracts/', ['^libs/contracts/'], 'contracts are the bottom: schemas only'),
  only('domain-is-pure', '^libs/domain/', ['^libs/(domain|contracts)/', '^libs/platform/errors/'], 'domain decides; it does not act'),
  only('platform-imports-platform', '^libs/platform/', ['^libs/platform/'], 'platform knows no layer above it'),
  only('oci-layer', '^libs/oci/', ['^libs/(oci|contracts|platform)/'], 'oci speaks formats, it runs nothing'),
  only('engine-api-layer', '^libs/engine-api/', ['^libs/(engine-api|contracts|platform)/'], 'shared by the daemon and the cluster engine'),
  only('runtime-layer', '^libs/runtime/', ['^libs/(runtime|oci|domain|contracts|platform)/'], 'runtime knows no daemon and no link'),
  only('ui-knows-no-resource', '^libs/ui/', ['^libs/ui/'], 'ui is tokens and primitives'),
  only('testing-layer', '^libs/testing/', ['^libs/(testing|contracts|platform|domain)/'], 'simulated ends speak contracts'),
];

const apps = ['agent', 'api', 'cli', 'web'].map((app) =>
  never(`${app}-imports-no-other-app`, { path: `^apps/${app}/` }, { path: '^apps/', pathNot: [`^apps/${app}/`] }, 'apps meet on the wire, not in imports'),
);

const owners = [
  never(
    'runtime-is-agent-only',
    { path: '^apps/(api|web|cli)/' },
    { path: '^libs/(runtime|oci)/', pathNot: '^libs/oci/(reference|digest)' },
    'only a node runs containers',
  ),
  never('ui-is-web-only', { path: '^(apps/(api|agent|cli)|libs/(?!ui/))' }, { path: '^libs/ui/' }, 'only the dashboard draws'),
  never(
    'persistence-behind-repositories',
    { path: '^apps/api/src/', pathNot: ['\\.repository\\.ts$', '^apps/api/src/persistence/', '\\.(mapper|spec)\\.ts$'] },
    { path: '^apps/api/src/persistence/generated/' },
    'the generated Prisma client is seen by repositories and persistence alone',
  ),
  never('prisma-is-api-only', { path: '^(apps/(?!api/)|libs/)' }, { path: '(^|node_modules/)@prisma/' }, 'one process owns the database'),
  never(
    'pure-code-has-no-node',
    { path: '^libs/(contracts|domain)/', pathNot: '\\.(spec|test)\\.ts$' },
    { dependencyTypes: ['core'] },
    'no I/O in contracts and domain',
  ),
  never(
    'testing-stays-in-tests',
    { pathNot: ['\\.(spec|test|suite)\\.tsx?$', '^libs/testing/', '^apps/[^/]+/(test|e2e|tools)/', '^(tools|bench)/'] },
    { path: '^libs/testing/' },
    'fakes never ship',
  ),
];

export default {
  forbidden: [
    never('no-cycles', {}, { circular: true }, 'a cycle means that two files are one'),
    never(
      'no-unresolved',
      { pathNot: '\\.mjs$' },
      { couldNotResolve: true, pathNot: '^(@gantry/|.*/generated/)' },
      'an import must name a file or a dependency',
    ),
    ...layers,
    ...apps,
    ...owners,
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '/generated/'] },
    exclude: { path: ['(^|/)(dist|target|\\.next|\\.nx)/', 'next-env\\.d\\.ts$'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
  },
};
