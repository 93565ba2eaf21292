/** A process of tests that ends before they are all through has failed, whatever exit code it has given itself. */
import { after } from 'node:test';

let isThrough = false;
after(() => {
  isThrough = true;
});
process.once('exit', () => {
  if (!isThrough) process.exitCode = 1;
});
