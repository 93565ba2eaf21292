// Runs one bench by name: the process that bench/run.ts starts for each. Options are numbers (`seeds=5`), explained in
// the bench; `--only=a,b` names cases of it.
const onlyOption = '--only=';
const [, , name, ...given] = process.argv;
const bench = (await import(`../${name}.ts`)) as {
  readonly cases?: readonly string[];
  run(options: Record<string, number>, only: readonly string[]): void | Promise<void>;
};
const only = given.flatMap(argument =>
  argument.startsWith(onlyOption) ? argument.slice(onlyOption.length).split(',') : [],
);
const { cases = [] } = bench;
const unknown = only.filter(one => !cases.includes(one));
if (unknown.length > 0) {
  const known = cases.length > 0 ? `There are: ${cases.join(', ')}` : 'It has none.';
  console.error(`No case ${unknown.join(', ')} of ${name}. ${known}`);
  process.exit(2);
}
const options = given.filter(argument => !argument.startsWith(onlyOption));
await bench.run(Object.fromEntries(options.map(numberOf)), only.length > 0 ? only : cases);

function numberOf(option: string): [string, number] {
  const [key = '', value = ''] = option.split('=');
  if (value === '' || !(Number(value) > 0)) throw new Error(`${option}: the value must be a number above 0`);
  return [key, Number(value)];
}
