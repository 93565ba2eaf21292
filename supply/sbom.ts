// `npm run sbom`: writes the bill of materials into dist/. `-- FILE` writes it there instead.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBill } from './bill.ts';

const folder = fileURLToPath(new URL('..', import.meta.url));
const file = resolve(process.argv[2] ?? join(folder, 'dist/tokligence-gateway.cdx.json'));

try {
  const bill = await makeBill(folder);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bill);
  console.log(`sbom: ${file}`);
} catch (error) {
  console.error(`sbom: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
