// `npm run bench [-- NAME … OPTION=NUMBER … --only CASE,…]`: runs each bench in a process of its own, one after the other,
// under a heading with machine and date. Figures of one run compare with each other, never with those of another machine.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const available = globSync('bench/*.ts')
  .map(file => basename(file, '.ts'))
  .filter(name => name !== 'run')
  .sort();
const { values, positionals } = argumentsGiven();
const options = positionals.filter(argument => argument.includes('='));
const asked = positionals.filter(argument => !argument.includes('='));

if (values.help === true) {
  const width = Math.max(...available.map(name => name.length));
  const lines = available.map(name => `  ${name.padEnd(width)}  ${questionOf(name)}`);
  console.log(
    `Usage: npm run bench [-- NAME … OPTION=NUMBER … --only CASE,…]     all of them, unless told\n\n${lines.join('\n')}`,
  );
  process.exit(0);
}
const unknown = asked.filter(name => !available.includes(name));
if (unknown.length > 0) {
  console.error(`No bench ${unknown.join(', ')}. There are: ${available.join(', ')}`);
  process.exit(2);
}

const memoryGiB = Math.round(totalmem() / 2 ** 30);
console.log(
  `${new Date().toISOString().slice(0, 10)} · ${cpus()[0]?.model ?? 'unknown CPU'} · ${availableParallelism()} cores`,
);
console.log(`${memoryGiB} GiB · ${process.platform} ${release()} · Node ${process.version}`);

// As the daemon starts; all that is compared with it starts so, too.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/compiled-code', import.meta.url));

let failed = false;
for (const name of asked.length > 0 ? asked : available) {
  console.log(`\n## ${name}`);
  const only = values.only?.map(cases => `--only=${cases}`) ?? [];
  const command = ['--expose-gc', 'bench/support/one.ts', name, ...options, ...only];
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;

/** Returns the question of a bench: the first paragraph of the comment that begins its file. */
function questionOf(name: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(`bench/${name}.ts`, 'utf8'))?.[1] ?? '';
  const [paragraph = ''] = comment.split(/\n \*\n/);
  return paragraph.replaceAll(/\s*\n \* */g, ' ').trim();
}

function argumentsGiven() {
  try {
    return parseArgs({
      options: { help: { type: 'boolean' }, only: { type: 'string', multiple: true } },
      allowPositionals: true,
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  }
}
