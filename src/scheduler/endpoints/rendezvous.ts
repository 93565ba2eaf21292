/** Scores of rendezvous hashing: of all endpoints, the one with the highest score for a hash is its home. */

interface Scored {
  readonly idHash: number;
  /** Its weight. */
  readonly seats: number;
}

/** Above 0. The scores of an endpoint do not depend on others, so a hash moves only if its home goes or a better one comes. */
export const scoreOf = (hash: number, { idHash, seats }: Scored): number =>
  -seats / Math.log((mixed(hash ^ idHash) + 0.5) / 2 ** 32);

/** FNV-1a; IDs come from the configuration, so nobody chooses ones that collide. */
export function idHashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return mixed(hash);
}

/** The last step of MurmurHash3: each bit of the result depends on all of the argument. */
function mixed(bits: number): number {
  let mix = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return (mix ^ (mix >>> 16)) >>> 0;
}
