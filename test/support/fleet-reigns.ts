/** Who conducted when: as the gateways tell it in their logs, and as the row had it. */
import assert from 'node:assert/strict';
import type { FleetGateway } from './fleet-gateways.ts';

type Query = (sql: string) => Promise<Record<string, any>[]>;

interface Reign {
  readonly at: number;
  readonly epoch: number;
  readonly by: string;
}

/** Remembers every holder that the row has from now on. */
export const recordRow = (query: Query): Promise<unknown> =>
  query(`
CREATE TABLE row_seen (at BIGSERIAL, epoch BIGINT, holder UUID);
CREATE FUNCTION see_row() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO row_seen (epoch, holder) VALUES (NEW.epoch, NEW.holder); RETURN NULL; END';
CREATE TRIGGER see_row AFTER UPDATE ON gateway_fleets FOR EACH ROW
  WHEN ((OLD.epoch, OLD.holder) IS DISTINCT FROM (NEW.epoch, NEW.holder)) EXECUTE FUNCTION see_row()`);

const begun = /"time":"?([^",]+)"?.*this gateway grants the seats of the fleet \(epoch (\d+)\)/;

/** In the order in which they began. */
export function reignsOf(gateways: readonly FleetGateway[]): Reign[] {
  const reigns = gateways.flatMap(({ name, daemon }) =>
    daemon.output.split('\n').flatMap(line => {
      const [, time, epoch] = begun.exec(line) ?? [];
      return time === undefined ? [] : [{ at: new Date(time).getTime(), epoch: Number(epoch), by: name }];
    }),
  );
  return reigns.sort((one, other) => one.at - other.at);
}

/** Each election has an epoch above all before it, and nobody else has it. */
export async function assertNobodyTwice(gateways: readonly FleetGateway[], query: Query): Promise<Reign[]> {
  const reigns = reignsOf(gateways);
  const epochs = reigns.map(({ epoch }) => epoch);
  assert.deepEqual(
    epochs,
    [...new Set(epochs)].sort((one, other) => one - other),
    JSON.stringify(reigns),
  );
  const seen = await query('SELECT epoch, holder FROM row_seen ORDER BY at');
  const holders = new Map<number, string>();
  let highest = 0;
  for (const { epoch, holder } of seen) {
    assert.ok(Number(epoch) >= highest, `the row goes from epoch ${highest} back to ${epoch}`);
    highest = Number(epoch);
    if (holder === null) continue;
    assert.equal(holders.get(highest) ?? holder, holder, `epoch ${epoch} has two holders`);
    holders.set(highest, holder);
  }
  return reigns;
}
