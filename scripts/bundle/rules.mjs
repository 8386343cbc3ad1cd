// @ts-check
// What goes into a bundle and what stays out: all rules of it. Patterns are picomatch's, relative to a package's folder.

/** What a bundle is for. Nothing of any other system is in it. */
export const PLATFORM = { os: 'linux', cpu: 'x64', libc: 'glibc' };

/** Kept whatever other rules say: whoever hands software on hands on its licence, too. */
export const LICENCES = [
  '**/{LICENSE,LICENCE,License,Licence,NOTICE,Notice,COPYING,COPYRIGHT,ThirdPartyNotices}*',
  '**/{license,licence,notice,copying}{,.md,.txt}',
];

/** Packages that are types and nothing else. */
export const PACKAGES_OUT = ['@types/*', '@webgpu/types'];

/** Out of every package: nothing of it is read when a program runs. */
export const FILES_OUT = [
  // For debuggers and compilers.
  '**/*.map',
  '**/*.{d.ts,d.mts,d.cts}',
  '**/*.{ts,mts,cts,tsx,tsbuildinfo}',
  '**/*.flow',
  // For people, and for those who change the package.
  '**/*.{md,markdown}',
  '{test,tests,__tests__,doc,docs,example,examples,benchmark,benchmarks,coverage}/**',
  '**/.*',
  '**/.*/**',
  '**/{tsconfig*.json,Makefile,Gruntfile.js,bower.json,component.json,yarn.lock,package-lock.json}',
  // Sources of native addons, which are there built.
  '**/*.{c,cc,cpp,h,hh,hpp,gyp,gypi,inc,S,asm}',
  // Native addons for another C library.
  '**/*.musl.node',
  // For browsers.
  '**/*.{html,svg}',
];

/**
 * Of these packages `only` some files are needed, or all `but` some; beside what is out of every package.
 * @type {Readonly<Record<string, { only?: readonly string[], but?: readonly string[] }>>}
 */
export const BY_PACKAGE = {
  // The CUDA libraries, where they are installed, are a bundle of their own (--cuda). Its metadata is what doctor reads.
  'onnxruntime-node': {
    only: [
      'package.json',
      'dist/**',
      'script/install-metadata*.js',
      'bin/napi-v6/linux/x64/{onnxruntime_binding.node,libonnxruntime.so.1}',
    ],
  },
  'onnxruntime-common': { only: ['package.json', 'dist/cjs/**', 'dist/esm/**'] },
  webgpu: { only: ['package.json', 'index.js', 'dist/linux-x64/**'] },
  koffi: { but: ['vendor/**', 'lib/**'] },
  '@koromix/koffi-linux-x64': { but: ['musl_x64/**'] },
  'parquet-wasm': { only: ['package.json', 'node/**'] },
  // One file for Node each, and everything else in six other forms.
  '@tensorflow/*': { only: ['package.json', 'dist/*.node.js', 'dist/*.wasm'] },
  'apache-arrow': { but: ['Arrow.{es2015,esnext}.min.js', 'Arrow.externs.*', 'bin/**', 'src/**'] },
  zod: { but: ['src/**'] },
  luxon: { but: ['build/{amd,global,cjs-browser}/**', 'src/**'] },
  bintrees: { only: ['package.json', 'index.js', 'lib/**'] },
  protobufjs: { but: ['dist/**', 'cli/**'] },
  uplot: { only: ['package.json', 'dist/uPlot.{esm.js,min.css}'] },
};

/**
 * Out of Penstock's own package. Models of TensorFlow stay, since its runtime does, and documents, since they are read on
 * the host; examples that need packages of their own go.
 */
export const PENSTOCK_OUT = [
  '**/*.{map,d.ts,tsbuildinfo}',
  'docs/images/**',
  'examples/*.ts',
  'examples/{grafana,images,tokenize}/**',
  'native-models/**/*.mjs',
];

/** Of this repository, and not of its npm package. */
export const PENSTOCK_ALSO = ['bench/gpu/**/*.{mjs,py}'];

/**
 * Parts of a bundle, by the first pattern that a path fits: what sizes are told of, and what is compressed in one piece.
 * `code`: mostly machine code, which shrinks more behind a filter that knows jumps.
 */
export const COMPONENTS = [
  { name: 'Node.js', paths: 'node/**', code: true },
  { name: 'ONNX Runtime', paths: 'penstock/node_modules/onnxruntime-node/**', code: true },
  { name: 'WebGPU (Dawn)', paths: 'penstock/node_modules/webgpu/**', code: true },
  { name: 'OpenDAL', paths: 'penstock/node_modules/@opendal/**', code: true },
  { name: 'TensorFlow.js', paths: 'penstock/node_modules/@tensorflow/**', code: false },
  { name: 'other packages', paths: 'penstock/node_modules/**', code: false },
  { name: 'models', paths: 'penstock/native-models/**', code: false },
  { name: 'Penstock', paths: 'penstock/**', code: false },
  { name: 'CUDA and its like', paths: 'cuda/**', code: true },
  { name: 'system libraries', paths: 'lib/**', code: true },
  { name: 'run.sh and checksums', paths: '**', code: false },
];

/**
 * Libraries out of Debian's packages. run.sh uses a folder of them only where the host has no `needed` library of its own.
 */
export const DEBIAN = {
  atomic: {
    needed: 'libatomic.so.1',
    packages: ['libatomic1'],
    whatFor: 'what Node.js links from release 26 on, and no small image has',
  },
  vulkan: {
    needed: 'libvulkan.so.1',
    packages: ['libvulkan1'],
    whatFor: "Vulkan's loader, by which WebGPU finds the driver",
  },
  x11: {
    needed: 'libXext.so.6',
    packages: ['libx11-6', 'libxext6', 'libxcb1', 'libxau6', 'libxdmcp6', 'libbsd0', 'libmd0'],
    whatFor: "what NVIDIA's Vulkan driver links, with or without a display",
  },
};

/** What a bundle for CPU and WebGPU may take at the most. */
export const BAR_MIB = 60;
