/** The sentences that tell how much of its fleet an answer tells of. */
import type { FleetSight } from '../../domain/shown/fleet.ts';
import type { Outlook } from '../../fleet/outlook.ts';

const nobody: FleetSight = {
  conductor: null,
  complete: false,
  missing: [],
  reason: 'No gateway conducts the fleet at present, as far as this one knows',
};

const overReason =
  'The gateway that conducts can neither renew its row in the database nor hear all others: another one may conduct by now';

/** Of a conductor's own answer; `silentOnes` were asked, and have not answered. */
export function sightOf(outlook: Outlook | null, own: string, silentOnes: readonly string[] = []): FleetSight {
  if (outlook?.who !== 'self') return sightWithout(outlook);
  const missing = [...outlook.unheard.map(({ name }) => name), ...silentOnes].sort();
  const missingReason = missing.length === 0 ? null : `Not heard at present: ${missing.join(', ')}`;
  return {
    conductor: own,
    complete: outlook.reigns && missing.length === 0,
    missing,
    reason: outlook.reigns ? missingReason : overReason,
  };
}

/** Where no conductor has answered. */
export function sightWithout(outlook: Outlook | null): FleetSight {
  if (outlook?.who !== 'other') return nobody;
  const { name } = outlook.conductor;
  const reason = `The gateway ${name}, which conducts the fleet, does not answer`;
  return { conductor: name, complete: false, missing: [name], reason };
}
