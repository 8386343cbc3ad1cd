// The rooms of src, in the order in which the data flows (DESIGN §2): a room imports rooms to its left, never to
// its right. A new room is one more word in this list; everything below is derived from it.
const ROOMS = [
  'util',
  'clock',
  'storage',
  'dataset',
  'ring',
  'produce',
  'session',
  'consume',
  'sink',
  'measure',
  'job',
  'serve',
  'cluster',
  'bench',
  'stress',
  'page',
  'cli',
];

const anyOf = (rooms) => `^src/(?:${rooms.join('|')})/`;

const leftOnly = ROOMS.slice(0, -1).map((room, index) => {
  const right = ROOMS.slice(index + 1);
  return {
    name: `${room}-imports-only-to-its-left`,
    severity: 'error',
    comment:
      `src/${room} may import ${[...ROOMS.slice(0, index), 'itself'].join(', ')}. Move what both need to a room further ` +
      'left, or hand it in as an argument from a room further right.',
    from: { path: anyOf([room]) },
    to: { path: anyOf(right) },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...leftOnly,
    {
      name: 'no-circle',
      severity: 'error',
      comment:
        'These files import each other in a circle, counting types. Move what they share into a file of its own ' +
        'that imports none of them.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'index-is-for-users',
      severity: 'error',
      comment: 'src/index.ts is the public face, for users alone. Import the file that defines the thing.',
      from: { path: '^src/' },
      to: { path: '^src/index\\.ts$' },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      comment:
        'Only src is published: it may import packages and src, not the built dist (nor penstock by its own name), ' +
        'tests, benchmarks or scripts. Move what is needed into src.',
      from: { path: '^src/' },
      // What does not resolve is an optional package that is not installed here; tsc finds the misspelt ones.
      to: { dependencyTypesNot: ['core'], couldNotResolve: false, pathNot: '^src/|(?:^|/)node_modules/' },
    },
    {
      name: 'no-unknown-room',
      severity: 'error',
      comment:
        `This file is in no room. Move it to the one it belongs to (${ROOMS.join(', ')}); for a new room, add it ` +
        'to the list in .dependency-cruiser.cjs, at its place in the flow.',
      // dependency-cruiser has no rule on a file by itself but this: nothing has 100 dependents or more here, and
      // a file that nobody imports is matched too.
      module: { path: '^src/', pathNot: `${anyOf(ROOMS)}|^src/index\\.ts$`, numberOfDependentsLessThan: 100 },
      from: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Imports that tsc erases (types) bind rooms to each other as much as the others do.
    tsPreCompilationDeps: true,
    // As Node resolves: through the exports of a package, our own included.
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'node', 'import', 'default'],
    },
  },
};
