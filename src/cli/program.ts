import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { Shard } from '../dataset/shard.js';
import { readVersion } from '../util/version.js';
import type { BenchFlags } from './bench.js';
import { addClusterCommands } from './cluster-commands.js';
import type { DemoFlags } from './demo.js';
import type { DoctorFlags } from './doctor.js';
import { helpConfiguration, helpOutput, helpText } from './help.js';
import type { InspectFlags } from './inspect.js';
import { interruptible } from './interrupt.js';
import type { RunFlags } from './run.js';
import type { ServeFlags } from './serve.js';
import type { StressFlags } from './stress.js';
import type { Terminal } from './terminal.js';

/** Rows of the demo: 5 to 8 seconds on two cores. */
const DEMO_ROWS = 150_000;
const MOST_DEMO_ROWS = 2 ** 31 - 1;

/**
 * The command line. What a command needs is loaded once it is called, so that `--help` need not wait for Arrow and
 * zod.
 */
export function createProgram(terminal: Terminal, exit: (code: number) => void): Command {
  const program = new Command('penstock')
    .description(
      'Runs models over data sets, and keeps the device fed: streams Arrow and Parquet data through ONNX Runtime or TensorFlow.',
    )
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput(helpOutput(terminal))
    .configureHelp(helpConfiguration(terminal.colors))
    .addHelpText(
      'after',
      helpText(`
Examples:
  penstock demo                            see it work, in a few seconds
  penstock run job.yaml                    run a job; if it stops, it goes on from
                                           there when it is run again
  penstock run job.yaml --json > report.json
  penstock bench job.yaml                  what limits it, and what to change

Exit codes:
  0    all rows are done
  1    the job failed
  2    wrong usage or job file
  3    done, with bad rows in the dead letters
  130  interrupted: run it again to go on`),
    );

  program
    .command('run')
    .summary('run a job')
    .description('Runs a job: reads its source, runs its model over every row, writes its outputs.')
    .argument('<job>', 'the job file, YAML or JSON')
    .option('--json', 'print the report on stdout, as one JSON document')
    .option(
      '--set <key.path=value>',
      'set a key of the job file; may be given again for another key',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--overwrite', 'replace what another job has written to the same place')
    .option(
      '--shard <i/n>',
      'run only the i-th of n parts of the data set; others may run beside it',
      parseShard,
    )
    .option('--report <file.html>', 'write the report as a page to look at, too')
    .option('--trace <file.json>', 'record what every thread did, for ui.perfetto.dev or chrome://tracing')
    .option('--ui [port]', 'show the run as it goes, as a page on this machine, until it ends', parsePort)
    .addHelpText(
      'after',
      helpText(`
Values of --set are YAML; relative paths in them start at the folder of the job
file, as those in the file do. A job that was stopped goes on from there when it
is run again. The report says where the device's time went: busy, starved (it
waited for rows) or blocked (it waited for outputs to be written).

Shards share the output: when all are done, in any order and on any machines, it
is what one run of the job writes. They are counted 1/n to n/n or 0/n to (n-1)/n:
0/n and n/n are the same one.

Examples:
  penstock run examples/digits/job.yaml
  penstock run job.yaml --set batch.size=128 --set 'source.columns=[id, pixels]'
  penstock run job.yaml --json | jq .throughput.rowsPerSecond
  penstock run job.yaml --report report.html --trace trace.json
  penstock run job.yaml --ui               look at it while it runs
  penstock run job.yaml --shard $SLURM_ARRAY_TASK_ID/64`),
    )
    .action(async (job: string, flags: Partial<RunFlags>) => {
      const all = { json: false, set: [], overwrite: false, ...flags };
      exit(
        await interruptible(terminal, async (interruption) => {
          const { run } = await import('./run.js');
          return run(job, all, terminal, interruption);
        }),
      );
    });

  program
    .command('bench')
    .summary('find out what limits a job, and what a change would bring')
    .description(
      'Measures what each stage of a job can do alone (storage, loader, device over batch sizes, sink), what the whole ' +
        'pipeline does, and what the same steps do one after another; and says what limits, and what one more producer, a ' +
        'larger batch, another instance or faster storage would bring. The output of the job is neither read nor written.',
    )
    .argument('<job>', 'the job file, YAML or JSON')
    .option('--json', 'print the report on stdout, as one JSON document')
    .option('--report <file.html>', 'write the report as a page to look at, too')
    .option('--quick', 'a first look, in about 10 seconds')
    .option('--seconds <n>', 'about how long it may take, 5 or more (default: 60)', parseSeconds)
    .option(
      '--sweep <key.path=value,…>',
      'run the pipeline with each of these values too; of several keys, with every combination',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option(
      '--set <key.path=value>',
      'set a key of the job file; may be given again for another key',
      (text: string, before: string[] = []) => [...before, text],
    )
    .addHelpText(
      'after',
      helpText(`
Everything runs on the job's own data and model, over and over where there is
little of it; parts are written beside sink.uri, to a temporary directory, and
deleted. Each stage is measured three times or more, in turn, and the medians
count: it warns where runs lie far apart, or the machine was busy.

Examples:
  penstock bench examples/digits/job.yaml --quick
  penstock bench job.yaml --sweep batch.size=16,32,64,128 --sweep producers=1,2
  penstock bench job.yaml --report bench.html
  penstock bench job.yaml --json | jq '.limitedBy, .whatIf[0]'`),
    )
    .action(async (job: string, flags: Partial<BenchFlags>) => {
      const all = { json: false, set: [], quick: false, sweep: [], ...flags };
      exit(
        await interruptible(terminal, async (interruption) => {
          const { bench } = await import('./bench.js');
          return bench(job, all, terminal, interruption);
        }),
      );
    });

  program
    .command('demo')
    .summary('see a real job run, in a few seconds')
    .description(
      'Recognises handwritten digits with a small neural network: a real job on real data, from an Arrow file to ' +
        'Arrow files, which are read back and checked. It needs no network and leaves nothing behind.',
    )
    .option('--json', 'print the report on stdout, as one JSON document')
    .option('--rows <n>', 'how many digits', parseRows, DEMO_ROWS)
    .option('--keep <dir>', 'leave data set and output in this folder, which must be empty or new')
    .addHelpText(
      'after',
      helpText(`
Examples:
  penstock demo
  penstock demo --rows 1000000 --keep /tmp/digits`),
    )
    .action(async (flags: Partial<DemoFlags>) => {
      const all = { json: false, rows: DEMO_ROWS, ...flags };
      exit(
        await interruptible(terminal, async (interruption) => {
          const { demo } = await import('./demo.js');
          return demo(all, terminal, interruption);
        }),
      );
    });

  program
    .command('inspect')
    .summary('look into a data set or a model')
    .description(
      'Tells what a data set holds (columns, rows, bytes, splits) or what a model takes and gives. With both, proposes the ' +
        'inputs: block of a job file that feeds the one to the other.',
    )
    .argument('<uri>', 'a file, directory, glob or URL of data; or a model')
    .option('--model <uri>', 'propose how this model is fed from the data')
    .addOption(
      new Option('--format <format>', 'how the files are written').choices([
        'auto',
        'arrow',
        'arrow-stream',
        'parquet',
      ]),
    )
    .option('--json', 'print one JSON document on stdout')
    .addHelpText(
      'after',
      helpText(`
Examples:
  penstock inspect examples/digits/digits.arrow
  penstock inspect native-models/digits/digits.onnx
  penstock inspect examples/digits/digits.arrow --model native-models/digits/digits.onnx`),
    )
    .action(async (uri: string, flags: Partial<InspectFlags>) => {
      const { inspect } = await import('./inspect.js');
      exit(await inspect(uri, { json: false, ...flags }, terminal));
    });

  program
    .command('doctor')
    .summary('what can run on this machine, and what is missing')
    .description(
      'Looks at the machine, its GPUs, ONNX Runtime and the optional packages, and says what to do where something is ' +
        'missing. Nothing is believed that was not tried: each provider runs a small model, in a process of its own, ' +
        'since a broken driver may crash or hang.',
    )
    .option('--json', 'print one JSON document on stdout')
    .addHelpText(
      'after',
      helpText(`
No probe takes longer than 30 seconds. The exit code is 0 where models can run on
the CPU at least, and 1 where not even that works.

Examples:
  penstock doctor
  penstock doctor --json | jq -r '.providers[] | select(.status == "ok").name'`),
    )
    .action(async (flags: Partial<DoctorFlags>) => {
      const { doctor } = await import('./doctor.js');
      exit(await doctor({ json: false, ...flags }, terminal));
    });

  program
    .command('serve')
    .summary('serve models to online requests')
    .description(
      'Serves models by the Open Inference Protocol (version 2, as KServe and Triton speak it) over HTTP and gRPC: ' +
        'requests become batches, are scheduled by class, and are refused at once where they could not be answered in time.',
    )
    .argument('<config>', 'the configuration, YAML or JSON')
    .option('--host <address>', 'where to listen, in place of listen.host')
    .option('--port <n>', 'on which port HTTP is, in place of listen.port; 0: any free one')
    .option(
      '--set <key.path=value>',
      'set a key of the configuration; may be given again for another key',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--log-requests', 'write a line for each request, without what is in it')
    .option('--insecure', 'listen on other addresses than loopback although there is no token')
    .option('--json', 'once it listens, print what it serves and where on stdout, as one JSON document')
    .addHelpText(
      'after',
      helpText(`
Where the environment has PENSTOCK_TOKEN, clients must send it as bearer token;
health endpoints answer without. Its live page is at /, metrics for Prometheus
are at /metrics. SIGTERM or Ctrl-C: what is in flight is answered, nothing more
is taken, and it ends with exit code 0; a second one ends it at once.

Examples:
  penstock serve examples/serve/serve.yaml
  curl http://127.0.0.1:8000/v2/models/digits
  PENSTOCK_TOKEN=… penstock serve serve.yaml --host 0.0.0.0`),
    )
    .action(async (config: string, flags: Partial<ServeFlags>) => {
      const all = { json: false, set: [], insecure: false, ...flags };
      exit(
        await interruptible(
          terminal,
          async (interruption) => {
            const { serve } = await import('./serve.js');
            return serve(config, all, terminal, interruption);
          },
          'draining: what is in flight is answered; press Ctrl-C again to stop at once',
        ),
      );
    });

  addClusterCommands(program, terminal, exit);

  program
    .command('stress')
    .summary('put realistic load on a server, and on one that answers request by request')
    .description(
      'Measures what a server with this configuration can do, then plays scenarios of production against it: steady load and ' +
        'twice what it can do, bursts, competing streams, a batch job beside, slow storage, a model that crashes or hangs. The ' +
        'same is done to a server that runs each request by itself, as one does without Penstock. Both run on this machine, on ' +
        'any free port of 127.0.0.1.',
    )
    .argument('<config>', 'the configuration of penstock serve, YAML or JSON')
    .option('--json', 'print the report on stdout, as one JSON document')
    .option('--report <file.html>', 'write the report as a page to look at, too')
    .option(
      '--scenario <name…>',
      'only these: steady-30, steady-50, steady-80, steady-95, overload, ramp, burst, competing, job, slow-storage, crash, hang, trace',
      (text: string, before: string[] = []) => [...before, ...text.split(',').map((name) => name.trim())],
    )
    .option('--seconds <n>', 'of load in each scenario, on each server (default: 8)', parseLoadSeconds)
    .option('--quick', 'a first look: 2 seconds each')
    .option('--seed <n>', 'what arrivals are made of (default: 1)', parseSeed)
    .option('--endpoint <name>', 'where requests go (default: the first of those whose class comes first)')
    .option('--rows <n>', 'rows of a request (default: 1)', parseRows)
    .option(
      '--trace <file>',
      'a load that was recorded, for the scenario trace: CSV or JSON lines of time, endpoint, rows',
    )
    .option(
      '--set <key.path=value>',
      'set a key of the configuration; may be given again for another key',
      (text: string, before: string[] = []) => [...before, text],
    )
    .addHelpText(
      'after',
      helpText(`
Requests are sent when they are due, whatever becomes of those before, and latency
counts from when they were due: what waits is not hidden. Jobs of the configuration
are left out; a batch job beside runs over made up rows. How to read it, and how it
is measured: docs/stress.md.

Examples:
  penstock stress serve.yaml
  penstock stress serve.yaml --quick --report stress.html
  penstock stress serve.yaml --scenario overload,burst --seconds 30
  penstock stress serve.yaml --trace monday.csv --scenario trace
  penstock stress serve.yaml --json | jq '.capacity.ratio, .findings'`),
    )
    .action(async (config: string, flags: Partial<StressFlags>) => {
      const all = { json: false, set: [], quick: false, scenario: [], seed: 1, rows: 1, ...flags };
      exit(
        await interruptible(
          terminal,
          async (interruption) => {
            const { stress } = await import('./stress.js');
            return stress(config, all, terminal, interruption);
          },
          'stopping; press Ctrl-C again to stop at once',
        ),
      );
    });

  program
    .command('schema')
    .summary('print the JSON Schema of the job file, or of the configuration of serve')
    .description('Prints a JSON Schema, for editors: every key with its meaning and default.')
    .addArgument(new Argument('[file]', 'which file').choices(['job', 'serve']).default('job'))
    .addHelpText(
      'after',
      helpText(`
Examples:
  penstock schema > job.schema.json
  penstock schema serve > serve.schema.json

and in the first line of a job file, for editors with a YAML language server:
  # yaml-language-server: $schema=job.schema.json
or where Penstock is installed beside it:
  # yaml-language-server: $schema=node_modules/penstock/docs/schema/job.json`),
    )
    .action(async (file: 'job' | 'serve') => {
      const { schema } = await import('./schema.js');
      exit(schema(file, terminal));
    });

  return program;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 5) return seconds;
  throw new InvalidArgumentError('Expected a number of seconds from 5 on.');
}

/** Schedulers count from 0 or from 1: modulo n, both name every shard once. */
function parseShard(text: string): Shard {
  const [, i, n] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  const [index, count] = [Number(i), Number(n)];
  if (count >= 1 && index <= count) return { index: index % count, count };
  throw new InvalidArgumentError(
    'Expected i/n, as in 3/8: n is the number of shards, from 1 on, and i is from 1 to n, or from 0 to n-1.',
  );
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('Expected a port, 0 to 65535.');
}

function parseLoadSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0.5) return seconds;
  throw new InvalidArgumentError('Expected a number of seconds from 0.5 on.');
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new InvalidArgumentError('Expected a whole number from 0 on.');
}

function parseRows(text: string): number {
  const rows = Number(text.replaceAll(/[_,]/g, ''));
  if (Number.isInteger(rows) && rows >= 1 && rows <= MOST_DEMO_ROWS) return rows;
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}
